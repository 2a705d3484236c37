"""Keys in the folders of a project."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from poco.appio.encryption import decrypt_dataset, encrypt_result
from poco.errors import ConfigurationError, UserInputError
from poco.market.sealing import (
    encrypt_datasets,
    encryptions,
    make_result_keys,
    open_result,
    read_key,
)

ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


@pytest.fixture(scope="module")
def own_key() -> bytes:
    return pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def test_encrypt_datasets__folder_of_files__each_has_a_key_of_its_own(tmp_path: Path) -> None:
    originals, locked, keys = (tmp_path / name for name in ("original", "encrypted", "keys"))
    (originals / "folder").mkdir(parents=True)
    for name in ("a.csv", "b.csv"):
        (originals / name).write_text(f"content of {name}")
    done = encrypt_datasets(encryptions(originals, locked, keys))
    assert [dataset.original.name for dataset in done] == ["a.csv", "b.csv"]
    for dataset in done:
        assert dataset.checksum == hashlib.sha256(dataset.encrypted.read_bytes()).digest()
        plain = tmp_path / "plain"
        decrypt_dataset(dataset.encrypted, plain, dataset.key.read_text())
        assert plain.read_text() == f"content of {dataset.original.name}"
    assert done[0].key.read_text() != done[1].key.read_text()
    assert (keys / "dataset.key").read_text() == done[1].key.read_text()
    assert {file.stat().st_mode & 0o777 for file in keys.iterdir()} == {0o600}


def test_encryptions__no_file__is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UserInputError, match="must hold files"):
            encryptions(folder, tmp_path, tmp_path)


def test_encrypt_datasets__folder_is_a_file__is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    (tmp_path / "locked").write_text("in the way")
    wanted = encryptions(tmp_path, tmp_path / "locked", tmp_path / "keys")
    with pytest.raises(ConfigurationError, match="cannot be read or written"):
        encrypt_datasets(wanted)


def test_encrypt_datasets__dataset_cannot_be_read__keeps_the_older_pair(tmp_path: Path) -> None:
    originals, encrypted, keys = (tmp_path / name for name in ("plain", "encrypted", "keys"))
    originals.mkdir()
    (originals / "data").write_text("first")
    wanted = encryptions(originals, encrypted, keys)
    encrypt_datasets(wanted)
    before = {path.name: path.read_bytes() for path in (*encrypted.iterdir(), *keys.iterdir())}
    (originals / "data").unlink()
    with pytest.raises(ConfigurationError, match="No such file"):
        encrypt_datasets(wanted)
    after = {path.name: path.read_bytes() for path in (*encrypted.iterdir(), *keys.iterdir())}
    assert after == before


def test_make_result_keys__new_one_cannot_be_made__older_ones_stay(
    tmp_path: Path, own_key: bytes
) -> None:
    make_result_keys(tmp_path, ADDRESS, pem=own_key)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UserInputError, match="Invalid beneficiary key"):
        make_result_keys(tmp_path, ADDRESS, replace=True, pem=b"no key")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_make_result_keys__own_key__opens_what_is_encrypted_for_it(
    tmp_path: Path, own_key: bytes
) -> None:
    private, public = make_result_keys(tmp_path, ADDRESS, pem=own_key)
    assert private.name == f"{ADDRESS}_key"
    archive = tmp_path / "result.zip"
    archive.write_bytes(b"a result")
    encrypt_result(archive, tmp_path / "sealed.zip", public.read_bytes())
    key = read_key(tmp_path, private.name)
    open_result(tmp_path / "sealed.zip", tmp_path / "opened.zip", key)
    assert (tmp_path / "opened.zip").read_bytes() == b"a result"


def test_make_result_keys__there_is_one__is_moved_aside_when_told_to(
    tmp_path: Path, own_key: bytes
) -> None:
    private, _ = make_result_keys(tmp_path, ADDRESS, pem=own_key)
    first = private.read_bytes()
    with pytest.raises(UserInputError, match="must not be overwritten"):
        make_result_keys(tmp_path, ADDRESS, pem=own_key)
    for number in (1, 2):
        make_result_keys(tmp_path, ADDRESS, replace=True, pem=own_key)
        assert (tmp_path / f"{private.name}.{number}").read_bytes() == first


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (b"no key", "Invalid beneficiary key"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "must be an RSA key"),
        (pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)), "2048 bits"),
    ],
    ids=["no PEM", "another algorithm", "too short"],
)
def test_make_result_keys__unusable_key__is_refused(tmp_path: Path, key: bytes, told: str) -> None:
    with pytest.raises(UserInputError, match=told):
        make_result_keys(tmp_path, ADDRESS, pem=key)
    assert list(tmp_path.iterdir()) == []


def test_read_key__missing__names_the_file(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match="nobody_key"):
        read_key(tmp_path, "nobody_key")


def test_open_result__target_cannot_be_written__is_told_in_one_line(
    tmp_path: Path, own_key: bytes
) -> None:
    _, public = make_result_keys(tmp_path, ADDRESS, pem=own_key)
    (tmp_path / "result.zip").write_bytes(b"a result")
    encrypt_result(tmp_path / "result.zip", tmp_path / "sealed.zip", public.read_bytes())
    with pytest.raises(ConfigurationError, match="cannot be read or written"):
        open_result(tmp_path / "sealed.zip", tmp_path / "missing" / "opened.zip", own_key)
