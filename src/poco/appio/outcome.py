"""Find the result in what an app wrote, whichever generation it speaks (spec offchain §1.1).

The order is fixed, as all workers must agree: ``computed.json``, then ``determinism.iexec``, then
``consensus.iexec`` of v2. A file that exists decides, also when it is invalid.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from poco.appio.causes import Cause, ExecutionError
from poco.appio.computed import (
    COMPUTED_FILE,
    MAX_CALLBACK_BYTES,
    callback_warnings,
    read_computed,
)
from poco.appio.digests import (
    callback_digest,
    declared_digest,
    file_digest,
    output_digest,
    tree_digest,
)
from poco.appio.generation import Generation
from poco.appio.tree import OutputTree

__all__ = [
    "CALLBACK_FILE",
    "CONSENSUS_FILE",
    "DETERMINISM_FILE",
    "Outcome",
    "is_declared",
    "read_outcome",
]

DETERMINISM_FILE = "determinism.iexec"
CALLBACK_FILE = "callback.iexec"
CONSENSUS_FILE = "consensus.iexec"

_HEX = re.compile(rb"(?:0x)?((?:[0-9a-fA-F]{2})+)\n?")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result that an app declared.

    Attributes:
        digest: the 32 bytes that workers must agree on.
        source: name of the file that decided.
        callback_data: bytes for the callback contract, empty without callback.
        warnings: remarks for the app's developer.
    """

    digest: bytes
    source: str
    callback_data: bytes = b""
    warnings: tuple[str, ...] = ()


def is_declared(tree: OutputTree) -> bool:
    """Return whether the app left any of the files that can decide."""
    return any(map(tree.has, (COMPUTED_FILE, DETERMINISM_FILE, CONSENSUS_FILE)))


def read_outcome(
    tree: OutputTree, generation: Generation | None, *, has_callback: bool
) -> Outcome | None:
    """Read the result that an app declared.

    Args:
        tree: the scanned output.
        generation: what the app speaks; None when it is not known, as for an archive.
        has_callback: whether the deal names a callback contract.

    Returns:
        The result, or None when no file decides or an empty one of v2 or v3 does.

    Raises:
        ExecutionError: ``DETERMINISM_HASH_NOT_FOUND`` when the file that decides is invalid, or
            there is none with the data that a callback needs.
    """
    if tree.has(COMPUTED_FILE):
        return _computed(tree, generation, has_callback)
    if has_callback:
        return _callback(tree)
    if tree.has(DETERMINISM_FILE):
        return _file(tree, DETERMINISM_FILE)
    if tree.has(CONSENSUS_FILE):
        if generation not in (None, Generation.V2):
            raise _invalid(
                CONSENSUS_FILE,
                "is the file of v2 apps only",
                "write computed.json, or request the app with the params cmdline and dirinuri",
            )
        return _file(tree, CONSENSUS_FILE)
    return None


def _computed(tree: OutputTree, generation: Generation | None, has_callback: bool) -> Outcome:
    generations = Generation if generation is None else (generation,)
    roots = list(dict.fromkeys(known.layout.output for known in generations))
    computed = read_computed(tree.root, has_callback=has_callback, roots=roots)
    data = computed.callback_data
    if data is not None:
        return Outcome(callback_digest(data), COMPUTED_FILE, data, computed.warnings)
    digest = tree_digest if computed.binds_names else output_digest
    return Outcome(
        digest(tree, computed.output_path or ""), COMPUTED_FILE, warnings=computed.warnings
    )


def _file(tree: OutputTree, name: str) -> Outcome | None:
    found = tree.files.get(name)
    if found is None:
        raise _invalid(name, "must be a regular file", "write it as a file of its own")
    if not found.size:
        return None
    if name == CONSENSUS_FILE:
        return Outcome(file_digest(tree, name), name)
    with tree.open(name) as stream:
        return Outcome(declared_digest(stream), name)


def _callback(tree: OutputTree) -> Outcome:
    """Read the callback of v3: its data, and a determinism file that binds them."""
    if CALLBACK_FILE not in tree.files:
        raise _invalid(
            CALLBACK_FILE,
            "the deal has a callback, so there must be data for it",
            'write {"callback-data": "0x…"} to computed.json, or the hex to callback.iexec',
        )
    with tree.open(CALLBACK_FILE) as stream:
        text = _HEX.fullmatch(stream.read(2 * MAX_CALLBACK_BYTES + 4))
    data = bytes.fromhex(text[1].decode()) if text else b""
    if not data or len(data) > MAX_CALLBACK_BYTES:
        raise _invalid(
            CALLBACK_FILE,
            f"must be 1 to {MAX_CALLBACK_BYTES} bytes in hex",
            "encode the values as the callback contract expects them",
        )
    declared = _file(tree, DETERMINISM_FILE) if tree.has(DETERMINISM_FILE) else None
    digest = callback_digest(data)
    if declared is None or declared.digest != digest:
        raise _invalid(
            DETERMINISM_FILE,
            f"must be the Keccak-256 of the callback's data, 0x{digest.hex()}",
            "write that value in hex",
        )
    return Outcome(digest, CALLBACK_FILE, data, callback_warnings(CALLBACK_FILE, data))


def _invalid(field: str, rule: str, remedy: str) -> ExecutionError:
    return ExecutionError(
        Cause.DETERMINISM_HASH_NOT_FOUND, rule, field="output", value=field, remedy=remedy
    )
