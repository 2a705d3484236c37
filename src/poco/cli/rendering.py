"""How answers and failures are written, for people and for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Any

__all__ = ["failure_document", "rendered"]


def failure_document(command: str, name: str, message: str) -> str:
    """Return the line of JSON that tells a failure with --raw."""
    error = {"name": name, "message": message}
    return json.dumps({"ok": False, "command": command, "error": error}, separators=(",", ":"))


def rendered(document: Mapping[str, Any], indent: str = "") -> str:
    """Return a document as aligned lines for people."""
    width = max((len(str(key)) for key in document), default=0) + 2
    inner = f"{indent}  "
    lines = []
    for key, value in document.items():
        if isinstance(value, Mapping) and value:
            lines += [f"{indent}{key}:", rendered(value, inner)]
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            items = "\n\n".join(rendered(item, inner) for item in value)
            lines += [f"{indent}{key}:", items]
        elif isinstance(value, str) and "\n" in value.strip():
            lines += [f"{indent}{key}:", textwrap.indent(value.rstrip(), inner)]
        else:
            lines.append(f"{indent}{f'{key}:':<{width}}{_plain(value)}".rstrip())
    return "\n".join(lines)


def _plain(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value)) or "none"
        case Mapping():
            return "none"
        case _:
            return str(value).strip()
