"""The result store: takes archives that their workers may upload, keeps them as long as needed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from poco import appio
from poco.contracts import Market, Task, TaskStatus
from poco.database import Database
from poco.errors import PocoError
from poco.orders import ZERO_ADDRESS, TaskId
from poco.services.results.admission import Admission, UploadRequest, admit
from poco.services.results.catalog import Catalog, Content, Record, Reservation
from poco.services.results.cids import Layout, tree_of
from poco.services.results.inspection import inspect
from poco.services.results.quotas import Quotas
from poco.services.results.shelf import Shelf
from poco.services.results.storage import Storage
from poco.services.results.uploads import Upload, Uploads
from poco.web import HttpError

__all__ = ["Pruned", "Results", "ResultsPort"]

_MAX_PROVISIONAL = 3
_UPLOAD_SECONDS = 24 * 3600
_OVER = (TaskStatus.COMPLETED, TaskStatus.FAILED)
_CLOSED = (*_OVER, TaskStatus.UNSET)
"""Nothing will come of a task in the end; one that the node does not know may be on its way back
after a reorganisation."""


class ResultsPort(Protocol):
    """A result store as a scheduler sees it, in the same process or over HTTP."""

    def find(self, taskid: TaskId, digest: bytes) -> bytes | None:
        """Return the result link of an archive that is stored; None when it is not.

        Args:
            taskid: the task.
            digest: the result digest, 32 bytes.

        Raises:
            PeerError: the store does not answer.
        """


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a round of cleaning did.

    Args:
        confirmed: archives whose digest the chain has confirmed.
        removed: archives that are gone.
        freed: bytes that are free again.
        waiting: archives that their storage has yet to take.
    """

    confirmed: int = 0
    removed: int = 0
    freed: int = 0
    waiting: int = 0


