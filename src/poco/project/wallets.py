"""Wallets of people: V3 keystores and ``wallet.json`` as the official client has them, Ape's keys.

The key of a wallet is decrypted by `unlock` only; until then just its address is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from poco.errors import UserInputError
from poco.orders import checked_address
from poco.project.files import read_json, write_json
from poco.secret import Secret

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from eth_typing import ChecksumAddress

__all__ = [
    "AccountWallet",
    "Keystore",
    "PlainWallet",
    "Wallet",
    "WalletChoice",
    "create_wallet",
    "find_wallet",
    "keystore_folder",
    "plain_document",
]

PLAIN_FILE = "wallet.json"
_APE = "ape:"
_SCRYPT_ROUNDS = 131_072
"""As the official client: a second of work for each guess of a passphrase."""


class Wallet(Protocol):
    """Somebody's key, and where it is kept."""

    @property
    def address(self) -> ChecksumAddress:
        """Whose it is."""
        ...

    @property
    def place(self) -> str:
        """Where it is kept, for messages."""
        ...

    def unlock(self, ask: Callable[[str], str]) -> LocalAccount:
        """Return the account that signs.

        Args:
            ask: is given the place, returns the passphrase; called only if there is one.

        Raises:
            UserInputError: the passphrase is wrong, or the key is not that of the address.
        """
        ...


@dataclass(frozen=True, slots=True)
class WalletChoice:
    """Which wallet is meant; without anything the one the official client would take.

    Args:
        file: a file's name in the keystore folder, a path, or ``ape:ALIAS`` (``ape:TEST::0``).
        address: a keystore's address.
        keystore: ``global``, ``local`` (the project), or a folder.
    """

    file: str | None = None
    address: str | None = None
    keystore: str = "global"


@dataclass(frozen=True, slots=True)
class Keystore:
    """An encrypted key: JSON of the Web3 Secret Storage, version 3."""

    path: Path
    document: dict[str, Any] = field(repr=False)

    @property
    def address(self) -> ChecksumAddress:
        """See `Wallet`."""
        digits = str(self.document.get("address", "")).removeprefix("0x").lower()
        return checked_address(f"{self.path.name}.address", f"0x{digits}")

    @property
    def place(self) -> str:
        """See `Wallet`."""
        return str(self.path)

    def unlock(self, ask: Callable[[str], str]) -> LocalAccount:
        """See `Wallet`."""
        from eth_account import Account

        try:
            key = Account.decrypt(self.document, ask(self.place))
        except (ValueError, KeyError, TypeError) as error:
            raise UserInputError(
                "the passphrase does not open the keystore",
                field="wallet-file",
                value=self.place,
                remedy="type it again",
            ) from error
        return _matching(Account.from_key(key), self)


@dataclass(frozen=True, slots=True)
class PlainWallet:
    """A key in the clear, ``wallet.json``."""

    path: Path
    document: dict[str, Any] = field(repr=False)

    @property
    def address(self) -> ChecksumAddress:
        """See `Wallet`."""
        if "address" in self.document:
            return checked_address(f"{self.path.name}.address", self.document["address"])
        return self.unlock(str).address

    @property
    def place(self) -> str:
        """See `Wallet`."""
        return str(self.path)

    def unlock(self, ask: Callable[[str], str]) -> LocalAccount:  # noqa: ARG002 (needs none)
        """See `Wallet`."""
        account = _account_of(str(self.document.get("privateKey")), self.path.name)
        return _matching(account, self) if "address" in self.document else account


@dataclass(frozen=True, slots=True)
class AccountWallet:
    """A key of Ape, or a test account of development chains."""

    alias: str

    @property
    def address(self) -> ChecksumAddress:
        """See `Wallet`."""
        from poco.market.accounts import account_address

        return account_address(self.alias)

    @property
    def place(self) -> str:
        """See `Wallet`."""
        return f"{_APE}{self.alias}"

    def unlock(self, ask: Callable[[str], str]) -> LocalAccount:
        """See `Wallet`."""
        from poco.market.accounts import load_account

        return load_account(self.alias, ask)


def keystore_folder(keystore: str, project: Path) -> Path:
    """Return the folder of keystores: ``global`` is that of geth, ``local`` the project."""
    if keystore == "global":
        return Path.home() / ".ethereum" / "keystore"
    return project if keystore == "local" else project / Path(keystore).expanduser()


