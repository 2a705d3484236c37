"""What an explorer wants to know of deployed contracts, as a file beside the address book."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poco.contracts import artifact
from poco.contracts.book import write_json
from poco.deployment.plan import Plan

__all__ = ["verification_path", "write_verification"]


def verification_path(book: Path) -> Path:
    """Return where the data is: ``31337.verification.json`` beside ``31337.json``."""
    return book.with_name(f"{book.stem}.verification.json")


def write_verification(path: Path, plan: Plan, compiler: Mapping[str, Any]) -> None:
    """Write source, address, constructor arguments and code hash of each contract.

    Args:
        path: the file.
        plan: the contracts.
        compiler: version and settings of the compiler.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    contracts = {
        planned.name: {
            "address": planned.address,
            "source": artifact(planned.name).source,
            "constructorArguments": f"0x{planned.arguments.hex()}",
            "runtimeHash": artifact(planned.name).runtime_hash,
        }
        for planned in plan.contracts
    }
    write_json(path, {"compiler": dict(compiler), "contracts": contracts})
