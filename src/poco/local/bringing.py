"""Bring apps and datasets to a market: register them, and offer them to everybody."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, TypeVar

from eth_typing import ChecksumAddress

from poco.appio import ExecutionError
from poco.appio.encryption import encrypt_dataset, generate_dataset_key
from poco.apptest import locate_app, no_app
from poco.local import given
from poco.local.goods import App, Dataset, Runs
from poco.local.shelf import Shelf
from poco.local.venue import Venue
from poco.market import Registered, file_checksum, register_app, register_dataset
from poco.market.assets import read_asset, require_owner
from poco.market.publishing import close_order, publish_order
from poco.orders import (
    MAX_JSON_INTEGER,
    TDX,
    TEE,
    ZERO_ADDRESS,
    AppOrder,
    Asset,
    DatasetOrder,
    Tag,
    order_hash,
    random_salt,
    sign_order,
)
from poco.secret import Secret
from poco.services.orderbook import ANY, OrdersFilter
from poco.services.secrets import SecretName
from poco.worker.execution import AppReference

__all__ = ["CONFIDENTIAL", "Terms", "bring_app", "bring_dataset", "find_dataset"]

CONFIDENTIAL = TEE | TDX
"""What the official client, too, asks for when secrets take part."""

_MODULE = "app.wasm"
_VOLUME = MAX_JSON_INTEGER
_PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 0.02
_Order = TypeVar("_Order", AppOrder, DatasetOrder)


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms something is offered to others; its owner has it for nothing.

    Args:
        price: of a task, nRLC; None is nothing.
        app: the only app that may use a dataset, or address zero.
        requester: the only account that may buy, or address zero.
    """

    price: int | None = None
    app: ChecksumAddress = ZERO_ADDRESS
    requester: ChecksumAddress = ZERO_ADDRESS

    @classmethod
    def of(cls, price: object, *, app: object = None, requester: object = None) -> Self:
        """Understand terms.

        Args:
            price: a whole number, or None.
            app: an app, its address, or None.
            requester: an account, its address, or None.

        Raises:
            UserInputError: one is none of these.
        """
        return cls(
            price=None if price is None else given.whole("price", price, most=_VOLUME),
            app=ZERO_ADDRESS if app is None else given.address("app", app),
            requester=ZERO_ADDRESS if requester is None else given.address("requester", requester),
        )

    def applied(self, order: _Order) -> _Order:
        """Return an order on these terms."""
        order = replace(order, requesterrestrict=self.requester)
        if isinstance(order, AppOrder):
            return replace(order, appprice=self.price or 0)
        return replace(order, datasetprice=self.price or 0, apprestrict=self.app)


def bring_app(venue: Venue, target: object, runs: Runs, terms: Terms) -> App:
    """Return an app: one that is registered, else register it, and publish an order for it.

    Args:
        venue: where; its account will own what is new.
        target: address of an entry; a WASM module, a folder with one (``app.wasm``), with a
            Makefile or a Dockerfile; or the reference of a container image.
        runs: see `App`.
        terms: on which it is offered.

    Raises:
        UserInputError: there is no such app, its image cannot be built, or terms are given for what
            is somebody else's.
        ConfigurationError: it is an image, and no engine answers.
        ChainError: the node does not answer.
        PeerError: the order book does not answer.
    """
    path = given.path("app", target)
    if given.is_address(target):
        address = given.address("app", target)
        read_asset(venue.market, Asset.APP, address)
        name, entry = venue.market.apps.view(address).name, Registered(address)
    else:
        name, reference = _located(target, path)
        entry = register_app(
            venue.market, name, reference.app_type, reference.multiaddr, reference.checksum
        )
    orders = [
        AppOrder(app=entry.address, volume=_VOLUME, tag=tag, salt=random_salt())
        for tag in (Tag(0), CONFIDENTIAL)  # for tasks in clear, and for confidential ones
    ]
    _offer(venue, orders, entry, terms)
    return App(entry.address, name, runs)


