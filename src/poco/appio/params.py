"""Parse the parameters that a requester signs into a deal (spec offchain §0.4, sdk §9.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from poco.appio.causes import Cause, ExecutionError
from poco.appio.untrusted_json import parse_object

__all__ = ["DealParams", "parse_params"]

_MAX_SHOWN = 80
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class DealParams:
    """What a requester asks of the app and of the result's way home.

    Attributes:
        args: the app's argument line, not yet split.
        input_files: addresses of the files to download, in the order the app sees them.
        secrets: secret names in the secret service by the number the app sees, TEE only.
        result_storage_provider: ``ipfs``, ``dropbox`` or None for the pool's default.
        result_storage_proxy: URL that overrides the pool's result proxy, or None.
        result_encryption: whether the archive is encrypted for the beneficiary, TEE only.
        bulk_cid: content id of a list of dataset orders, TEE only, or None.
        dirinuri: the one input of a v2 deal, a file or a zip that is unpacked; may be empty.
        is_v2: whether the params are those of v2, which makes the app a v2 app.
        warnings: remarks for the requester, for example about ignored keys.
    """

    args: str = ""
    input_files: tuple[str, ...] = ()
    secrets: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    result_storage_provider: str | None = None
    result_storage_proxy: str | None = None
    result_encryption: bool = False
    bulk_cid: str | None = None
    dirinuri: str = ""
    is_v2: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def downloads(self) -> tuple[str, ...]:
        """Addresses of all that a worker must download for the app, the dataset aside."""
        return (self.dirinuri, *self.input_files) if self.dirinuri else self.input_files


def parse_params(text: str) -> DealParams:
    """Parse a deal's ``params``.

    Text that is not a JSON object is the argument line itself; keys nobody knows are ignored with
    a warning; a null counts as an absent key (spec offchain §0.4). The ``cmdline`` of v2 is an
    argument line, too, and comes before ``iexec_args``.

    Args:
        text: the string as it stands in the deal.

    Raises:
        ExecutionError: ``TASK_DESCRIPTION_INVALID`` when a known key has a value of the wrong type.
    """
    try:
        loaded = parse_object(text)
    except ValueError:
        return DealParams(args=_text("params", text))
    given = {key: value for key, value in loaded.items() if value is not None}
    values = {name: parse(key, given[key]) for key, (name, parse) in _KEYS.items() if key in given}
    ignored = tuple(
        f"params.{_shown(key)}: unknown key, ignored (known: {', '.join(_KEYS)})"
        for key in given
        if key not in _KEYS
    )
    return DealParams(**values, is_v2="cmdline" in given or "dirinuri" in given, warnings=ignored)


def _shown(key: str) -> str:
    """Return a key as logs and databases take it: JSON may hold half a surrogate pair."""
    return key[:_MAX_SHOWN].encode(errors="backslashreplace").decode()


def _invalid(key: str, value: object, rule: str) -> ExecutionError:
    return ExecutionError(
        Cause.TASK_DESCRIPTION_INVALID,
        rule,
        field=key,
        value=value,
        remedy="sign a request order with corrected params",
    )


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise _invalid(key, value, "must be a string")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise _invalid(key, value, "must be Unicode text without NUL")
    return value


def _texts(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _invalid(key, value, "must be a list of URLs")
    texts = tuple(_text(f"{key}[{index}]", item) for index, item in enumerate(value))
    if "" in texts:
        raise _invalid(f"{key}[{texts.index('')}]", "", "must be a URL, not an empty string")
    return texts


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _invalid(key, value, "must be true or false")
    return value


def _secrets(key: str, value: object) -> Mapping[int, str]:
    if not isinstance(value, dict):
        raise _invalid(key, value, 'must be an object such as {"1": "name"}')
    for number in value:
        if not _NUMBER.fullmatch(number):
            raise _invalid(
                f"{key}.{_shown(number)}",
                value[number],
                "number must be 1 or more, of 18 digits at most",
            )
    return MappingProxyType(
        {int(number): _text(f"{key}.{number}", name) for number, name in value.items()}
    )


_KEYS: dict[str, tuple[str, Callable[[str, object], Any]]] = {
    "iexec_args": ("args", _text),
    "iexec_input_files": ("input_files", _texts),
    "iexec_secrets": ("secrets", _secrets),
    "iexec_result_storage_provider": ("result_storage_provider", _text),
    "iexec_result_storage_proxy": ("result_storage_proxy", _text),
    "iexec_result_encryption": ("result_encryption", _flag),
    "bulk_cid": ("bulk_cid", _text),
    "cmdline": ("args", _text),
    "dirinuri": ("dirinuri", _text),
}
