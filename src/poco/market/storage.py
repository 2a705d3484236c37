"""Tokens of remote storages, kept by the secret service for workers that push results there."""

from __future__ import annotations

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from poco.errors import UserInputError
from poco.secret import Secret
from poco.services.secrets import SecretName, SecretsClient

__all__ = ["has_token", "push_token", "token_name"]

_NAMES = {"dropbox": "iexec-result-dropbox-token"}
_TOKENLESS = ("ipfs",)


def token_name(provider: str) -> str:
    """Return the name of the setting that holds a provider's token (spec sdk §4.3).

    Raises:
        UserInputError: the provider is unknown, or takes no token.
    """
    name = _NAMES.get(provider)
    if name is None:
        known = provider in _TOKENLESS
        raise UserInputError(
            f'Storage provider "{provider}" does not support authentication tokens'
            if known
            else "no such storage provider",
            field="provider",
            value=provider,
            remedy="nothing needs to be done for it" if known else f"known: {', '.join(_NAMES)}",
        )
    return name


def has_token(service: SecretsClient, owner: ChecksumAddress, name: str) -> bool:
    """Tell whether an account has set a token.

    Raises:
        PeerError: the service does not answer.
    """
    return service.has(SecretName.setting(owner, name))


def push_token(
    service: SecretsClient, account: LocalAccount, name: str, token: Secret, *, replace: bool
) -> None:
    """Set a token for the account's own results.

    Raises:
        SecretsRefusedError: the service refuses it.
        PeerError: the service does not answer.
    """
    service.push(SecretName.setting(account.address, name), token, account, replace=replace)
