"""What a market's user has to do with: apps, datasets, and what may be said of a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypedDict, Unpack

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

if TYPE_CHECKING:
    from poco.local.outcome import TaskResult

__all__ = ["App", "Arguments", "Dataset", "InputFile", "Options", "Runs"]

Arguments: TypeAlias = str | Iterable[str]
"""An argument line as it stands in a deal, or arguments of which each is one for the app."""

InputFile: TypeAlias = str | Path | bytes | tuple[str, bytes]
"""A URL, the path of a file, its content, or name and content."""


class Options(TypedDict, total=False):
    """What may be said of a task, besides its arguments and input files."""

    dataset: Dataset | str | None
    """A dataset, or the address of one."""
    datasets: Sequence[Dataset | str] | None
    """Many at once, encrypted all: ``IEXEC_DATASET_<n>_FILENAME``."""
    secrets: Mapping[int, str]
    """Secrets by the number the app sees: ``IEXEC_REQUESTER_SECRET_<n>``."""
    trust: int
    """Demanded trust; 1, the default, is content with one worker."""
    category: int
    """Id of the category: how long the task may take. 0, the shortest, by default."""
    workerpool: str | None
    """The address of the only pool to take; by default the cheapest."""
    max_price: int | None
    """The most that a task may cost, nRLC, app and dataset included; None: the market's default."""
    max_app_price: int | None
    """The most for the app alone, nRLC; None sets no limit but `max_price`."""
    max_dataset_price: int | None
    """The most for the dataset alone, likewise."""
    encrypt_result: bool | Path | str
    """Whether nobody else can read the result: True makes a key pair, a path (PEM) names yours."""
    beneficiary: LocalAccount | str | None
    """Whom the result is for, an account or its address; by default the market's account."""
    callback: str | None
    """The address of a contract that gets what the app leaves for it."""


class Runs(Protocol):
    """What runs an app."""

    def __call__(
        self,
        app: App,
        args: Arguments = "",
        input_files: Iterable[InputFile] = (),
        **options: Unpack[Options],
    ) -> TaskResult:
        """Run it, and wait."""
        ...


@dataclass(frozen=True, eq=False)
class App:
    """An app of the market. Call it to run it: ``app("--column price").text``.

    Args:
        address: its registry entry.
        name: its name.
        runs: the market's way to run it.
    """

    address: ChecksumAddress
    name: str
    runs: Runs = field(repr=False)

    def __call__(
        self,
        args: Arguments = "",
        input_files: Iterable[InputFile] = (),
        **options: Unpack[Options],
    ) -> TaskResult:
        """Run the app, and wait for its result; see `Market.run`."""
        return self.runs(self, args, input_files, **options)


@dataclass(frozen=True)
class Dataset:
    """A dataset of the market.

    Args:
        address: its registry entry.
        confidential: whether it is encrypted, so that only confidential tasks can read it.
    """

    address: ChecksumAddress
    confidential: bool = False
