"""The whole market on this machine: ``poco up``, and `Stack` for programs.

`Stack` holds a chain, all services, a scheduler and workers in one process; `runfile` tells other
commands where the one that runs is, without loading any of it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poco.local.info import StackInfo
    from poco.local.people import People
    from poco.local.settings import Ports, StackSettings
    from poco.local.stack import Stack

__all__ = ["People", "Ports", "Stack", "StackInfo", "StackSettings"]

_MODULES = {
    "People": "people",
    "Ports": "settings",
    "Stack": "stack",
    "StackInfo": "info",
    "StackSettings": "settings",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"poco.local.{_MODULES[name]}"), name)
