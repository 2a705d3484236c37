"""Export compiled contracts as JSON, so that the Python package works without Ape.

One file per public contract: ABI, creation code, and what is needed to recognise its runtime code
on a chain. Immutable values are written into the runtime code at deployment, so the code's hash is
taken with their places set to zero, as the compiler leaves them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from eth_utils.crypto import keccak

from poco.errors import ConfigurationError
from poco.toolchain.guard import bring_up_to_date, build_lock
from poco.toolchain.project import Checkout, write_atomically

__all__ = [
    "PUBLIC_CONTRACTS",
    "Artifact",
    "bytecode_hashes",
    "code_hash",
    "ensure_built",
    "export",
    "immutable_offsets",
    "load_artifacts",
    "record",
]

#: Contracts that are deployed or called from outside, by the name the compiler knows them under.
PUBLIC_CONTRACTS: tuple[str, ...] = (
    "App",
    "AppRegistry",
    "Dataset",
    "DatasetRegistry",
    "PocoHub",
    "PocoHubBoost",
    "PocoHubExtension",
    "PocoHubNative",
    "RLC",
    "Workerpool",
    "WorkerpoolRegistry",
)

_PUSH1, _PUSH32 = 0x60, 0x7F
_WORD = 32


@dataclass(frozen=True)
class Artifact:
    """A compiled contract.

    Args:
        name: Solidity name.
        source: path of its source, relative to the checkout.
        abi: JSON ABI.
        bytecode: creation code without constructor arguments, 0x-hex; "0x" for an interface.
        runtime_size: length of the runtime code, bytes (at most 24,576: EIP-170).
        runtime_hash: Keccak-256 of the runtime code with immutables zero, 0x-hex.
        immutables: offsets of 32-byte immutable values in the runtime code, bytes.
    """

    name: str
    source: str
    abi: list[dict[str, Any]]
    bytecode: str
    runtime_size: int
    runtime_hash: str
    immutables: list[int]


def immutable_offsets(runtime: bytes) -> list[int]:
    """Find where immutable values go in runtime code as the compiler emits it.

    The compiler reserves each use of an immutable as ``PUSH32`` of zero, and never pushes zero
    in that way otherwise, since it has ``PUSH0`` (EIP-3855).

    Args:
        runtime: runtime code from the compiler, before deployment.

    Returns:
        Offsets of the 32-byte operands, ascending.
    """
    offsets = []
    position = 0
    while position < len(runtime):
        opcode = runtime[position]
        operand = opcode - _PUSH1 + 1 if _PUSH1 <= opcode <= _PUSH32 else 0
        if opcode == _PUSH32 and runtime[position + 1 : position + 1 + _WORD] == bytes(_WORD):
            offsets.append(position + 1)
        position += 1 + operand
    return offsets


def code_hash(runtime: bytes, immutables: list[int]) -> str:
    """Hash runtime code, compiled or deployed, with its immutable values set to zero.

    Args:
        runtime: the code.
        immutables: offsets as in `Artifact.immutables`.

    Returns:
        Keccak-256, 0x-hex.
    """
    masked = bytearray(runtime)
    for offset in immutables:
        masked[offset : offset + _WORD] = bytes(_WORD)
    return "0x" + keccak(bytes(masked)).hex()


def load_artifacts(checkout: Checkout, names: Iterable[str]) -> dict[str, Artifact]:
    """Read contracts from Ape's manifest.

    Args:
        checkout: a compiled checkout.
        names: Solidity names, for example `PUBLIC_CONTRACTS`.

    Returns:
        Artifacts by name, in the given order.

    Raises:
        ConfigurationError: a name is not among the compiled contracts.
    """
    compiled = json.loads(checkout.manifest.read_text())["contractTypes"]
    wanted = list(names)
    missing = [name for name in wanted if name not in compiled]
    if missing:
        raise ConfigurationError(
            "every public contract must be compiled",
            field="PUBLIC_CONTRACTS",
            value=missing,
            remedy="add its source under contracts/, or take its name off the list",
        )
    return {name: _artifact(name, compiled[name]) for name in wanted}


def ensure_built(checkout: Checkout | None = None, *, force: bool = False) -> list[str]:
    """Compile what changed and export the public contracts.

    Args:
        checkout: the checkout; by default the one this package is installed from.
        force: compile everything even if nothing changed.

    Returns:
        The compiled sources; empty if all was up to date.

    Raises:
        ConfigurationError: a source does not compile, or a public contract is missing.
    """
    checkout = checkout or Checkout.find()
    with build_lock(checkout):
        compiled = bring_up_to_date(checkout, force=force)
        export(checkout)
    return compiled


def export(checkout: Checkout) -> list[str]:
    """Write an artifact file per public contract, and remove those of no contract.

    The same sources give the same files, byte for byte.

    Returns:
        Names of the contracts whose file changed.
    """
    artifacts = load_artifacts(checkout, PUBLIC_CONTRACTS)
    checkout.artifacts.mkdir(parents=True, exist_ok=True)
    for file in checkout.artifacts.glob("*.json"):
        if file.stem not in artifacts:
            file.unlink()
    return [
        name
        for name, artifact in artifacts.items()
        if write_atomically(
            checkout.artifacts / f"{name}.json", json.dumps(asdict(artifact), indent=1) + "\n"
        )
    ]


def bytecode_hashes(artifacts: Mapping[str, Artifact]) -> dict[str, dict[str, Any]]:
    """Summarise the bytecode of contracts, for comparison with the committed record.

    Args:
        artifacts: contracts by name; those without code are left out.

    Returns:
        For each name the Keccak-256 of its creation code, and hash and size of its runtime code.
    """
    return {
        name: {
            "creation": "0x" + keccak(hexstr=artifact.bytecode).hex(),
            "runtime": artifact.runtime_hash,
            "size": artifact.runtime_size,
        }
        for name, artifact in sorted(artifacts.items())
        if artifact.runtime_size
    }


def record(checkout: Checkout) -> bool:
    """Write the hashes of the compiled bytecode into the committed record.

    Returns:
        Whether the record changed.
    """
    hashes = bytecode_hashes(load_artifacts(checkout, PUBLIC_CONTRACTS))
    return write_atomically(checkout.bytecode_record, json.dumps(hashes, indent=2) + "\n")


def _artifact(name: str, compiled: Mapping[str, Any]) -> Artifact:
    runtime = bytes.fromhex(_code(compiled, "runtimeBytecode")[2:])
    immutables = immutable_offsets(runtime)
    return Artifact(
        name=name,
        source=compiled["sourceId"],
        abi=compiled["abi"],
        bytecode=_code(compiled, "deploymentBytecode"),
        runtime_size=len(runtime),
        runtime_hash=code_hash(runtime, immutables),
        immutables=immutables,
    )


def _code(compiled: Mapping[str, Any], kind: str) -> str:
    return (compiled.get(kind) or {}).get("bytecode") or "0x"