def bring_dataset(
    venue: Venue, source: object, shelf: Shelf, *, name: object, encrypt: object, terms: Terms
) -> Dataset:
    """Return a dataset: one that is registered, else register it, and publish an order for it.

    Args:
        venue: where; its account will own what is new.
        source: address of an entry, path of a file, or content.
        shelf: hands it out to workers.
        name: what apps see as its name; that of the file when it is empty.
        encrypt: whether to encrypt it and to give the key to the secret service.
        terms: on which it is offered.

    Raises:
        UserInputError: there is no such dataset or file, or terms are given for what is somebody
            else's.
        ChainError: the node does not answer.
        PeerError: the order book or the secret service does not answer.
    """
    locked = given.flag("encrypt", encrypt)
    if given.is_address(source):
        dataset = find_dataset(venue, source)
        entry = Registered(dataset.address)
    else:
        content = source if isinstance(source, bytes) else given.path("dataset", source)
        known = content.name if isinstance(content, Path) else "dataset"
        label = given.file_name("name", known if name == "" else name)
        entry = _registered(venue, content, shelf, label, encrypt=locked)
        dataset = Dataset(entry.address, locked)
    tag = CONFIDENTIAL if dataset.confidential else Tag(0)
    order = DatasetOrder(dataset=entry.address, volume=_VOLUME, tag=tag, salt=random_salt())
    _offer(venue, [order], entry, terms)
    return dataset


def find_dataset(venue: Venue, address: object) -> Dataset:
    """Return a dataset by its address; it is confidential when the secret service has its key.

    Raises:
        UserInputError: there is none.
        PeerError: the secret service does not answer.
        ChainError: the node does not answer.
    """
    checked = given.address("dataset", address)
    read_asset(venue.market, Asset.DATASET, checked)
    return Dataset(checked, venue.secrets.has(SecretName.dataset(checked)))


def _located(target: object, path: Path) -> tuple[str, AppReference]:
    """Find an app on this machine; return its name, and what is to be registered."""
    if (path / _MODULE).is_file():
        path = path / _MODULE
    if path.exists() or path.suffix == ".wasm":
        reference, _ = locate_app(str(path))
        return (path.parent if path.name == _MODULE else path).resolve().stem, reference
    image = str(target)
    if isinstance(target, Path):
        raise no_app(image, "there is no such file or folder")
    try:
        reference, _ = locate_app(image)
    except ExecutionError as error:
        raise no_app(image, f"there is no such path, and no such image: {error.rule}") from error
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0], reference


def _registered(
    venue: Venue, source: Path | bytes, shelf: Shelf, name: str, *, encrypt: bool
) -> Registered:
    """Put a dataset on the shelf, its key into the secret service, and register it."""
    key = generate_dataset_key() if encrypt else ""
    with tempfile.TemporaryDirectory(prefix="poco-dataset-") as folder:
        path = Path(folder) / "plain" if isinstance(source, bytes) else source
        if isinstance(source, bytes):
            path.write_bytes(source)
        checksum = file_checksum(path, "dataset")
        if encrypt:
            checksum = encrypt_dataset(path, Path(folder) / "locked", key)
            path = Path(folder) / "locked"
        url = shelf.put(name, path)
    entry = register_dataset(venue.market, name, url, checksum)
    if encrypt:  # a new key makes a new dataset
        venue.secrets.push(SecretName.dataset(entry.address), Secret(key), venue.account)
    return entry


def _offer(venue: Venue, orders: Sequence[_Order], entry: Registered, terms: Terms) -> None:
    """Publish orders for what is new, or on new terms; those on others can be used no more."""
    if not entry.transaction:
        if terms == Terms():
            return
        _withdraw(venue, orders[0])
    for order in orders:
        signed = sign_order(terms.applied(order), venue.market.domain, venue.account)
        publish_order(
            venue.orderbook, signed, venue.account, patience=_PATIENCE_SECONDS, pause=_PAUSE_SECONDS
        )


def _withdraw(venue: Venue, order: AppOrder | DatasetOrder) -> None:
    """Close all open orders for the same thing.

    Raises:
        UserInputError: it is somebody else's.
    """
    if isinstance(order, AppOrder):
        require_owner(venue.market, Asset.APP, order.app)
        app, dataset = str(order.app), ANY
    else:
        require_owner(venue.market, Asset.DATASET, order.dataset)
        app, dataset = ANY, str(order.dataset)
    everybody = OrdersFilter(app=app, dataset=dataset, workerpool=ANY, requester=ANY)
    for old in venue.orderbook.orders(order.kind, everybody).orders:
        hashed = order_hash(old.order, venue.market.domain)
        if venue.market.hub.consumed(hashed) < old.order.volume:  # the book is a moment behind
            close_order(venue.market, old.order)
