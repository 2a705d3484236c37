"""Is the contract at an address the one that was compiled?

The code must be that of the compiler with the immutable values masked, and each value that was
masked must be one of the constructor's addresses; what they do is read through the getters.
"""

from __future__ import annotations

from collections.abc import Iterable

from eth_hash.auto import keccak
from eth_typing import ChecksumAddress

from poco.contracts import Chain, Contract, Hub, artifact, interface
from poco.deployment.plan import REGISTRIES, Plan
from poco.errors import ConfigurationError
from poco.orders import ZERO_ADDRESS, checked_address

__all__ = ["code_hash", "immutable_values", "verify_code", "verify_hub", "verify_registry"]

_WORD = 32
_GETTERS = ("token", "appregistry", "datasetregistry", "workerpoolregistry")


def code_hash(code: bytes, immutables: Iterable[int]) -> str:
    """Hash runtime code with its immutable values set to zero; 0x-hex."""
    masked = bytearray(code)
    for offset in immutables:
        masked[offset : offset + _WORD] = bytes(_WORD)
    return "0x" + keccak(bytes(masked)).hex()


def immutable_values(code: bytes, immutables: Iterable[int]) -> set[ChecksumAddress]:
    """Return the addresses that were written into runtime code at deployment."""
    words = {code[offset : offset + _WORD] for offset in immutables}
    return {checked_address("immutable", f"0x{word[-20:].hex()}") for word in words}


def verify_code(
    chain: Chain, name: str, address: ChecksumAddress, embedded: Iterable[ChecksumAddress] = ()
) -> None:
    """Check that a contract is the compiled one.

    Args:
        chain: where to look.
        name: Solidity name of the contract.
        address: where it should be.
        embedded: addresses that its constructor may write into the code; for a registry, the
            contract behind its entries is one more.

    Raises:
        ConfigurationError: there is no code, another one, or one made with other arguments.
        ChainError: the node does not answer.
    """
    compiled = artifact(name)
    code = chain.code(address)
    if not code:
        raise _mismatch(name, address, "there is no contract at the address")
    if len(code) != compiled.runtime_size or code_hash(code, compiled.immutables) != (
        compiled.runtime_hash
    ):
        raise _mismatch(name, address, "the deployed code is not the compiled one")
    allowed = set(embedded)
    if name in REGISTRIES:
        # What the constructor made itself; its code is part of the creation code.
        allowed.add(Contract(chain, address, interface(name)).read("master"))
    strange = immutable_values(code, compiled.immutables) - allowed
    if strange:
        listed = ", ".join(sorted(strange))
        raise _mismatch(name, address, f"the contract was made with other arguments ({listed})")


def verify_hub(hub: Hub, plan: Plan) -> None:
    """Check what a hub says it is made of, and that both further code parts are written into it.

    Raises:
        ConfigurationError: an answer is another one; both are named.
    """
    constants = hub.constants()
    expected = (plan.token or ZERO_ADDRESS, *plan.registries)
    answers = (
        constants.token,
        constants.app_registry,
        constants.dataset_registry,
        constants.workerpool_registry,
    )
    for name, want, answer in zip(_GETTERS, expected, answers, strict=True):
        if want != answer:
            raise _mismatch(plan.hub_name, hub.address, f"{name}() is {answer}, expected {want}")
    compiled = artifact(plan.hub_name)
    written = immutable_values(hub.chain.code(hub.address), compiled.immutables)
    if not {plan.extension, plan.boost} <= written:
        raise _mismatch(plan.hub_name, hub.address, "the hub runs on other code parts")


def verify_registry(registry: Contract) -> None:
    """Check that a registry has no predecessor that could bring entries in.

    Raises:
        ConfigurationError: it has one.
    """
    previous = registry.read("previous")
    if previous != ZERO_ADDRESS:
        raise _mismatch("registry", registry.address, f"it has a predecessor, {previous}")


def _mismatch(name: str, address: ChecksumAddress, what: str) -> ConfigurationError:
    return ConfigurationError(
        what,
        field=name,
        value=address,
        remedy="it was deployed by another version or with other arguments: remove the address "
        "book to deploy anew, or name another with --out",
    )
