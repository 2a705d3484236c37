"""Files under their content ids: written here, counted in the catalog, kept by the storage."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from io import FileIO
from pathlib import Path

from poco.errors import ConfigurationError
from poco.services.results.catalog import Catalog, Content
from poco.services.results.cids import Layout, Named, tree_of
from poco.services.results.quotas import Quotas
from poco.services.results.storage import Storage
from poco.web import HttpError

__all__ = ["Draft", "Shelf"]


class Draft:
    """A file that is being written; it is gone unless `Shelf.add` keeps it.

    Args:
        file: open.
        path: its name.
        quotas: how long it may be.

    Attributes:
        path: see above.
        size: bytes that are here.
    """

    def __init__(self, file: FileIO, path: Path, quotas: Quotas) -> None:
        self.path = path
        self.size = 0
        self._file = file
        self._quotas = quotas
        self._digest = hashlib.sha256()

    def write(self, piece: bytes) -> None:
        """Add to the end.

        Raises:
            HttpError: 413, the file is too long; 507, the disk is full.
        """
        self._quotas.check_length(self.size + len(piece))
        rest = memoryview(piece)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise HttpError(
                HTTPStatus.INSUFFICIENT_STORAGE, f"the disk of the store: {error.strerror}"
            ) from error
        self.size += len(piece)
        self._digest.update(piece)

    def sha256(self) -> bytes:
        """Return the SHA-256 of what is here."""
        return self._digest.digest()


class Shelf:
    """Puts files away. Safe to use from several threads.

    Args:
        catalog: counts them.
        storage: keeps them.
        quotas: how much is taken.
        folder: for what is being written, on the disk of `Storage.folder`.
    """

    def __init__(self, catalog: Catalog, storage: Storage, quotas: Quotas, folder: Path) -> None:
        self._catalog = catalog
        self._storage = storage
        self._quotas = quotas
        self._folder = folder

    @contextmanager
    def draft(self) -> Iterator[Draft]:
        """Open a new file, which is gone at the end of the block unless it was added."""
        descriptor, name = tempfile.mkstemp(dir=self._folder)
        with FileIO(descriptor, "w") as file:  # no buffer: what a full disk refuses is not kept
            try:
                yield Draft(file, Path(name), self._quotas)
            finally:
                Path(name).unlink(missing_ok=True)

    def add(self, draft: Draft, layout: Layout | None = None, *, pinned: bool = True) -> Named:
        """Keep a file that is no result.

        Args:
            draft: the file, complete.
            layout: how its name is made; None leaves it to the storage.
            pinned: whether it stays for good; else it goes with the next cleaning.

        Raises:
            HttpError: 507: see `Quotas`.
            ConfigurationError: the storage is away.
        """
        sha256 = draft.sha256()
        if layout is None:
            named = Named(self._storage.name(draft.path, sha256), draft.size)
        else:
            with draft.path.open("rb") as stream:
                named = tree_of(stream, layout)
        content = Content(named.cid, draft.size, f"0x{sha256.hex()}", pinned=pinned)
        is_kept = self._catalog.add_content(content, self._quotas)
        try:
            self.keep(draft.path, content, is_kept=is_kept)
        except ConfigurationError:
            self._catalog.unpin(named.cid)
            raise
        return named

    def keep(
        self, path: Path, content: Content, upload: tuple[str, str] | None = None, *, is_kept: bool
    ) -> None:
        """Hand a file over that the catalog knows; then it counts.

        Args:
            path: the file; it is gone afterwards.
            content: what the catalog knows of it.
            is_kept: whether the storage has it already.
            upload: see `Catalog.set_ready`.

        Raises:
            ConfigurationError: the storage is away.
        """
        if not is_kept:
            self._storage.put(path, content.cid)
            self._catalog.set_ready(content, upload)
        elif upload is not None:
            self._catalog.release(*upload)
        path.unlink(missing_ok=True)
