"""What stays, what goes, and how much there may be."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from results_stage import make_archive

from poco.contracts import TaskStatus
from poco.errors import ConfigurationError, PeerError
from poco.services.results import Pruned, Quotas
from poco.web import HttpError

if TYPE_CHECKING:
    from results_stage import Archive, Shop, Town

FINAL_SECONDS = 10 * 300
DAY = 24 * 3600


@pytest.fixture
def quotas() -> Quotas:
    return Quotas(total=2900, account=2000, archive=1000, retention=DAY)


def files(shop: Shop) -> list[str]:
    return [path.name for path in shop.folder.glob("??/*")]


def test_prune__confirmed_result__stays_until_it_expires(
    town: Town, shop: Shop, archive: Archive
) -> None:
    taskid = town.task()
    link = shop.upload("worker_1", taskid, archive)
    town.finish("worker_1", taskid, archive.digest, link)
    assert shop.results.prune() == Pruned(confirmed=1)
    town.pass_time(FINAL_SECONDS + DAY - 60)
    assert shop.results.prune() == Pruned()
    town.pass_time(61)
    assert shop.results.prune() == Pruned(removed=1, freed=archive.path.stat().st_size)
    assert files(shop) == []
    assert shop.client.find(taskid, archive.digest) is None


def test_prune__open_task__keeps_its_archive_whatever_the_time(
    town: Town, shop: Shop, archive: Archive
) -> None:
    taskid = town.task()
    town.reveal("worker_1", taskid, archive.digest)
    shop.upload("worker_1", taskid, archive)
    town.pass_time(FINAL_SECONDS + 2 * DAY)
    assert town.market.hub.task(taskid).status is TaskStatus.REVEALING
    assert shop.results.prune() == Pruned()
    town.stranger.hub.claim(taskid)
    assert shop.results.prune().removed == 1


def test_prune__never_contributed__goes_at_the_final_deadline(
    town: Town, shop: Shop, archive: Archive
) -> None:
    shop.upload("worker_1", town.task(), archive)
    assert shop.results.prune() == Pruned()
    town.pass_time(FINAL_SECONDS)
    assert shop.results.prune().removed == 1
    assert files(shop) == []


def test_prune__task_taken_back_by_a_reorganisation__keeps_what_will_be_contributed(
    town: Town, shop: Shop, archive: Archive
) -> None:
    """Its worker has the link, and sends it with the contribution once the task is back."""
    snapshot = town.market.chain.request("evm_snapshot")
    taskid = town.task()
    link = shop.upload("worker_1", taskid, archive)
    town.market.chain.request("evm_revert", snapshot)
    assert town.market.hub.task(taskid).status is TaskStatus.UNSET
    assert shop.results.prune() == Pruned()
    assert shop.client.find(taskid, archive.digest) == link
    town.pass_time(FINAL_SECONDS + DAY + 60)
    assert shop.results.prune().removed == 1


def test_prune__confirmed_result_of_a_task_that_is_gone__goes_when_it_expires(
    town: Town, shop: Shop, archive: Archive
) -> None:
    snapshot = town.market.chain.request("evm_snapshot")
    taskid = town.task()
    town.reveal("worker_1", taskid, archive.digest)
    shop.upload("worker_1", taskid, archive)
    town.market.chain.request("evm_revert", snapshot)
    assert shop.results.prune() == Pruned()
    town.pass_time(FINAL_SECONDS + DAY + 60)
    assert shop.results.prune().removed == 1


def test_run__storage_fails_in_a_way_nobody_foresaw__goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, said = threading.Event(), []

    def fail() -> Pruned:
        if said:
            stop.set()
        raise PermissionError("the folder is locked")

    monkeypatch.setattr(shop.results, "prune", fail)
    shop.results.run(stop, 0.01, said.append)
    assert said == ["the folder is locked"] * 2


def test_prune__another_result_was_finalised__goes_at_once(
    town: Town, shop: Shop, archive: Archive, tmp_path: Path
) -> None:
    taskid = town.task()
    other = make_archive(tmp_path / "other", {"result/a": b"other"})
    shop.upload("worker_1", taskid, archive)
    link = shop.upload("worker_2", taskid, other)
    town.finish("worker_2", taskid, other.digest, link)
    assert shop.results.prune() == Pruned(confirmed=1, removed=1, freed=archive.path.stat().st_size)
    assert shop.client.find(taskid, other.digest) == link


def test_prune__file_that_two_tasks_share__stays_for_the_other(
    town: Town, shop: Shop, archive: Archive
) -> None:
    kept, gone = town.task(), town.task()
    shop.upload("worker_1", gone, archive)
    link = shop.upload("worker_1", kept, archive)
    assert len(files(shop)) == 1
    town.finish("worker_1", kept, archive.digest, link)
    town.finish("worker_1", gone, b"\x11" * 32)
    assert shop.results.prune() == Pruned(confirmed=1, removed=1)
    assert len(files(shop)) == 1


def test_prune__upload_that_nobody_continues__goes_after_a_day(
    town: Town, shop: Shop, archive: Archive
) -> None:
    uploads = shop.folder / "uploads"
    shop.upload("worker_1", town.task(), archive)
    (uploads / "0x12-0x34-56.part").write_bytes(b"of an upload that is not known")
    (uploads / "inspect-1").mkdir()
    shop.results.prune()
    assert shop.left() == ["inspect-1"]
    shop.now = (uploads / "inspect-1").stat().st_mtime + DAY + 1
    shop.results.prune()
    assert shop.left() == []


def test_storage__that_is_away__keeps_the_upload_for_another_try(
    town: Town, shop: Shop, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    taskid = town.task()
    with monkeypatch.context() as outage:
        outage.setattr(shop.results.storage, "put", away)
        with pytest.raises(PeerError, match="not able to work"):
            shop.upload("worker_1", taskid, archive)
        with pytest.raises(ConfigurationError):
            shop.results.put([b"a file"])
    assert shop.client.find(taskid, archive.digest) is None
    assert len(shop.left()) == 1
    assert shop.upload("worker_1", taskid, archive) == shop.client.find(taskid, archive.digest)
    assert shop.left() == []


def test_storage__that_stays_away__leaves_nothing_after_a_day(
    town: Town, shop: Shop, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as outage:
        outage.setattr(shop.results.storage, "put", away)
        with pytest.raises(PeerError, match="not able to work"):
            shop.upload("worker_1", town.task(), archive)
        with pytest.raises(ConfigurationError):
            shop.results.put([b"a file"])
    shop.now += DAY + 1
    shop.results.prune()
    assert shop.results.catalog.usage() == (0, 0)
    assert shop.results.catalog.uploads() == []
    assert shop.left() == []


def away(path: Path, cid: str) -> None:
    raise ConfigurationError("the bucket must answer")


def test_upload__over_the_size_of_an_archive__is_413(
    town: Town, shop: Shop, tmp_path: Path
) -> None:
    archive = make_archive(tmp_path, {f"result/{n}": bytes([n]) for n in range(10)})
    assert archive.path.stat().st_size > 1000
    with pytest.raises(PeerError, match="may have 1 to 1000 bytes"):
        shop.upload("worker_1", town.task(), archive)


def test_upload__over_the_quota_of_the_requester__is_507(
    town: Town, shop: Shop, tmp_path: Path
) -> None:
    def upload(number: int) -> int:
        files = {f"result/{n}": bytes([number]) for n in range(6)}
        archive = make_archive(tmp_path / f"{number}", files)
        shop.upload("worker_1", town.task(), archive)
        return archive.path.stat().st_size

    size = upload(0) + upload(1)
    assert 1000 < size <= 2000
    with pytest.raises(PeerError, match=rf"requester 0x\w+ may keep 2000 bytes, and {size} are"):
        upload(2)
    assert shop.left() == []
    assert len(shop.results.catalog.records()) == 2


def test_put__over_the_quota_of_the_store__is_507(shop: Shop) -> None:
    shop.results.put([b"a" * 1000])
    shop.results.put([b"b" * 1000])
    with pytest.raises(HttpError, match="the store may keep 2900 bytes, and 2000 are taken"):
        shop.results.put([b"c" * 901])
    with pytest.raises(HttpError, match="a file may have 1000 bytes"):
        shop.results.put([b"d" * 600, b"d" * 600])
    assert shop.left() == []
