"""Give the secret service what goes with an asset: an app's secret, the key of a dataset."""

from __future__ import annotations

from pathlib import Path

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from poco.contracts import Market
from poco.errors import UserInputError
from poco.market.assets import require_owner
from poco.orders import Asset
from poco.secret import Secret
from poco.services.secrets.challenges import MAX_VALUE_BYTES, SecretName
from poco.services.secrets.client import SecretsClient

__all__ = ["dataset_key_file", "push_asset_secret", "read_secret_file"]

_KEY_NAME = "dataset.key"


def push_asset_secret(
    market: Market,
    account: LocalAccount,
    secrets: SecretsClient,
    asset: Asset,
    address: ChecksumAddress,
    value: Secret,
    *,
    allow_software: bool = False,
) -> None:
    """Set the secret of an app or the key of a dataset, once and for all.

    Args:
        market: acting as the account.
        account: the owner.
        secrets: the secret service of the market.
        asset: ``app`` or ``dataset``.
        address: which one.
        value: the secret.
        allow_software: whether tasks without the TEE tag may get it.

    Raises:
        UserInputError: the asset is not the account's, or has a secret already.
        PeerError: the secret service does not answer, or refuses.
        ChainError: the node does not answer.
    """
    require_owner(market, asset, address)
    name = SecretName.app(address) if asset is Asset.APP else SecretName.dataset(address)
    if secrets.has(name):
        raise UserInputError(
            f"Secret already exists for {address} and can't be updated",
            field=str(asset),
            value=address,
            remedy=f"deploy another {asset} for another secret",
        )
    secrets.push(name, value, account, allow_software=allow_software)


def dataset_key_file(folder: Path) -> Path:
    """Return the key in a folder of keys that is meant when none is named: the only one, if it is.

    Args:
        folder: where `poco dataset encrypt` writes keys.
    """
    keys = list(folder.glob("*.key"))
    return keys[0] if len(keys) == 1 else folder / _KEY_NAME


def read_secret_file(path: Path) -> Secret:
    """Read a secret, without the white space around it.

    Raises:
        UserInputError: there is no such file, it holds no text, nothing or too much.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_VALUE_BYTES + 2).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserInputError(
            f"the file of the secret cannot be read: {getattr(error, 'strerror', error)}",
            field="--secret-path",
            value=str(path),
            remedy="name a file with one text; for datasets, `poco dataset encrypt` writes it",
        ) from None
    if not 0 < len(text.encode()) <= MAX_VALUE_BYTES:
        raise UserInputError(
            f"a secret has 1 to {MAX_VALUE_BYTES} bytes",
            field="--secret-path",
            value=str(path),
            remedy="name another file",
        )
    return Secret(text)
