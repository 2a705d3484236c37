"""How programs come to a market: one of their own, or one that runs already."""

from __future__ import annotations

import json
from typing import Any

from poco.errors import ConfigurationError
from poco.local import given
from poco.local.info import StackInfo
from poco.local.runfile import running
from poco.local.settings import OPTIONAL, Ports, StackSettings

__all__ = ["find_market", "quick_settings"]

_UNUSED = frozenset(OPTIONAL) - {"market"}


def quick_settings(**values: Any) -> StackSettings:
    """Return the settings of a market for programs: any ports, no waiting for blocks.

    Args:
        values: other values of `StackSettings`.

    Raises:
        UserInputError: a number is none, or out of range.
    """
    for name in values.keys() & {"workers", "slots", "block_seconds", "price"}:
        given.whole(name, values[name])
    return StackSettings(
        **{"ports": Ports.free(), "block_seconds": 0, "without": _UNUSED, **values}
    )


def find_market(info: object) -> StackInfo:
    """Return what is known of a market that runs.

    Args:
        info: the document itself; the path of a file with it; or None for the market that `poco up`
            has started on this machine.

    Raises:
        UserInputError: it is none of these.
        ConfigurationError: no market runs, it has no order book, or the file is none of `poco up`.
    """
    found = info if isinstance(info, StackInfo) else _read(info)
    if not found.market:
        raise ConfigurationError(
            "nobody can buy without an order book",
            field="info.market",
            value=found.market,
            remedy="start the market with one",
        )
    return found


def _read(info: object) -> StackInfo:
    if info is None:
        here = running()
        if here is None:
            raise ConfigurationError(
                "no market runs on this machine", field="info", remedy="start one: poco up"
            )
        return here.stack_info
    path = given.path("info", info)
    try:
        return StackInfo.from_json(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"the file cannot be read: {error}",
            field="info",
            value=str(path),
            remedy="write it: poco up --info FILE",
        ) from error
