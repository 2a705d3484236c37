"""poco: an iExec-compatible marketplace for computation.

The package is light to import: nothing here touches the chain, the network or the disk, and
`poco.Market`, the market as a library, is loaded when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poco.local.market import Market

__all__ = ["Market", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name != "Market":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from poco.local.market import Market

    return Market
