"""Datasets: AES-256-CBC in the format of the official client, streamed."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poco.appio.encryption import decrypt_dataset, encrypt_dataset, generate_dataset_key
from poco.errors import UserInputError

KEY = base64.b64encode(bytes(range(32))).decode()
MIB = 1024 * 1024


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, MIB - 17, MIB - 1, MIB, MIB + 1, 2 * MIB])
def test_dataset__encrypted_and_decrypted__is_the_same(tmp_path: Path, size: int) -> None:
    plain, locked, again = (tmp_path / name for name in ("plain", "locked", "again"))
    plain.write_bytes(os.urandom(size))
    key = generate_dataset_key()
    checksum = encrypt_dataset(plain, locked, key)
    decrypt_dataset(locked, again, f" {key}\n")
    assert again.read_bytes() == plain.read_bytes()
    assert checksum == hashlib.sha256(locked.read_bytes()).digest()
    assert locked.stat().st_size == 16 + size + 16 - size % 16


@given(st.binary(max_size=200))
@settings(max_examples=60)
def test_dataset__any_content__survives(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plain").write_bytes(content)
        encrypt_dataset(folder / "plain", folder / "locked", KEY)
        decrypt_dataset(folder / "locked", folder / "again", KEY)
        assert (folder / "again").read_bytes() == content


def test_encrypt_dataset__twice__differs(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"the same")
    sums = {encrypt_dataset(tmp_path / "plain", tmp_path / name, KEY) for name in "ab"}
    assert len(sums) == 2


def test_decrypt_dataset__made_by_openssl__is_read(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"x" * 100)
    vector = bytes(16)
    command = ["openssl", "enc", "-aes-256-cbc", "-K", bytes(range(32)).hex(), "-iv", vector.hex()]
    done = subprocess.run([*command, "-in", tmp_path / "plain"], capture_output=True, check=True)
    (tmp_path / "locked").write_bytes(vector + done.stdout)
    decrypt_dataset(tmp_path / "locked", tmp_path / "again", KEY)
    assert (tmp_path / "again").read_bytes() == b"x" * 100


def test_encrypt_dataset__is_read_by_openssl(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"y" * 100)
    encrypt_dataset(tmp_path / "plain", tmp_path / "locked", KEY)
    locked = (tmp_path / "locked").read_bytes()
    command = ["openssl", "enc", "-d", "-aes-256-cbc", "-K", bytes(range(32)).hex()]
    done = subprocess.run(
        [*command, "-iv", locked[:16].hex()], input=locked[16:], capture_output=True, check=True
    )
    assert done.stdout == b"y" * 100


@pytest.mark.parametrize("cut", [0, 5, 16, 31, 33], ids="{}_bytes".format)
def test_decrypt_dataset__cut_off__is_refused_and_leaves_nothing(tmp_path: Path, cut: int) -> None:
    (tmp_path / "plain").write_bytes(b"content of a dataset")
    encrypt_dataset(tmp_path / "plain", tmp_path / "locked", KEY)
    (tmp_path / "locked").write_bytes((tmp_path / "locked").read_bytes()[:cut])
    with pytest.raises(UserInputError, match="AES-256-CBC and this key"):
        decrypt_dataset(tmp_path / "locked", tmp_path / "again", KEY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["locked", "plain"]


def test_decrypt_dataset__wrong_padding__keeps_the_older_file(tmp_path: Path) -> None:
    (tmp_path / "again").write_bytes(b"older")
    (tmp_path / "plain").write_bytes(b"sixteen bytes...")
    encrypt_dataset(tmp_path / "plain", tmp_path / "locked", KEY)
    damaged = bytearray((tmp_path / "locked").read_bytes())
    damaged[-17] ^= 0xFF  # the last byte of the padding is now 16 ^ 255
    (tmp_path / "locked").write_bytes(damaged)
    with pytest.raises(UserInputError, match="whose SHA-256 is registered"):
        decrypt_dataset(tmp_path / "locked", tmp_path / "again", KEY)
    assert (tmp_path / "again").read_bytes() == b"older"


@pytest.mark.parametrize("key", ["", "short", "AAAA", KEY + "AAAA", KEY[:-2] + "!="])
def test_dataset__malformed_key__is_refused_without_showing_it(tmp_path: Path, key: str) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with pytest.raises(UserInputError, match="32 bytes in base64") as caught:
        encrypt_dataset(tmp_path / "plain", tmp_path / "locked", key)
    assert not key or key not in str(caught.value)


def test_dataset__link_at_the_target__is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"new")
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "locked").symlink_to(tmp_path / "precious")
    encrypt_dataset(tmp_path / "plain", tmp_path / "locked", KEY)
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "locked").is_symlink()
    assert (tmp_path / "locked").stat().st_mode & 0o777 == 0o600


def test_dataset__of_100_megabytes__needs_little_memory(tmp_path: Path) -> None:
    """Measured in a process of its own, as growth of its peak while both directions run."""
    script = """
import resource, sys
from pathlib import Path
from poco.appio.encryption import decrypt_dataset, encrypt_dataset
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
plain, locked, again = (Path(sys.argv[1]) / name for name in ("plain", "locked", "again"))
with plain.open("wb") as file:
    file.truncate(100_000_000)
before = peak()
encrypt_dataset(plain, locked, sys.argv[2])
decrypt_dataset(locked, again, sys.argv[2])
print(again.stat().st_size, peak() - before)
"""
    command = [sys.executable, "-c", script, str(tmp_path), KEY]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    size, growth_kib = map(int, done.stdout.split())
    assert size == 100_000_000
    assert growth_kib < 16 * 1024
