"""Packages whose names are imported when they are used (PEP 562).

A command of a client then loads no web framework and no database, though the services that it talks
to live in the same packages as their clients.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(package: str, modules: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """Return what a package has as its ``__getattr__``.

    Args:
        package: name of the package.
        modules: the names that each of its modules gives; type checkers read them from imports
            under ``TYPE_CHECKING``.
    """
    homes = {name: module for module, names in modules.items() for name in names}

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)

    return find
