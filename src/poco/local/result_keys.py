"""The key pair that results of an account are encrypted with (spec offchain §5.4)."""

from __future__ import annotations

import base64
import tempfile
import threading
from pathlib import Path

from poco.errors import UserInputError
from poco.local import given
from poco.local.venue import Venue
from poco.market.sealing import make_result_keys, read_key
from poco.secret import Secret
from poco.services.secrets import RESULT_KEY_NAME, SecretName

__all__ = ["ResultKeys"]


class ResultKeys:
    """Makes the key pair of an account when it is needed; safe to use from several threads.

    Args:
        venue: where; its account is the beneficiary.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._private: Secret | None = None
        self._lock = threading.Lock()

    def private_key(self, wanted: object) -> Secret:
        """Return the private key (PEM); the secret service has the public one from now on.

        Args:
            wanted: True for a new pair, or the one in use; or the path of a private key.

        Raises:
            UserInputError: the account has another key already, or the file holds no RSA key.
            PeerError: the secret service does not answer.
        """
        path = None if wanted is True else given.path("encrypt_result", wanted)
        with self._lock:
            mine = None if path is None else _read(path)
            if self._private is None:
                self._private = self._set_up(mine)
            elif mine is not None and mine != self._private:
                raise UserInputError(
                    "results of an account are encrypted with one key pair",
                    field="encrypt_result",
                    value=str(path),
                    remedy="use the key of the first task, or market.new_account()",
                )
            return self._private

    def require(self, beneficiary: str) -> None:
        """Check that results for somebody else can be encrypted.

        Raises:
            UserInputError: the beneficiary has set no key.
            PeerError: the secret service does not answer.
        """
        if not self._venue.secrets.has(SecretName.setting(beneficiary, RESULT_KEY_NAME)):
            raise UserInputError(
                "the beneficiary must have set a key that results are encrypted with",
                field="beneficiary",
                value=beneficiary,
                remedy="the beneficiary calls poco result push-encryption-key",
            )

    def _set_up(self, mine: Secret | None) -> Secret:
        account = self._venue.account
        name = SecretName.setting(account.address, RESULT_KEY_NAME)
        is_set = self._venue.secrets.has(name)
        if is_set and mine is None:
            raise UserInputError(
                "the account has set a key already, and only its private key opens results",
                field="encrypt_result",
                value=True,
                remedy="give the path of the private key instead of True",
            )
        with tempfile.TemporaryDirectory(prefix="poco-key-") as folder:
            pem = None if mine is None else mine.reveal().encode()
            private, public = make_result_keys(Path(folder), account.address, pem=pem)
            if not is_set:
                text = base64.b64encode(public.read_bytes()).decode()
                self._venue.secrets.push(name, Secret(text), account)
            return mine or _read(private)


def _read(path: Path) -> Secret:
    return Secret(read_key(path.parent, path.name).decode(errors="replace"))
