"""Where web pages are from, and which of them may use a local market."""

from __future__ import annotations

import re
from collections.abc import Iterable

from poco.errors import UserInputError

__all__ = ["admitted", "check_origin"]

_ANY = "*"
_LOOPBACK = r"https?://(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?"
_EXTENSION = r"(chrome|moz|safari-web)-extension://[\w-]+"
"""What the user has added to the browser, such as wallets."""
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s]+")


def check_origin(origin: str) -> None:
    """Check what names pages that are to be let in.

    Args:
        origin: scheme, host and port of their address; ``*`` for all pages.

    Raises:
        UserInputError: it is something else.
    """
    if origin != _ANY and not _ORIGIN.fullmatch(origin):
        raise UserInputError(
            "an origin is scheme, host and port without a path, such as https://app.example",
            field="allow-origin",
            value=origin,
        )


def admitted(origins: Iterable[str]) -> re.Pattern[str]:
    """Return what matches the origins of pages that are let in.

    Args:
        origins: beside those of this machine (localhost, 127.0.0.0/8, ::1) and extensions.
    """
    named = (".*" if origin == _ANY else re.escape(origin) for origin in origins)
    return re.compile("|".join((_LOOPBACK, _EXTENSION, *named)))
