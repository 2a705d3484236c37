"""A local chain for a test: its own process, on a port of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eth_account import Account
from eth_account.signers.local import LocalAccount

from poco.local_chain import local_chain

MNEMONIC = "test test test test test test test test test test test junk"


@contextmanager
def start_anvil(*options: str, hardfork: str = "cancun") -> Iterator[str]:
    """Start anvil, by default mining each transaction at once; yield its URL."""
    with local_chain(*options, hardfork=hardfork) as chain:
        yield chain.url


def account(index: int) -> LocalAccount:
    """Return one of anvil's funded accounts."""
    Account.enable_unaudited_hdwallet_features()
    return Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