class Results:
    """A result store. Safe to use from several threads.

    Args:
        market: whose results they are; read only.
        storage: where archives are kept.
        database: made with `TABLES`.
        quotas: how much is taken, and for how long.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        market: Market,
        storage: Storage,
        database: Database,
        *,
        quotas: Quotas = Quotas(),  # noqa: B008 (immutable)
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.quotas = quotas
        self.storage = storage
        self.catalog = Catalog(database)
        self.market = market
        self.clock = clock
        self._uploads = Uploads(storage.folder / "uploads")
        self.shelf = Shelf(self.catalog, storage, quotas, self._uploads.folder)

    # READING

    def find(self, taskid: TaskId, digest: bytes) -> bytes | None:
        """See `ResultsPort.find`."""
        record = self.catalog.find(_hex(taskid), _hex(digest))
        return None if record is None else record.link

    def of_task(self, taskid: TaskId) -> Record | None:
        """Return the archive whose digest the chain has confirmed; None when there is none.

        Raises:
            ChainError: the node does not answer.
        """
        records = self.catalog.of_task(_hex(taskid))
        for record in records:
            if not record.provisional:
                return record
        task = self.market.hub.task(taskid) if records else None
        for record in records:
            if task and task.status is TaskStatus.COMPLETED and _hex(task.digest) == record.digest:
                self.catalog.confirm(record)
                return record
        return None

    def content(self, cid: str) -> Content | None:
        """Return what is known of a file; None when it is not kept."""
        return self.catalog.content(cid)

    def read(self, content: Content, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield a file, or a part of it, in pieces.

        Raises:
            ConfigurationError: the storage is away.
        """
        return self.storage.read(
            content.cid, start, content.size - start if length is None else length
        )

    # WRITING

    @contextmanager
    def uploading(
        self,
        request: UploadRequest,
        admit: Callable[[Market, UploadRequest], Admission] = admit,
    ) -> Iterator[Upload | bytes]:
        """Take up an upload, or return the link when its archive is stored already.

        What was written stays for another attempt, whatever ends the block.

        Args:
            request: what the uploader says.
            admit: decides whether it may; raises what it says.

        Raises:
            HttpError: 401, 404, 409: see `admit`; 409, another connection has it, or the worker
                has uploaded too many results of this task; 413, 507: see `Quotas`.
            ChainError: the node does not answer.
        """
        self.quotas.check_archive(request.size)
        admission = admit(self.market, request)
        task = _hex(request.taskid)
        stored = {record.digest: record for record in self.catalog.of_task(task)}
        found = stored.get(_hex(request.digest))
        if found is not None:
            yield found.link
            return
        mine = [record for record in stored.values() if record.worker == admission.worker]
        if admission.provisional and len(mine) >= _MAX_PROVISIONAL:
            raise HttpError(
                HTTPStatus.CONFLICT,
                f"a worker may upload {_MAX_PROVISIONAL} results of a task before it contributes",
                remedy="contribute one of them",
            )
        reservation = Reservation(
            task=task,
            worker=admission.worker,
            sha256=_hex(request.sha256),
            size=request.size,
            requester=admission.deal.requester,
            workerpool=admission.deal.workerpool.pointer,
            touched=int(self.clock()),
        )
        self.catalog.reserve(reservation, self.quotas)
        upload = self._uploads.open(request, admission)
        try:
            yield upload
        finally:
            upload.close()

    def accept(self, upload: Upload, layout: Layout | None = None) -> bytes:
        """Check an archive that is here completely, keep it, and return its result link.

        An archive that is not what its uploader said is deleted.

        Args:
            upload: the archive.
            layout: how its name is made; None leaves it to the storage.

        Raises:
            HttpError: 422, it is another one than announced.
            PeerError: it is no result archive.
            ConfigurationError: the storage is away.
        """
        request, admission = upload.request, upload.admission
        try:
            sha256 = upload.sha256()
            if sha256 != request.sha256:
                raise _wrong("SHA-256", sha256, request.sha256)
            has_callback = admission.deal.callback != ZERO_ADDRESS
            found = inspect(upload.path, self._uploads.folder, has_callback=has_callback)
            if found.digest is None and not admission.may_be_encrypted:
                raise HttpError(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    "an encrypted archive needs a requester who asked for it, and the signature "
                    "of the enclave",
                )
            if found.digest is not None and found.digest != request.digest:
                raise _wrong("digest", found.digest, request.digest)
        except Exception:
            upload.discard()
            self.catalog.release(_hex(request.taskid), admission.worker)
            raise
        cid = self.storage.name(upload.path, sha256)
        if layout is not None:
            upload.file.seek(0)
            cid = tree_of(upload.file, layout).cid
        content = Content(cid, request.size, _hex(request.sha256))
        is_encrypted = found.digest is None
        record = self._record(upload, content.cid, is_encrypted=is_encrypted)
        is_kept = self.catalog.add(record, content)
        self.shelf.keep(upload.path, content, (record.task, record.worker), is_kept=is_kept)
        kept = self.catalog.find(record.task, record.digest)
        return record.link if kept is None else kept.link

    def put(self, pieces: Iterable[bytes], layout: Layout | None = None) -> str:
        """Keep a file that is no result, for good; return its content id.

        Args:
            pieces: of the file.
            layout: see `Shelf.add`.

        Raises:
            HttpError: 413, 507: see `Quotas`.
            ConfigurationError: the storage is away.
        """
        with self.shelf.draft() as draft:
            for piece in pieces:
                draft.write(piece)
            return self.shelf.add(draft, layout).cid

    def _record(self, upload: Upload, cid: str, *, is_encrypted: bool) -> Record:
        request, admission = upload.request, upload.admission
        deal = admission.deal
        link = appio.ipfs_link(cid)
        if deal.callback != ZERO_ADDRESS:
            link = appio.callback_link(deal.callback)
        return Record(
            task=_hex(request.taskid),
            digest=_hex(request.digest),
            cid=cid,
            link=link,
            worker=admission.worker,
            requester=deal.requester,
            workerpool=deal.workerpool.pointer,
            encrypted=is_encrypted,
            provisional=admission.provisional,
            created=int(self.clock()),
            expires=admission.task.final_deadline + self.quotas.retention,
        )

    # CLEANING

    def prune(self) -> Pruned:
        """Remove what is not needed any more; see `Pruned`.

        An archive stays while its task is open, and for the retention after the final deadline. One
        that the chain did not confirm goes when the task is over; a node that does not know the
        task says nothing of it. Times are those of the chain.

        Raises:
            ChainError: the node does not answer.
            ConfigurationError: the storage is away.
        """
        now = self.market.chain.timestamp()
        confirmed, removed = self._judge(now)
        for record in self.catalog.expired(now):
            if self._task(record).status in _CLOSED:
                self.catalog.drop(record)
                removed += 1
        self._forget_uploads()
        freed = sum(self.catalog.remove(cid, self.storage.delete) for cid in self.catalog.orphans())
        return Pruned(confirmed, removed, freed, self.storage.settle())

    def _judge(self, now: int) -> tuple[int, int]:
        """Confirm or remove what was uploaded before it was contributed."""
        confirmed = removed = 0
        for record in self.catalog.provisional():
            task = self._task(record)
            is_known = task.status is not TaskStatus.UNSET
            if task.status is TaskStatus.COMPLETED and _hex(task.digest) == record.digest:
                self.catalog.confirm(record)
                confirmed += 1
            elif now >= (task.final_deadline if is_known else record.expires) or (
                task.status in _OVER
            ):
                self.catalog.drop(record)
                removed += 1
        return confirmed, removed

    def _task(self, record: Record) -> Task:
        return self.market.hub.task(TaskId(bytes.fromhex(record.task[2:])))

    def _forget_uploads(self) -> None:
        """Remove what was begun and nobody continues."""
        stale = self.clock() - _UPLOAD_SECONDS
        known = set()
        for upload in self.catalog.uploads():
            if upload.touched < stale:
                self.catalog.release(upload.task, upload.worker)
            else:
                known.add((upload.task, upload.worker))
        for task, worker in self._uploads.names() - known:
            self._uploads.forget(task, worker)
        self._uploads.sweep(stale)
        self.catalog.drop_unfinished(int(stale))

    def run(self, stop: threading.Event, pause: float, report: Callable[[str], None]) -> None:
        """Prune again and again until told to stop; what goes wrong is reported.

        Args:
            stop: set to end.
            pause: seconds between two rounds.
            report: takes a line of text.
        """
        while not stop.wait(pause):
            try:
                self.prune()
            except (PocoError, OSError) as error:
                report(str(error))


def _wrong(what: str, found: bytes, said: bytes) -> HttpError:
    return HttpError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"the {what} of the archive is {_hex(found)}, not {_hex(said)}",
        field="archive",
        remedy="upload the archive that was made",
    )


def _hex(value: bytes) -> str:
    return f"0x{value.hex()}"
