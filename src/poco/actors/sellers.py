"""Those who sell what they own: an app, a dataset."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from poco.actors.stage import Stage, say
from poco.http_server import serve_files
from poco.market import file_checksum, package_app, register_app, register_dataset
from poco.orders import AppOrder, DatasetOrder, random_salt, sign_order

__all__ = ["Goods", "play_app_owner", "play_dataset_owner"]


@dataclass(frozen=True, slots=True)
class Goods:
    """What is sold, and for how much.

    Args:
        path: folder of the app, or file of the dataset.
        price: nRLC per task.
        volume: how many tasks.
    """

    path: Path
    price: int
    volume: int


def play_app_owner(stage: Stage, goods: Goods, runtime: str) -> AppOrder:
    """Register an app and publish a signed order for it.

    Args:
        stage: where the owner stands.
        goods: the app.
        runtime: ``auto``, ``docker`` or ``wasm``.

    Returns:
        The order.

    Raises:
        PocoError: what went wrong.
    """
    packaged = package_app(goods.path, runtime)
    if packaged.remark:
        say(f"runs on WASM because {packaged.remark}")
    app = register_app(
        stage.market, packaged.name, packaged.app_type, packaged.multiaddr, packaged.checksum
    )
    say(f"app {packaged.name} ({packaged.app_type}) is registered as {app.address}")
    order = AppOrder(app=app.address, appprice=goods.price, volume=goods.volume, salt=random_salt())
    signed = sign_order(order, stage.market.domain, stage.account)
    stage.folder.publish(stage.chain_id, signed)
    say(f"app order is published in {stage.folder.path}: {goods.volume} at {goods.price} nRLC")
    return signed


def play_dataset_owner(
    stage: Stage,
    goods: Goods,
    *,
    url: str | None = None,
    port: int = 0,
    stop: threading.Event,
) -> DatasetOrder:
    """Register a dataset, publish a signed order for it, and hand the file out.

    Args:
        stage: where the owner stands.
        goods: the dataset.
        url: where the file is published already; None hands it out from here.
        port: TCP port to do so; 0 takes a free one.
        stop: ends the handing out when set.

    Returns:
        The order.

    Raises:
        PocoError: what went wrong.
    """
    checksum = file_checksum(goods.path, "file")
    name = goods.path.name

    def sell(address: str) -> DatasetOrder:
        dataset = register_dataset(stage.market, name, address, checksum)
        say(f"dataset {name} at {address} is registered as {dataset.address}")
        order = DatasetOrder(
            dataset=dataset.address,
            datasetprice=goods.price,
            volume=goods.volume,
            salt=random_salt(),
        )
        signed = sign_order(order, stage.market.domain, stage.account)
        stage.folder.publish(stage.chain_id, signed)
        say(
            f"dataset order is published in {stage.folder.path}: "
            f"{goods.volume} at {goods.price} nRLC"
        )
        return signed

    if url is not None:
        return sell(url)
    with serve_files({name: goods.path}, port=port) as files:
        signed = sell(files.url_of(name))
        say("handing the file out, Ctrl-C ends it")
        stop.wait()
    return signed
