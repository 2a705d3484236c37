"""Tell where two runs of an app differ."""

from __future__ import annotations

from dataclasses import dataclass

from poco.appio import OutputTree

__all__ = ["SHOWN_BYTES", "Difference", "compare"]

SHOWN_BYTES = 16
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not the same after two runs.

    Attributes:
        path: the file, below the output folder.
        counts: whether it is part of what workers must agree on.
        offset: of the first byte that differs; None when only one run has the file.
        first: bytes of the first run from there; None when it has no such file.
        second: likewise of the second run.
    """

    path: str
    counts: bool
    offset: int | None
    first: bytes | None
    second: bytes | None


def compare(first: OutputTree, second: OutputTree, counting: frozenset[str]) -> list[Difference]:
    """Return the files that differ, those that count first.

    Args:
        first: the output of one run.
        second: the output of another one.
        counting: the paths that the digest of either run depends on.
    """
    found = []
    for path in sorted({*first.files, *second.files}, key=str.encode):
        if path not in second.files:
            found.append(Difference(path, path in counting, None, _head(first, path), None))
        elif path not in first.files:
            found.append(Difference(path, path in counting, None, None, _head(second, path)))
        else:
            offset = _first_difference(first, second, path)
            if offset is not None:
                shown = [_head(tree, path, offset) for tree in (first, second)]
                found.append(Difference(path, path in counting, offset, *shown))
    return sorted(found, key=lambda difference: not difference.counts)


def _first_difference(first: OutputTree, second: OutputTree, path: str) -> int | None:
    offset = 0
    with first.open(path) as one, second.open(path) as two:
        while True:
            chunks = one.read(_CHUNK_BYTES), two.read(_CHUNK_BYTES)
            if chunks[0] != chunks[1]:
                pairs = zip(*chunks, strict=False)
                same = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
                return offset + (min(map(len, chunks)) if same is None else same)
            if not chunks[0]:
                return None
            offset += len(chunks[0])


def _head(tree: OutputTree, path: str, offset: int = 0) -> bytes:
    with tree.open(path) as stream:
        stream.seek(offset)
        return stream.read(SHOWN_BYTES)
