"""Read the files of a bulk from IPFS: dataset orders for each task (contracts §3.8, sdk §5.4).

The parameters of a deal hold the content id (CID) of a list of CIDs, one for each task; each of
these names a slice, a list of dataset orders. Both were written by strangers.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from poco.appio import Cause
from poco.appio.untrusted_json import parse_object
from poco.errors import UserInputError
from poco.fetching import Fetcher
from poco.orders import DatasetOrder

__all__ = ["MAX_ORDERS", "BulkFiles"]

MAX_ORDERS = 100
"""Most orders of a slice, as in the official library (spec sdk §5.4)."""
_MAX_BYTES = 4 * 1024 * 1024


class BulkFiles:
    """The files of bulks; safe to use from several threads.

    Args:
        fetcher: gets files from IPFS.
    """

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def slices(self, cid: str) -> list[str | None]:
        """Return the CID of each slice; None where there is something else.

        Args:
            cid: of the bulk.

        Raises:
            ExecutionError: the file cannot be had; not permanent when it may come yet.
            UserInputError: it is no list.
        """
        return [entry if isinstance(entry, str) else None for entry in self._list(cid)]

    def orders(self, cid: str) -> list[DatasetOrder | None]:
        """Return the orders of a slice; None where there is something else.

        Args:
            cid: of the slice.

        Raises:
            ExecutionError: the file cannot be had; not permanent when it may come yet.
            UserInputError: it is no list of at most `MAX_ORDERS`.
        """
        found = self._list(cid)
        if len(found) > MAX_ORDERS:
            raise _malformed(cid, f"must list at most {MAX_ORDERS} orders, and has {len(found)}")
        return [_order(entry) for entry in found]

    def _list(self, cid: str) -> list[object]:
        with tempfile.TemporaryDirectory(prefix="poco-bulk-") as folder:
            target = Path(folder) / "file"
            cause = Cause.INPUT_FILES_DOWNLOAD_FAILED
            self._fetcher.fetch(f"/ipfs/{cid}", target, cause=cause, max_bytes=_MAX_BYTES)
            text = target.read_bytes()
        try:
            found = parse_object(f'{{"list": {text.decode()}}}').get("list")
        except ValueError:
            found = None
        if not isinstance(found, list):
            raise _malformed(cid, "must be a JSON list")
        return found


def _malformed(cid: str, rule: str) -> UserInputError:
    return UserInputError(
        rule,
        field="bulk",
        value=f"/ipfs/{cid}",
        remedy="make it with prepareDatasetBulk of the official library",
    )


def _order(document: object) -> DatasetOrder | None:
    try:
        return DatasetOrder.from_json(document)
    except UserInputError:
        return None
