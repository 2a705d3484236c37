"""Pack an output folder so that equal outputs give equal archives (spec offchain §1.13)."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from pathlib import Path

from poco.appio.digests import stream_digest
from poco.appio.tree import OutputFile, OutputTree

__all__ = ["write_archive"]

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


def write_archive(tree: OutputTree, target: Path) -> bytes:
    """Write the canonical ``result.zip`` of an output folder.

    Entries are the regular files in the byte order of their names, deflated at zlib's own level 6,
    with one fixed date, one of two modes and no extra fields. The archive appears at its path
    complete and synced, or not at all.

    Args:
        tree: the scanned output.
        target: where to put the archive, in an existing folder outside the output.

    Returns:
        The archive's SHA-256, 32 bytes.
    """
    partial = target.with_name(target.name + ".part")
    with partial.open("w+b") as stream:
        with zipfile.ZipFile(stream, "w") as archive:
            for path in sorted(tree.files, key=str.encode):
                entry = _entry(tree.files[path])
                with tree.open(path) as source, archive.open(entry, "w") as packed:
                    shutil.copyfileobj(source, packed, 1024 * 1024)
        stream.flush()
        os.fsync(stream.fileno())
        stream.seek(0)
        digest = stream_digest(stream)
    partial.replace(target)
    return digest


def _entry(file: OutputFile) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(file.path, _EPOCH)
    entry.create_system = _UNIX
    entry.external_attr = (stat.S_IFREG | (0o755 if file.executable else 0o644)) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.file_size = file.size
    return entry
