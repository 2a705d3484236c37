"""How much a result store takes, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from poco.result_archive import MAX_ARCHIVE_BYTES
from poco.web import HttpError

__all__ = ["Quotas"]


@dataclass(frozen=True, slots=True)
class Quotas:
    """Limits of a store.

    Args:
        total: bytes of all archives.
        account: bytes of the archives of one requester, or of one workerpool.
        archive: bytes of one archive, or of another file.
        added: bytes of all files that are no results.
        added_files: number of these.
        retention: seconds an archive stays after the final deadline of its task.
    """

    total: int = 100 * 1024**3
    account: int = 20 * 1024**3
    archive: int = MAX_ARCHIVE_BYTES
    added: int = 10 * 1024**3
    added_files: int = 10_000
    retention: int = 30 * 24 * 3600

    def check_archive(self, size: int) -> None:
        """Check the size of an archive.

        Raises:
            HttpError: 413.
        """
        if not 0 < size <= self.archive:
            raise HttpError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"an archive may have 1 to {self.archive} bytes",
                field="size",
                value=size,
                remedy="let the app write less",
            )

    def check_length(self, size: int) -> None:
        """Check the size of a file that is no result.

        Raises:
            HttpError: 413.
        """
        if size > self.archive:
            raise HttpError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"a file may have {self.archive} bytes",
                field="size",
                value=size,
                remedy="cut it into several",
            )

    def check_added(self, files: int, used: int, size: int) -> None:
        """Check that a file fits in what is kept besides results.

        Raises:
            HttpError: 507.
        """
        remedy = "ask its operator to `unpin` some, or for `--added-quota`"
        if files >= self.added_files:
            raise HttpError(
                HTTPStatus.INSUFFICIENT_STORAGE,
                f"the store keeps {self.added_files} files besides results",
                field="files",
                value=files + 1,
                remedy=remedy,
            )
        if used + size > self.added:
            raise _full("all files that are no results", used, size, self.added, remedy)

    def check_total(self, used: int, size: int) -> None:
        """Check that an archive fits in the store.

        Raises:
            HttpError: 507.
        """
        if used + size > self.total:
            raise _full("the store", used, size, self.total, "ask its operator for `--quota`")

    def check_account(self, role: str, account: str, used: int, size: int) -> None:
        """Check that an archive fits in what one account may have.

        Raises:
            HttpError: 507.
        """
        if used + size > self.account:
            remedy = "wait until older results expire, or ask for `--account-quota`"
            raise _full(f"{role} {account}", used, size, self.account, remedy)


def _full(owner: str, used: int, size: int, limit: int, remedy: str) -> HttpError:
    return HttpError(
        HTTPStatus.INSUFFICIENT_STORAGE,
        f"{owner} may keep {limit} bytes, and {used} are taken",
        field="size",
        value=size,
        remedy=remedy,
    )
