"""What the owners of a confidential computation have, and nobody else may learn."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from pathlib import Path

from eth_typing import ChecksumAddress

from poco.appio.encryption import encrypt_dataset, generate_dataset_key, generate_result_keypair
from poco.secret import Secret

__all__ = ["REQUESTER_SECRET", "Belongings"]

REQUESTER_SECRET = "login"  # noqa: S105 (a name)
_DATASET = "patients.txt"


class Belongings:
    """Secrets that are made for one scenario.

    Args:
        folder: for the folders of requester and dataset owner, and that of a web server.
        requester: the requester's account.

    Attributes:
        requester_folder: what the requester keeps.
        published: the encrypted dataset.
        checksum: SHA-256 of `published`, 32 bytes.
        dataset_key: for the secret service, as the three that follow.
        app_secret: of the app's developer.
        requester_secret: named `REQUESTER_SECRET`.
        result_key: the public key that results are encrypted for, base64 of PEM. Not secret.
        private_key: the key that decrypts them, PEM.
    """

    def __init__(self, folder: Path, requester: str) -> None:
        self.requester_folder = folder / "requester"
        private, public = generate_result_keypair(self.requester_folder, requester)
        self.private_key = private.read_bytes()
        self.result_key = Secret(base64.b64encode(public.read_bytes()).decode())
        self.app_secret = Secret(f"app-{secrets.token_urlsafe(24)}")
        self.requester_secret = Secret(f"login-{secrets.token_urlsafe(24)}")
        self.dataset_key = Secret(generate_dataset_key())
        self._dataset = Secret(f"patient {secrets.token_urlsafe(24)}: in good health")
        owner = folder / "dataset-owner"
        owner.mkdir()
        plain = owner / _DATASET
        plain.write_text(self._dataset.reveal())
        self.published = folder / "web" / f"{_DATASET}.enc"
        self.published.parent.mkdir()
        self.checksum = encrypt_dataset(plain, self.published, self.dataset_key.reveal())

    def result(self, arguments: Sequence[str], dataset: ChecksumAddress) -> str:
        """Return what the app ``echo`` writes when it gets everything.

        Args:
            arguments: of the app.
            dataset: address of the dataset, which is the name of its file in an enclave.
        """
        lines = [f"argument {argument}" for argument in arguments]
        lines += [f"dataset {dataset.lower()}", self._dataset.reveal()]
        lines += [f"app secret {self.app_secret.reveal()}"]
        lines += [f"requester secret 1 {self.requester_secret.reveal()}"]
        return "".join(f"{line}\n" for line in lines)

    def shown(self) -> tuple[bytes, ...]:
        """Return what the requester reads in its result, and nobody else may read."""
        texts = (self.app_secret, self.requester_secret, self._dataset)
        return tuple(text.reveal().encode() for text in texts)

    def hidden(self) -> tuple[bytes, ...]:
        """Return what may not be found with anybody who runs a service."""
        return (*self.shown(), base64.b64decode(self.dataset_key.reveal()))
