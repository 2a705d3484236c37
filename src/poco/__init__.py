"""poco: an iExec-compatible marketplace for computation.

The package is light to import: nothing here touches the chain, the network or the disk, and
`poco.Market`, the market as a library, is loaded with its errors when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poco.lazy import lazy_names

if TYPE_CHECKING:
    from poco.local.market import Market
    from poco.local.outcome import (
        AppFailedError,
        TaskExpiredError,
        TaskGivenUpError,
        TaskResult,
    )

__all__ = [
    "AppFailedError",
    "Market",
    "TaskExpiredError",
    "TaskGivenUpError",
    "TaskResult",
    "__version__",
]

__version__ = "0.1.0"

__getattr__ = lazy_names(
    __name__,
    {
        "local.market": ("Market",),
        "local.outcome": ("AppFailedError", "TaskExpiredError", "TaskGivenUpError", "TaskResult"),
    },
)
