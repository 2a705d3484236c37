"""Networks and accounts of Ape, for scripts that use the client of this package.

Only scripts import this module: the rest of the package works without Ape.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
from ape import accounts, networks, project
from ape.api import AccountAPI, ProviderAPI
from ape.exceptions import ApeException
from ape.logging import logger
from eth_hash.auto import keccak
from eth_tester.exceptions import TransactionFailed  # type: ignore[import-untyped]
from eth_tester.exceptions import ValidationError as TesterValidationError
from eth_typing import ChecksumAddress
from eth_utils.exceptions import ValidationError
from hexbytes import HexBytes
from web3 import EthereumTesterProvider, Web3
from web3.providers import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from poco.contracts import Chain
from poco.errors import ChainError, ConfigurationError, UserInputError
from poco.orders import checked_address

__all__ = ["ApeSigner", "compiler_settings", "connected", "load_signer"]

_DEVELOPMENT_NETWORKS = ("local", "devnet")
_TEST_ACCOUNT = "TEST::"


@contextmanager
def connected(network: str | None) -> Iterator[Chain]:
    """Connect to a network by Ape's name for it.

    Args:
        network: for example ``ethereum:local:test``; None is the default of ape-config.yaml.

    Yields:
        The connection; Ape is connected to the same node meanwhile.

    Raises:
        UserInputError: there is no such network.
        ChainError: its node does not answer.
    """
    logger.set_level(logging.ERROR)
    try:
        context = networks.parse_network_choice(network)
    except ApeException as error:
        raise UserInputError(
            _first_line(error),
            field="network",
            value=network,
            remedy="for example ethereum:local:foundry or ethereum:devnet",
        ) from error
    try:
        provider = context.__enter__()
    except (ApeException, OSError, ValueError) as error:
        raise ChainError(
            f"the node does not answer ({_first_line(error)})",
            field="network",
            value=network,
            remedy="start the node, or set POCO_RPC_URL to one that runs",
        ) from error
    try:
        yield _chain(provider)
    finally:
        context.__exit__(None)


def _chain(provider: ProviderAPI) -> Chain:
    web3: Web3 = provider.web3
    transport = web3.provider
    if isinstance(transport, EthereumTesterProvider):
        return Chain(_InProcessTransport(web3), "in-process chain", provider.chain_id)
    if not isinstance(transport, JSONBaseProvider):
        raise ConfigurationError(
            "the network's provider speaks no JSON-RPC",
            field="network",
            value=provider.name,
            remedy="use a node with an HTTP endpoint",
        )
    return Chain(
        transport, str(getattr(transport, "endpoint_uri", provider.name)), provider.chain_id
    )


class _InProcessTransport(JSONBaseProvider):
    """Gives Ape's in-process chain the JSON forms of a node."""

    def __init__(self, web3: Web3) -> None:
        super().__init__()
        self._request: Callable[[RPCEndpoint, Any], RPCResponse] = web3.provider.request_func(
            web3, web3.middleware_onion
        )

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Answer a request; an execution that fails is an error with its data, as nodes do it."""
        # It mines each transaction at once: nothing is ever pending.
        settled = ["latest" if param == "pending" else param for param in params]
        try:
            response = self._request(method, settled)
        except (TransactionFailed, TesterValidationError, ValidationError) as error:
            cause: Any = error.args[0] if error.args else error
            data = cause if isinstance(cause, bytes) else b""
            failure = {
                "code": 3,
                "message": f"execution reverted: {error}",
                "data": HexBytes(data).to_0x_hex(),
            }
            return {"id": 0, "jsonrpc": "2.0", "error": failure}  # type: ignore[typeddict-item]
        return _json(response)  # type: ignore[no-any-return]

    def make_batch_request(
        self, batch_requests: Sequence[tuple[RPCEndpoint, Any]]
    ) -> list[RPCResponse]:
        """Answer requests one after the other."""
        return [self.make_request(method, params) for method, params in batch_requests]


def _json(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return hex(value)
    if isinstance(value, bytes):
        return HexBytes(value).to_0x_hex()
    if isinstance(value, Mapping):
        return {
            key: item if key in ("id", "jsonrpc", "code") else _json(item)
            for key, item in value.items()
        }
    return [_json(item) for item in value]


class ApeSigner:
    """An account of Ape as `poco.contracts.Signer`.

    Args:
        account: a test account or an unlocked keyfile account.
    """

    def __init__(self, account: AccountAPI) -> None:
        self._account = account

    @property
    def address(self) -> ChecksumAddress:
        """The account."""
        return checked_address("account", str(self._account.address))

    def sign_transaction(self, transaction_dict: Mapping[str, Any], /) -> _Signed:
        """Sign a transaction with the fields of JSON-RPC.

        Raises:
            UserInputError: the account does not sign it.
        """
        fields = {"type": "0x0" if "gasPrice" in transaction_dict else "0x2"} | dict(
            transaction_dict
        )
        transaction = networks.ethereum.create_transaction(**fields)
        signed = self._account.sign_transaction(transaction)
        if signed is None:
            raise UserInputError(
                "the account did not sign the transaction",
                field="account",
                value=self.address,
                remedy="confirm it, or choose another account",
            )
        return _Signed(bytes(signed.serialize_transaction()))


class _Signed:
    def __init__(self, raw: bytes) -> None:
        self.raw_transaction = raw
        self.hash = keccak(raw)


def load_signer(alias: str | None) -> ApeSigner:
    """Load an account of Ape, unlocked.

    Args:
        alias: of a keyfile, or ``TEST::0`` and following; None is the first test account on a
            development network. The passphrase is that of ``APE_ACCOUNTS_<alias>_PASSPHRASE``,
            else it is asked for.

    Raises:
        UserInputError: there is no such account, or the passphrase is wrong.
    """
    if alias is None:
        if networks.provider.network.name not in _DEVELOPMENT_NETWORKS:
            raise UserInputError(
                "an account must pay for the deployment",
                field="account",
                value=None,
                remedy=f"choose one with --account: {', '.join(accounts.aliases) or 'none yet'}",
            )
        alias = f"{_TEST_ACCOUNT}0"
    if alias.startswith(_TEST_ACCOUNT):
        return ApeSigner(_test_account(alias))
    try:
        account = accounts.load(alias)
        passphrase = os.environ.get(f"APE_ACCOUNTS_{alias}_PASSPHRASE")
        if passphrase is None:
            passphrase = click.prompt(f"Passphrase of {alias}", hide_input=True, err=True)
        account.set_autosign(True, passphrase=passphrase)
    except (ApeException, KeyError) as error:
        raise UserInputError(
            _first_line(error),
            field="account",
            value=alias,
            remedy="see `ape accounts list`; import a key with `ape accounts import ALIAS`",
        ) from error
    return ApeSigner(account)


def _test_account(alias: str) -> AccountAPI:
    index = alias.removeprefix(_TEST_ACCOUNT)
    count = len(accounts.test_accounts)
    if not index.isdecimal() or int(index) >= count:
        raise UserInputError(
            f"the test accounts are {_TEST_ACCOUNT}0 to {_TEST_ACCOUNT}{count - 1}",
            field="account",
            value=alias,
            remedy="choose one of them",
        )
    return accounts.test_accounts[int(index)]


def compiler_settings() -> dict[str, Any]:
    """Return what an explorer needs to compile the contracts again."""
    settings = project.config.solidity
    return {
        "compiler": f"solc {settings.version}",
        "evmVersion": settings.evm_version,
        "optimizer": {"enabled": settings.optimize, "runs": settings.optimization_runs},
        "viaIR": settings.via_ir,
        "remappings": [str(remapping) for remapping in settings.import_remapping],
    }


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0]
