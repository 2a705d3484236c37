"""Download what a task reads: its input files, its dataset, the datasets of its bulk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from poco.appio import Cause
from poco.contracts import DatasetEntry
from poco.fetching import FetchedFile, Fetcher, multiaddr_text
from poco.secret import Secret
from poco.services.secrets import BulkDataset
from poco.worker.execution import DatasetFile
from poco.worker.execution.bulk import each_of_bulk

__all__ = ["Downloads"]


@dataclass
class Downloads:
    """The downloads of one task.

    Args:
        fetcher: downloads.
        folder: where to put the files, the task's own; it is made.
        deadline: when to give up, on the fetcher's clock.
    """

    fetcher: Fetcher
    folder: Path
    deadline: float

    def __post_init__(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def input_files(self, urls: Sequence[str]) -> dict[str, Path]:
        """Return the input files by URL.

        Raises:
            ExecutionError: see `Fetcher.fetch_all`.
        """
        files = self.fetcher.fetch_all(urls, self.folder, deadline=self.deadline)
        return {url: file.path for url, file in files.items()}

    def dataset(self, entry: DatasetEntry, key: Secret | None) -> DatasetFile:
        """Return the dataset of the deal.

        Raises:
            ExecutionError: see `Fetcher.fetch`.
        """
        address = multiaddr_text(entry.multiaddr)
        file = self._registered(address, "dataset", entry.checksum)
        return DatasetFile(entry.address, address, file.path, key)

    def bulk(self, datasets: Sequence[BulkDataset | None]) -> tuple[DatasetFile | None, ...]:
        """Return the datasets of a bulk, at most as much as all input files may be.

        Args:
            datasets: what the secret service names; None is left as it is. One that is named twice
                is fetched once.

        Raises:
            ExecutionError: some cannot be had; the message names each (spec offchain §5.1).
        """
        left = self.fetcher.policy.max_total_bytes

        def fetch(one: BulkDataset) -> DatasetFile:
            nonlocal left
            file = self._registered(one.multiaddr, one.address.lower(), one.checksum, left)
            left -= file.size
            return DatasetFile(one.address, one.multiaddr, file.path, one.key)

        wanted = {one.address: one for one in datasets if one is not None}
        fetched = each_of_bulk(wanted.values(), lambda one: one.address.lower(), fetch)
        files = {file.address: file for file in fetched}
        return tuple(files[one.address] if one else None for one in datasets)

    def _registered(
        self, address: str, name: str, checksum: bytes, max_bytes: int | None = None
    ) -> FetchedFile:
        return self.fetcher.fetch(
            address,
            self.folder / name,
            cause=Cause.DATASET_FILE_DOWNLOAD_FAILED,
            checksum=checksum,
            deadline=self.deadline,
            max_bytes=max_bytes,
        )
