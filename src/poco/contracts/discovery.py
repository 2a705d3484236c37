"""A market's address book from the address of its hub alone (spec sdk §2.1)."""

from __future__ import annotations

from eth_typing import ChecksumAddress

from poco.contracts.book import AddressBook, Mode
from poco.contracts.chain import Chain
from poco.contracts.hub import Hub
from poco.errors import ChainError, ConfigurationError, ContractError
from poco.orders import ZERO_ADDRESS

__all__ = ["discover", "first_block"]

_PROBES = 32


def discover(chain: Chain, hub: ChecksumAddress, *, chain_id: int | None = None) -> AddressBook:
    """Ask a hub for its token and registries.

    Args:
        chain: the connection.
        hub: the hub.
        chain_id: the chain that is expected; by default the node's.

    Returns:
        The book. Its deploy block is 0 when the node does not keep old states.

    Raises:
        ConfigurationError: the node is of another chain, or there is no hub.
        ChainError: the node does not answer.
    """
    if chain_id is not None and chain.chain_id != chain_id:
        raise ConfigurationError(
            f"the node's chain is {chain.chain_id}",
            field="id",
            value=chain_id,
            remedy="mend id or host of the chain in chain.json",
        )
    if not chain.code(hub):
        raise ConfigurationError(
            "there is no contract at the hub's address on this chain",
            field="hub",
            value=hub,
            remedy="mend the hub of the chain in chain.json, or deploy one with `ape run deploy`",
        )
    try:
        constants = Hub(chain, hub, Mode.TOKEN).constants()
    except ContractError as error:
        raise ConfigurationError(
            "the contract at the hub's address is no hub",
            field="hub",
            value=hub,
            remedy="mend the hub of the chain in chain.json",
        ) from error
    is_native = constants.token == ZERO_ADDRESS
    return AddressBook(
        chain_id=chain.chain_id,
        mode=Mode.NATIVE if is_native else Mode.TOKEN,
        hub=hub,
        token=None if is_native else constants.token,
        app_registry=constants.app_registry,
        dataset_registry=constants.dataset_registry,
        workerpool_registry=constants.workerpool_registry,
        owner=constants.owner,
        deploy_block=first_block(chain, hub),
        version="",
        genesis_hash=chain.genesis_hash(),
    )


def first_block(chain: Chain, address: ChecksumAddress) -> int:
    """Find the block a contract was made in, with a few batches of questions.

    Args:
        chain: the connection.
        address: the contract, which exists.

    Returns:
        Its number; 0 when the node keeps no old states.

    Raises:
        ChainError: the node does not answer.
    """
    before, after = -1, chain.block_number()
    while after - before > 1:
        step = max(1, (after - before) // _PROBES)
        blocks = range(before + step, after, step)
        codes = chain.outcomes([("eth_getCode", (address, hex(block))) for block in blocks])
        if any(isinstance(code, ChainError) for code in codes):
            return 0
        for block, code in zip(blocks, codes, strict=True):
            if len(code) > 2:
                after = block
                break
            before = block
    return after
