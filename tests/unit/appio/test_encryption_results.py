"""Results: a zip with an AES key for the beneficiary's RSA key, also as old clients made it."""

from __future__ import annotations

import base64
import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from poco.appio import encryption
from poco.appio.encryption import (
    decrypt_result,
    encrypt_result,
    generate_result_keypair,
    public_key_from_secret,
)
from poco.errors import UserInputError

ADDRESS = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
KEY_ENTRY = "aes-key.rsa"
RESULT_ENTRY = "iexec_out.zip.aes"


def private_pem(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def public_pem(key: PrivateKeyTypes) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@pytest.fixture(scope="module")
def beneficiary() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def stranger() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "iexec_out.zip"
    path.write_bytes(os.urandom(100_001))
    return path


@pytest.fixture
def locked(archive: Path, beneficiary: rsa.RSAPrivateKey) -> Path:
    path = archive.with_name("encrypted-iexec_out.zip")
    encrypt_result(archive, path, public_pem(beneficiary))
    return path


def repacked(locked: Path, **changes: bytes | None) -> Path:
    """Return a copy of an encrypted archive with other entries; None leaves one out."""
    with zipfile.ZipFile(locked) as outer:
        entries = {name: outer.read(name) for name in outer.namelist()} | changes
    path = locked.with_name("repacked.zip")
    with zipfile.ZipFile(path, "w") as outer:
        for name, content in entries.items():
            if content is not None:
                outer.writestr(name, content)
    return path


def test_result__encrypted_and_decrypted__is_the_same(
    archive: Path, locked: Path, beneficiary: rsa.RSAPrivateKey
) -> None:
    again = archive.with_name("again.zip")
    decrypt_result(locked, again, private_pem(beneficiary))
    assert again.read_bytes() == archive.read_bytes()


def test_encrypt_result__holds_the_two_official_entries(locked: Path) -> None:
    with zipfile.ZipFile(locked) as outer:
        sizes = {entry.filename: entry.file_size for entry in outer.infolist()}
    assert sizes == {RESULT_ENTRY: 16 + 100_001 + 15, KEY_ENTRY: 256}


def test_encrypt_result__archive_beyond_the_limit_of_plain_zips__is_readable(
    archive: Path, beneficiary: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit, two gigabytes, is lowered so that the test is quick."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 50_000)
    locked, again = archive.with_name("locked.zip"), archive.with_name("again.zip")
    encrypt_result(archive, locked, public_pem(beneficiary))
    decrypt_result(locked, again, private_pem(beneficiary))
    assert again.read_bytes() == archive.read_bytes()


@pytest.mark.parametrize("line_bytes", [0, 76], ids=["one_line", "lines"])
@pytest.mark.parametrize("size", [0, 15, 16, 1_600_000])
def test_decrypt_result__made_before_version_9__is_read(
    tmp_path: Path, beneficiary: rsa.RSAPrivateKey, size: int, line_bytes: int
) -> None:
    """OpenSSL writes the legacy format: AES-128-ECB in base64, the key in base64 twice."""
    secret = os.urandom(16)
    plain = os.urandom(size)
    command = ["openssl", "enc", "-aes-128-ecb", "-K", secret.hex()]
    payload = base64.b64encode(
        subprocess.run(command, input=plain, capture_output=True, check=True).stdout
    )
    if line_bytes:
        payload = b"\r\n".join(
            payload[start : start + line_bytes] for start in range(0, len(payload), line_bytes)
        )
    wrapped = beneficiary.public_key().encrypt(base64.b64encode(secret), padding.PKCS1v15())
    with zipfile.ZipFile(tmp_path / "old.zip", "w", zipfile.ZIP_DEFLATED) as outer:
        outer.writestr(RESULT_ENTRY, payload)
        outer.writestr(KEY_ENTRY, base64.b64encode(wrapped))
    decrypt_result(tmp_path / "old.zip", tmp_path / "plain.zip", private_pem(beneficiary))
    assert (tmp_path / "plain.zip").read_bytes() == plain


def test_decrypt_result__of_another_beneficiary__is_refused_and_leaves_nothing(
    archive: Path, locked: Path, stranger: rsa.RSAPrivateKey
) -> None:
    with pytest.raises(UserInputError, match="Failed to decrypt results"):
        decrypt_result(locked, archive.with_name("again.zip"), private_pem(stranger))
    names = sorted(path.name for path in archive.parent.iterdir())
    assert names == ["encrypted-iexec_out.zip", "iexec_out.zip"]


def test_decrypt_result__damaged_payload__is_refused(
    tmp_path: Path, locked: Path, beneficiary: rsa.RSAPrivateKey
) -> None:
    cut = repacked(locked, **{RESULT_ENTRY: bytes(40)})
    with pytest.raises(UserInputError, match="with decrypted results key"):
        decrypt_result(cut, tmp_path / "again.zip", private_pem(beneficiary))


@pytest.mark.parametrize("entry", [KEY_ENTRY, RESULT_ENTRY])
def test_decrypt_result__entry_missing__is_told(
    tmp_path: Path, locked: Path, beneficiary: rsa.RSAPrivateKey, entry: str
) -> None:
    with pytest.raises(UserInputError, match=f"Missing {entry} file in zip input file"):
        decrypt_result(
            repacked(locked, **{entry: None}), tmp_path / "again.zip", private_pem(beneficiary)
        )


def test_decrypt_result__key_entry_too_large__is_refused(
    tmp_path: Path, locked: Path, beneficiary: rsa.RSAPrivateKey
) -> None:
    with pytest.raises(UserInputError, match=r"aes-key\.rsa is too large: it may have 1000 bytes"):
        decrypt_result(
            repacked(locked, **{KEY_ENTRY: bytes(1001)}),
            tmp_path / "again.zip",
            private_pem(beneficiary),
        )


def test_decrypt_result__payload_too_large__is_refused(
    tmp_path: Path,
    locked: Path,
    beneficiary: rsa.RSAPrivateKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(encryption, "MAX_RESULT_BYTES", 1000)
    with pytest.raises(UserInputError, match=r"iexec_out\.zip\.aes is too large"):
        decrypt_result(locked, tmp_path / "again.zip", private_pem(beneficiary))


@pytest.mark.parametrize("content", [bytes(256), b"", b"not base64!", b"QUJD"])
def test_decrypt_result__key_that_is_none__is_refused(
    tmp_path: Path, locked: Path, beneficiary: rsa.RSAPrivateKey, content: bytes
) -> None:
    damaged = repacked(locked, **{KEY_ENTRY: content})
    with pytest.raises(UserInputError, match="Failed to decrypt results"):
        decrypt_result(damaged, tmp_path / "again.zip", private_pem(beneficiary))


@pytest.mark.parametrize("damage", ["no_zip", "wrong_crc", "bad_deflate", "bad_offset", "bad_name"])
def test_decrypt_result__damaged_archive__is_refused(
    tmp_path: Path, locked: Path, beneficiary: rsa.RSAPrivateKey, damage: str
) -> None:
    if damage == "bad_deflate":
        with zipfile.ZipFile(locked, "w", zipfile.ZIP_DEFLATED) as outer:
            outer.writestr(RESULT_ENTRY, os.urandom(64))
            outer.writestr(KEY_ENTRY, bytes(512))
    content = bytearray(locked.read_bytes())
    if damage == "no_zip":
        content = bytearray(b"PK no zip")
    elif damage == "bad_offset":  # of the directory, so that entries begin before the file
        content[-6:-2] = b"\xff\xff\xff\x7f"
    elif damage == "bad_name":
        entry = content.rindex(b"PK\x01\x02")
        content[entry + 9] |= 0x08  # says that the name is UTF-8
        content[entry + 46] = 0xFF
    else:
        start = content.index(KEY_ENTRY.encode()) + len(KEY_ENTRY)
        content[start] ^= 0xFF
    locked.write_bytes(content)
    with pytest.raises(UserInputError, match="Failed to load encrypted results zip file"):
        decrypt_result(locked, tmp_path / "again.zip", private_pem(beneficiary))


UNKNOWN_KIND = (b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01", b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x7f")
"""The object id of elliptic curves, and one of no keys."""


def of_unknown_kind(pem: bytes) -> bytes:
    """A key of a kind that nobody has heard of."""
    first, *lines, last = pem.splitlines()
    der = base64.b64decode(b"".join(lines)).replace(*UNKNOWN_KIND)
    return b"\n".join((first, base64.encodebytes(der).strip(), last, b""))


def test_decrypt_result__key_that_is_not_rsa__is_refused(tmp_path: Path, locked: Path) -> None:
    curve = private_pem(ec.generate_private_key(ec.SECP256R1()))
    for pem in (b"no key", curve, of_unknown_kind(curve)):
        with pytest.raises(UserInputError, match="Invalid beneficiary key"):
            decrypt_result(locked, tmp_path / "again.zip", pem)


def test_public_key__as_the_secrets_service_keeps_it__is_read(
    beneficiary: rsa.RSAPrivateKey,
) -> None:
    pem = public_pem(beneficiary)
    assert public_key_from_secret(base64.b64encode(pem).decode() + "\n") == pem


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("no base64", "base64 of a PEM text"),
        (base64.b64encode(b"no key").decode(), "PEM of a SubjectPublicKeyInfo"),
        (
            base64.b64encode(public_pem(ec.generate_private_key(ec.SECP256R1()))).decode(),
            "RSA key of at least 2048 bits",
        ),
        (
            base64.b64encode(
                of_unknown_kind(public_pem(ec.generate_private_key(ec.SECP256R1())))
            ).decode(),
            "PEM of a SubjectPublicKeyInfo",
        ),
        (
            base64.b64encode(public_pem(rsa.generate_private_key(65537, 1024))).decode(),
            "RSA key of at least 2048 bits",
        ),
    ],
    ids=["no_base64", "no_pem", "no_rsa", "unknown_kind", "too_short"],
)
def test_public_key__malformed__is_refused(value: str, rule: str) -> None:
    with pytest.raises(UserInputError, match=rule):
        public_key_from_secret(value)


def test_encrypt_result__key_whose_modulus_is_even__is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain.zip").write_bytes(b"results")
    key = rsa.RSAPublicNumbers(3, 2**2048 - 2).public_key()
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(UserInputError, match="two odd primes"):
        encrypt_result(tmp_path / "plain.zip", tmp_path / "locked.zip", pem)
    assert not (tmp_path / "locked.zip").exists()


def test_generate_result_keypair__once__makes_files_that_fit_together(tmp_path: Path) -> None:
    private, public = generate_result_keypair(tmp_path / "beneficiary", ADDRESS)
    assert (private.name, public.name) == (f"{ADDRESS}_key", f"{ADDRESS}_key.pub")
    assert private.stat().st_mode & 0o777 == 0o600
    key = serialization.load_pem_private_key(private.read_bytes(), None)
    assert key.key_size == 4096
    assert public_pem(key) == public.read_bytes()


def test_generate_result_keypair__key_exists__is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / f"{ADDRESS}_key").write_text("precious")
    with pytest.raises(UserInputError, match="must not be overwritten"):
        generate_result_keypair(tmp_path, ADDRESS)
    assert (tmp_path / f"{ADDRESS}_key").read_text() == "precious"
