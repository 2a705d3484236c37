"""The official client and poco read each other's datasets, keys and results, without a network."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding

from poco.appio.encryption import (
    decrypt_dataset,
    decrypt_result,
    encrypt_result,
    generate_result_keypair,
    public_key_from_secret,
)

CLIENT = Path(__file__).parents[2] / "node_modules" / ".bin" / "iexec"
ADDRESS = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"  # of the private key 1
KEYS = Path(".secrets") / "beneficiary"


class Client:
    """The official command, run in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str) -> Any:
        """Run a command and return its answer."""
        done = subprocess.run(
            [CLIENT, *words, "--raw"],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def decrypt(self, archive: Path) -> bytes:
        """Return the plain archive that the command makes of an encrypted one."""
        answer = self(
            "result", "decrypt", str(archive), "--beneficiary-key-file", f"{ADDRESS}_key", "--force"
        )
        return Path(answer["resultsPath"]).read_bytes()


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(tmp_path)


@pytest.fixture(scope="module")
def made_here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key pair that poco made, which takes a while."""
    folder = tmp_path_factory.mktemp("keys")
    generate_result_keypair(folder, ADDRESS)
    return folder


@pytest.fixture
def keys(client: Client, made_here: Path) -> Path:
    """The folder where the client looks for keys, with that pair."""
    folder = client.folder / KEYS
    shutil.copytree(made_here, folder)
    return folder


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "iexec_out.zip"
    with zipfile.ZipFile(path, "w") as outer:
        outer.writestr("result.txt", os.urandom(300_000))
    return path


def test_dataset__encrypted_by_the_official_client__is_decrypted_here(client: Client) -> None:
    contents = {"empty.csv": b"", "data.bin": os.urandom(1_500_007)}
    originals = client.folder / "datasets" / "original"
    for folder in (originals, client.folder / "datasets" / "encrypted"):
        folder.mkdir(parents=True)
    (client.folder / ".secrets" / "datasets").mkdir(parents=True)
    for name, content in contents.items():
        (originals / name).write_bytes(content)
    files = client("dataset", "encrypt", "--force")["encryptedFiles"]
    assert {Path(file["original"]).name for file in files} == set(contents)
    for file in files:
        locked = Path(file["encrypted"])
        assert file["checksum"] == f"0x{hashlib.sha256(locked.read_bytes()).hexdigest()}"
        plain = client.folder / "plain"
        decrypt_dataset(locked, plain, Path(file["key"]).read_text())
        assert plain.read_bytes() == contents[Path(file["original"]).name]


def test_result__encrypted_here_for_an_official_key__is_decrypted_by_both(
    client: Client, archive: Path
) -> None:
    private_key = f"0x{1:064x}"
    client("wallet", "import", private_key, "--keystoredir", "wallets", "--password", "secret")
    client("result", "generate-encryption-keypair", "--keystoredir", "wallets")
    public = (client.folder / KEYS / f"{ADDRESS}_key.pub").read_bytes()
    pushed = base64.b64encode(public).decode()  # what `iexec result push-encryption-key` sends
    locked = client.folder / "locked.zip"
    encrypt_result(archive, locked, public_key_from_secret(pushed))
    decrypt_result(
        locked, client.folder / "again.zip", (client.folder / KEYS / f"{ADDRESS}_key").read_bytes()
    )
    assert (client.folder / "again.zip").read_bytes() == archive.read_bytes()
    assert client.decrypt(locked) == archive.read_bytes()


def test_result__key_made_here__works_in_the_official_client(
    client: Client, keys: Path, archive: Path
) -> None:
    public = (keys / f"{ADDRESS}_key.pub").read_bytes()
    encrypt_result(archive, client.folder / "locked.zip", public)
    assert client.decrypt(client.folder / "locked.zip") == archive.read_bytes()


def test_result__in_the_legacy_format__means_the_same_to_both(
    client: Client, keys: Path, archive: Path
) -> None:
    private, public = keys / f"{ADDRESS}_key", keys / f"{ADDRESS}_key.pub"
    secret = os.urandom(16)
    command = ["openssl", "enc", "-aes-128-ecb", "-K", secret.hex(), "-in", str(archive)]
    payload = subprocess.run(command, capture_output=True, check=True).stdout
    key = serialization.load_pem_public_key(public.read_bytes())
    wrapped = key.encrypt(base64.b64encode(secret), padding.PKCS1v15())
    old = client.folder / "old.zip"
    with zipfile.ZipFile(old, "w") as outer:
        outer.writestr("iexec_out.zip.aes", base64.b64encode(payload))
        outer.writestr("aes-key.rsa", base64.b64encode(wrapped))
    decrypt_result(old, client.folder / "again.zip", private.read_bytes())
    assert (client.folder / "again.zip").read_bytes() == archive.read_bytes()
    assert client.decrypt(old) == archive.read_bytes()
