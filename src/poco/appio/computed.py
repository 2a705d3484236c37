"""Read ``computed.json``, the app's word on where its result is (spec offchain §1.9).

Everything an app writes is untrusted. Keys that only a worker or an enclave may set, such as
``result-digest``, are not even looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from poco.appio.causes import Cause, ExecutionError
from poco.appio.generation import Generation
from poco.appio.tree import open_beneath
from poco.appio.untrusted_json import parse_object

__all__ = [
    "COMPUTED_FILE",
    "MAX_CALLBACK_BYTES",
    "Computed",
    "callback_warnings",
    "output_path",
    "read_computed",
]

COMPUTED_FILE = "computed.json"
TREE_ALGORITHM = "tree-v1"
MAX_COMPUTED_BYTES = 1024 * 1024
MAX_CALLBACK_BYTES = 64 * 1024
LARGE_CALLBACK_BYTES = 8 * 1024

_HEX = re.compile(r"(?:0x)?((?:[0-9a-fA-F]{2})+)")
_PATH_REMEDY = 'the app must write {"deterministic-output-path": "/iexec_out/…"}'
_CALLBACK_REMEDY = 'the app must write {"callback-data": "0x…"}'
_V5_ROOTS = (Generation.V5.layout.output,)


@dataclass(frozen=True, slots=True)
class Computed:
    """What the app declared.

    Exactly one of the two is set: a deal with a callback has data, any other has a path.

    Attributes:
        output_path: path of the deterministic output below the output folder, may be empty.
        callback_data: bytes for the callback contract.
        binds_names: whether the app asked for the digest ``tree-v1``.
        warnings: remarks for the app's developer.
    """

    output_path: str | None = None
    callback_data: bytes | None = None
    binds_names: bool = False
    warnings: tuple[str, ...] = ()


def read_computed(
    output: Path, *, has_callback: bool, roots: Sequence[str] = _V5_ROOTS
) -> Computed:
    """Read and check the app's ``computed.json``.

    Args:
        output: the output folder on the host.
        has_callback: whether the deal names a callback contract.
        roots: where the app saw that folder; several when it is not known.

    Raises:
        ExecutionError: ``DETERMINISM_HASH_NOT_FOUND`` when the file is missing, over 1 MiB, not a
            JSON object, or lacks a valid value of the key that this deal needs.
    """
    declared = _load(output)
    if has_callback:
        return _callback(declared)
    if "deterministic-output-path" not in declared:
        raise _invalid(
            COMPUTED_FILE, sorted(declared)[:20], "must have the key deterministic-output-path"
        )
    algorithm = declared.get("deterministic-algorithm")
    if algorithm not in (None, TREE_ALGORITHM):
        raise _invalid(
            f"{COMPUTED_FILE} deterministic-algorithm",
            algorithm,
            f"must be {TREE_ALGORITHM}, or absent for the digest of the network",
        )
    return Computed(
        output_path=output_path(declared["deterministic-output-path"], roots),
        binds_names=algorithm is not None,
    )


def output_path(declared: object, roots: Sequence[str] = _V5_ROOTS) -> str:
    """Translate a declared path to a normalised path below the output folder.

    Args:
        declared: an absolute path at or below the output folder, or a path relative to it.
        roots: where the app saw its output folder; several when it is not known.

    Returns:
        The path with ``/`` and without ``.`` or ``..``, empty for the output folder itself.

    Raises:
        ExecutionError: ``DETERMINISM_HASH_NOT_FOUND`` when it is not text or leaves the output
            folder at any step.
    """
    field = f"{COMPUTED_FILE} deterministic-output-path"
    if not isinstance(declared, str) or not declared:
        raise _invalid(field, declared, "must be a path")
    if "\0" in declared or any("\ud800" <= character <= "\udfff" for character in declared):
        raise _invalid(field, declared, "must be Unicode text without NUL")
    parts = [part for part in declared.split("/") if part not in ("", ".")]
    if declared.startswith("/"):
        if f"/{parts[0] if parts else ''}" not in roots:
            raise _invalid(field, declared, f"must lie below {' or '.join(roots)}")
        del parts[0]
    path: list[str] = []
    for part in parts:
        if part != "..":
            path.append(part)
        elif path:
            path.pop()
        else:
            raise _invalid(field, declared, f"must not leave {' or '.join(roots)}")
    return "/".join(path)


def _load(output: Path) -> dict[str, object]:
    try:
        with open_beneath(output, COMPUTED_FILE) as stream:
            raw = stream.read(MAX_COMPUTED_BYTES + 1)
    except ExecutionError as failure:
        raise _invalid(
            COMPUTED_FILE, None, "must be a readable regular file in the output folder"
        ) from failure
    if len(raw) > MAX_COMPUTED_BYTES:
        raise _invalid(COMPUTED_FILE, None, f"may have {MAX_COMPUTED_BYTES} bytes")
    try:
        return parse_object(raw.decode("utf-8"))
    except ValueError as error:
        raise _invalid(
            COMPUTED_FILE, raw[:80], f"must be a JSON object in UTF-8: {error}"
        ) from error


def _callback(declared: dict[str, object]) -> Computed:
    field = f"{COMPUTED_FILE} callback-data"
    text = declared.get("callback-data")
    digits = _HEX.fullmatch(text) if isinstance(text, str) else None
    if digits is None:
        shown = text[:80] if isinstance(text, str) else text
        rule = "the deal has a callback, so it must be 0x and whole bytes in hex"
        raise _invalid(field, shown, rule, _CALLBACK_REMEDY)
    data = bytes.fromhex(digits[1])
    if len(data) > MAX_CALLBACK_BYTES:
        rule = f"may have {MAX_CALLBACK_BYTES} bytes, not {len(data)}"
        raise _invalid(field, digits[0][:80], rule, _CALLBACK_REMEDY)
    return Computed(callback_data=data, warnings=callback_warnings(field, data))


def callback_warnings(field: str, data: bytes) -> tuple[str, ...]:
    """Return a remark on data that will be dear on chain."""
    if len(data) <= LARGE_CALLBACK_BYTES:
        return ()
    return (f"{field}: {len(data)} bytes will cost much gas",)


def _invalid(field: str, value: object, rule: str, remedy: str = _PATH_REMEDY) -> ExecutionError:
    return ExecutionError(
        Cause.DETERMINISM_HASH_NOT_FOUND,
        rule,
        field=field,
        value=value,
        remedy=remedy,
    )