def find_wallet(choice: WalletChoice, project: Path) -> Wallet:
    """Find a wallet: by file, by address, ``wallet.json``, or the newest keystore (spec sdk §1.1).

    Raises:
        UserInputError: there is none, or it is malformed.
    """
    folder = keystore_folder(choice.keystore, project)
    if choice.file is not None and choice.file.startswith(_APE):
        return AccountWallet(choice.file.removeprefix(_APE))
    if choice.file is not None:
        for path in (folder / choice.file, project / choice.file):
            if path.is_file():
                return _read(path)
        raise _none(f"no wallet file of this name, nor in {folder}", "wallet-file", choice.file)
    if choice.address is not None:
        wanted = checked_address("wallet-address", choice.address)
        for wallet in _wallets(folder, project):
            if wallet.address == wanted:
                return wallet
        raise _none(f"no wallet of this address in {folder}", "wallet-address", wanted)
    if (project / PLAIN_FILE).is_file():
        return _read(project / PLAIN_FILE)
    for path in _keystores(folder):
        return _read(path)
    raise _none(f"no wallet in this folder or in {folder}", "wallet", None)


def create_wallet(
    project: Path,
    *,
    passphrase: Secret | None,
    key: Secret | None = None,
    keystore: str = "global",
    now: datetime | None = None,
) -> Keystore | PlainWallet:
    """Write a wallet; nothing is overwritten but ``wallet.json``.

    Args:
        project: the project folder.
        passphrase: encrypts it; None writes ``wallet.json`` in the clear.
        key: the private key in hex; a new one by default.
        keystore: see `keystore_folder`.
        now: the time that names the file.

    Raises:
        UserInputError: the key is malformed.
        ConfigurationError: the file cannot be written.
    """
    from eth_account import Account

    account = Account.create() if key is None else _account_of(key.reveal(), "privateKey")
    if passphrase is None:
        document = plain_document(account)
        path = project / PLAIN_FILE
        write_json(path, document, mode=0o600)
        return PlainWallet(path, document)
    document = encrypted_document(account, passphrase)
    stamp = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H-%M-%S.%f000Z")
    folder = keystore_folder(keystore, project)
    path = folder / f"UTC--{stamp}--{account.address.removeprefix('0x')}"
    write_json(path, document, mode=0o600)
    return Keystore(path, document)


def encrypted_document(account: LocalAccount, passphrase: Secret) -> dict[str, Any]:
    """Return the content of a V3 keystore."""
    document: dict[str, Any] = account.encrypt(
        passphrase.reveal(), kdf="scrypt", iterations=_SCRYPT_ROUNDS
    )
    # eth_account leaves out leading zeros of the vector, and ethers does not read it then.
    parameters = document["crypto"]["cipherparams"]
    parameters["iv"] = parameters["iv"].zfill(32)
    return document


def plain_document(account: LocalAccount) -> dict[str, str]:
    """Return the content of ``wallet.json``: the key is in the clear."""
    from eth_keys.datatypes import PrivateKey

    public = PrivateKey(bytes(account.key)).public_key.to_bytes()
    return {
        "privateKey": f"0x{bytes(account.key).hex()}",
        "publicKey": f"0x04{public.hex()}",
        "address": account.address,
    }


def _wallets(folder: Path, project: Path) -> Iterator[Keystore | PlainWallet]:
    """Return all wallets; one that cannot be read is none."""
    for path in (*_keystores(folder), project / PLAIN_FILE):
        with suppress(UserInputError):
            yield _read(path)


def _keystores(folder: Path) -> list[Path]:
    """Return keystore files, the newest first: their names begin with the time."""
    found = folder.glob("UTC--*") if folder.is_dir() else ()
    return sorted(found, key=lambda path: path.name, reverse=True)


def _read(path: Path) -> Keystore | PlainWallet:
    document = read_json(path)
    if isinstance(document, dict) and "privateKey" in document:
        return PlainWallet(path, document)
    if isinstance(document, dict) and str(document.get("version")) == "3":
        return Keystore(path, document)
    raise UserInputError(
        "the file must be a V3 keystore, or JSON with a privateKey",
        field="wallet-file",
        value=str(path),
        remedy="create a wallet with `poco wallet create`, or name another file",
    )


def _account_of(key: str, name: str) -> LocalAccount:
    from eth_account import Account

    try:
        account: LocalAccount = Account.from_key(key)
    except ValueError:
        raise UserInputError(
            "a private key is 64 hex digits",
            field=name,
            value="(not shown)",
            remedy="look for a typing error",
        ) from None  # the cause repeats the key
    return account


def _matching(account: LocalAccount, wallet: Keystore | PlainWallet) -> LocalAccount:
    if account.address != wallet.address:
        raise UserInputError(
            f"the key is that of {account.address}, the file says another address",
            field=wallet.path.name,
            value=wallet.address,
            remedy="the file was changed: mend its address",
        )
    return account


def _none(rule: str, name: str, value: str | None) -> UserInputError:
    return UserInputError(
        rule,
        field=name,
        value=value,
        remedy="create one with `poco wallet create`; name it with --wallet-file",
    )
