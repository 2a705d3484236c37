"""What a market's user brings along: apps and datasets, registered and offered to everybody."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypedDict, Unpack

from eth_typing import ChecksumAddress

from poco.appio.encryption import encrypt_dataset, generate_dataset_key
from poco.apptest import locate_app
from poco.errors import UserInputError
from poco.local.shelf import Shelf
from poco.local.venue import Venue
from poco.market import file_checksum, register_app, register_dataset
from poco.orders import (
    MAX_JSON_INTEGER,
    TDX,
    TEE,
    AppOrder,
    DatasetOrder,
    Tag,
    checked_address,
    random_salt,
    sign_order,
)
from poco.secret import Secret
from poco.services.orderbook import OrderbookRefusedError
from poco.services.secrets import SecretName

if TYPE_CHECKING:
    from poco.local.outcome import TaskResult

__all__ = [
    "CONFIDENTIAL",
    "App",
    "Arguments",
    "Dataset",
    "InputFile",
    "Options",
    "Runs",
    "bring_app",
    "bring_dataset",
]

CONFIDENTIAL = TEE | TDX
"""What the official client, too, asks for when secrets take part."""

_MODULE = "app.wasm"
_VOLUME = MAX_JSON_INTEGER
_NOT_SEEN_YET = "Resource not deployed"
"""What the order book says of an entry until it has seen the block."""
_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.02

Arguments: TypeAlias = str | Iterable[str]
"""An argument line as it stands in a deal, or arguments of which each is one for the app."""

InputFile: TypeAlias = str | Path | bytes | tuple[str, bytes]
"""A URL, the path of a file, its content, or name and content."""


class Options(TypedDict, total=False):
    """What may be said of a task, besides its arguments and input files."""

    dataset: Dataset | str | None
    """A dataset, or the address of one."""
    secrets: Mapping[int, str]
    """Secrets by the number the app sees: ``IEXEC_REQUESTER_SECRET_<n>``."""
    trust: int
    """Demanded trust; 1, the default, is content with one worker."""
    category: int
    """Id of the category: how long the task may take. 0, the shortest, by default."""
    max_price: int | None
    """The most that a task may cost, nRLC, app and dataset included; None: the market's default."""


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

    @classmethod
    def registered(cls, venue: Venue, address: str) -> Dataset:
        """Return a dataset by its address, taken for one in clear.

        Raises:
            UserInputError: there is none.
            ChainError: the node does not answer.
        """
        checked = checked_address("dataset", address)
        _require(venue.market.datasets.is_registered(checked), "dataset", checked)
        return cls(checked)


def bring_app(venue: Venue, target: str | Path, runs: Runs) -> App:
    """Return an app: one that is registered, else register it, and publish an order for it.

    Args:
        venue: where; its account will own what is new.
        target: address of an entry; a WASM module, a folder with one (``app.wasm``), with a
            Makefile or a Dockerfile; or the reference of a container image.
        runs: see `App`.

    Raises:
        UserInputError: there is no such app, or its image cannot be built.
        ConfigurationError: it is an image, and no engine answers.
        ChainError: the node does not answer.
        PeerError: the order book does not answer.
    """
    if _is_address(target):
        address = checked_address("app", str(target))
        _require(venue.market.apps.is_registered(address), "app", address)
        return App(address, venue.market.apps.view(address).name, runs)
    path = Path(target)
    if (path / _MODULE).is_file():
        path = path / _MODULE
    reference, _ = locate_app(str(path) if path.exists() or path.suffix == ".wasm" else str(target))
    name = (path.parent if path.name == _MODULE else path).resolve().stem
    entry = register_app(
        venue.market, name, reference.app_type, reference.multiaddr, reference.checksum
    )
    if entry.gas:
        order = AppOrder(app=entry.address, volume=_VOLUME, salt=random_salt())
        _publish(venue, sign_order(order, venue.market.domain, venue.account))
    return App(entry.address, name, runs)


def bring_dataset(
    venue: Venue, source: str | Path | bytes, shelf: Shelf, *, name: str, encrypt: bool
) -> Dataset:
    """Return a dataset: one that is registered, else register it, and publish an order for it.

    Args:
        venue: where; its account will own what is new.
        source: address of an entry, path of a file, or content.
        shelf: hands it out to workers.
        name: what apps see as its name; that of the file when it is empty.
        encrypt: whether to encrypt it and to give the key to the secret service.

    Raises:
        UserInputError: there is no such dataset or file.
        ChainError: the node does not answer.
        PeerError: the order book or the secret service does not answer.
    """
    if not isinstance(source, bytes) and _is_address(source):
        return Dataset.registered(venue, str(source))
    name = name or ("dataset" if isinstance(source, bytes) else Path(source).name)
    key = generate_dataset_key() if encrypt else ""
    with tempfile.TemporaryDirectory(prefix="poco-dataset-") as folder:
        path = Path(folder) / "plain" if isinstance(source, bytes) else Path(source)
        if isinstance(source, bytes):
            path.write_bytes(source)
        checksum = file_checksum(path, "dataset")
        if encrypt:
            checksum = encrypt_dataset(path, Path(folder) / "locked", key)
            path = Path(folder) / "locked"
        url = shelf.put(name, path)
    entry = register_dataset(venue.market, name, url, checksum)
    if entry.gas:
        if encrypt:
            venue.secrets.push(SecretName.dataset(entry.address), Secret(key), venue.account)
        tag = CONFIDENTIAL if encrypt else Tag(0)
        order = DatasetOrder(dataset=entry.address, volume=_VOLUME, tag=tag, salt=random_salt())
        _publish(venue, sign_order(order, venue.market.domain, venue.account))
    return Dataset(entry.address, encrypt)


def _publish(venue: Venue, order: AppOrder | DatasetOrder) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            venue.orderbook.publish(order, venue.account)
        except OrderbookRefusedError as error:
            if error.text != _NOT_SEEN_YET or time.monotonic() > end:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _is_address(target: str | Path) -> bool:
    text = str(target)
    return len(text) == 42 and text.startswith("0x") and not Path(text).exists()


def _require(is_registered: bool, kind: str, address: ChecksumAddress) -> None:
    if not is_registered:
        raise UserInputError(
            f"the registry has no {kind} of this address",
            field=kind,
            value=address,
            remedy="register it first, or check the address",
        )
