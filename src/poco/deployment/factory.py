"""The keyless CREATE2 factory: the same address on every chain that has it.

Its call data is a salt of 32 bytes and the creation code; it deploys with CREATE2 and answers with
the address. Most chains have it. Where it is missing it is made by a transaction whose signature
was chosen, not computed, so that nobody owns the key of its sender.
"""

from __future__ import annotations

from eth_hash.auto import keccak
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from poco.contracts import Call, Chain, Wallet
from poco.contracts.chain import to_int
from poco.contracts.wallet import nothing
from poco.errors import ChainError

__all__ = ["FACTORY", "FACTORY_CODE", "SALT", "creation", "ensure_factory", "predict_address"]

FACTORY: ChecksumAddress = to_checksum_address("0x4e59b44847b379578588920ca78fbf26c0b4956c")
FACTORY_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
)
"""The factory's runtime code, 69 bytes."""

SALT = bytes(32)
"""Nothing but code and arguments tells two deployments apart."""

_KEYLESS_SENDER: ChecksumAddress = to_checksum_address("0x3fab184622dc19b6109349b94811493bf2a45362")
_KEYLESS_COST = 100_000 * 100 * 10**9
"""Gas limit times gas price of the transaction, in wei: a hundredth of a coin."""
_KEYLESS_TRANSACTION = bytes.fromhex(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe"
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
    "1ba02222222222222222222222222222222222222222222222222222222222222222"
    "a02222222222222222222222222222222222222222222222222222222222222222"
)


def predict_address(init_code: bytes, salt: bytes = SALT) -> ChecksumAddress:
    """Return the address that the factory gives to a contract (EIP-1014).

    Args:
        init_code: creation code and constructor arguments.
        salt: 32 bytes.
    """
    factory = bytes.fromhex(FACTORY[2:])
    return to_checksum_address(keccak(b"\xff" + factory + salt + keccak(init_code))[12:])


def creation(name: str, init_code: bytes, salt: bytes = SALT) -> Call[None]:
    """Prepare the transaction that deploys a contract through the factory."""
    return Call(f"deployment of {name}", FACTORY, salt + init_code, nothing)


def ensure_factory(wallet: Wallet) -> int:
    """Install the factory if the chain does not have it.

    Returns:
        The gas that was used; 0 when it was there.

    Raises:
        ChainError: the chain refuses transactions without a chain id, or another contract is there.
    """
    chain = wallet.chain
    code = chain.code(FACTORY)
    if code:
        _require_factory(chain, code)
        return 0
    gas = 0
    missing = _KEYLESS_COST - chain.balance(_KEYLESS_SENDER)
    if missing > 0:
        funding = Call("funding of the factory", _KEYLESS_SENDER, b"", nothing, value=missing)
        gas += wallet.execute(funding).gas_used
    try:
        found = chain.wait(chain.broadcast(_KEYLESS_TRANSACTION))
    except ChainError as error:
        raise ChainError(
            f"the chain lacks the CREATE2 factory and refuses the transaction that makes it: "
            f"{error.rule}",
            field="factory",
            value=FACTORY,
            remedy="ask the operator of the chain to install it, or allow transactions without "
            "a chain id",
        ) from error
    _require_factory(chain, chain.code(FACTORY))
    return gas + to_int(found["gasUsed"])


def _require_factory(chain: Chain, code: bytes) -> None:
    if code != FACTORY_CODE:
        raise ChainError(
            f"chain {chain.chain_id} has another contract at the address of the CREATE2 factory",
            field="factory",
            value=FACTORY,
            remedy="use another chain: addresses could not be predicted on this one",
        )
