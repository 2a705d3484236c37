"""Where the checkout keeps its parts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from poco.errors import ConfigurationError

__all__ = ["Checkout", "write_atomically"]


@dataclass(frozen=True)
class Checkout:
    """Paths of a source checkout.

    Args:
        root: the folder that holds ``ape-config.yaml``.
    """

    root: Path

    @classmethod
    def find(cls) -> Checkout:
        """Return the checkout this package is installed from.

        Raises:
            ConfigurationError: the package was installed without its checkout.
        """
        root = Path(__file__).resolve().parents[3]
        if not (root / "ape-config.yaml").is_file():
            raise ConfigurationError(
                "contracts can only be compiled from a source checkout",
                field="checkout",
                value=str(root),
                remedy="clone the repository and run `make setup` in it",
            )
        return cls(root)

    @property
    def build(self) -> Path:
        """Return the folder of compiler output, which Ape owns."""
        return self.root / ".build"

    @property
    def manifest(self) -> Path:
        """Return Ape's record of everything it compiled."""
        return self.build / "__local__.json"

    @property
    def artifacts(self) -> Path:
        """Return the folder of exported contracts that the Python package loads."""
        return self.root / "src" / "poco" / "contracts" / "artifacts"

    @property
    def bytecode_record(self) -> Path:
        """Return the committed file of expected bytecode hashes."""
        return self.root / "tests" / "contracts" / "bytecode.json"

    def sources(self) -> list[Path]:
        """Return every Solidity source of the checkout, sorted."""
        folders = (self.root / "contracts", self.root / "interfaces")
        return sorted(
            path
            for folder in folders
            for path in folder.rglob("*.sol")
            if ".cache" not in path.parts
        )


def write_atomically(path: Path, content: str) -> bool:
    """Write a text file so that no reader sees half of it; leave it alone when it is the same.

    Args:
        path: the file; its folder is made.
        content: the whole text.

    Returns:
        Whether the file changed.
    """
    if path.is_file() and path.read_text() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(content)
    temporary.replace(path)
    return True
