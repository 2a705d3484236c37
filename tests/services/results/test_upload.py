"""Who may upload what, and when."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from eth_account import Account
from results_stage import ENCLAVE, Leave, make_archive

from poco.errors import PeerError
from poco.orders import sign_authorization
from poco.services.results import ResultsClient, results_app
from poco.services.results.cids import raw_cid
from poco.web import serving

if TYPE_CHECKING:
    from results_stage import Archive, Shop, Town


def sealed(path: Path, names: tuple[str, ...] = ("iexec_out.zip.aes", "aes-key.rsa")) -> Path:
    with zipfile.ZipFile(path, "w") as outer:
        for name in names:
            outer.writestr(name, b"\x01" * 512)
    return path


def test_upload__at_trust_1__before_the_contribution__gives_the_link(
    town: Town, shop: Shop, archive: Archive
) -> None:
    taskid = town.task()
    link = json.loads(shop.upload("worker_1", taskid, archive))
    record = shop.results.catalog.records()[0]
    assert link == {"storage": "ipfs", "location": f"/ipfs/{record.cid}"}
    assert record.cid == raw_cid(bytes.fromhex(shop.results.content(record.cid).sha256[2:]))
    assert record.provisional
    assert not record.encrypted
    assert record.worker == town.keys["worker_1"].address
    assert record.expires == town.market.hub.task(taskid).final_deadline + 30 * 24 * 3600
    assert shop.left() == []


def test_upload__after_reveal__is_final(town: Town, shop: Shop, archive: Archive) -> None:
    taskid = town.task()
    town.reveal("worker_1", taskid, archive.digest)
    shop.upload("worker_1", taskid, archive)
    assert not shop.results.catalog.records()[0].provisional


def test_find__stored__is_the_link_of_the_upload(town: Town, shop: Shop, archive: Archive) -> None:
    taskid = town.task()
    assert shop.client.find(taskid, archive.digest) is None
    link = shop.upload("worker_1", taskid, archive)
    assert shop.client.find(taskid, archive.digest) == link
    assert shop.results.find(taskid, archive.digest) == link
    assert shop.results.find(taskid, bytes(32)) is None


def test_upload__with_callback__links_to_the_callback(
    town: Town, shop: Shop, tmp_path: Path
) -> None:
    callback = town.app  # any contract does
    taskid = town.task(callback=callback)
    archive = make_archive(tmp_path, {}, json.dumps({"callback-data": f"0x{1:064x}"}))
    # spec offchain §1.15
    digest = bytes.fromhex("b10e2d527612073b26eecdfd717e6a320cf44b4afac2b0732d9fcbe2b7fa0cf6")
    link = shop.upload("worker_1", taskid, archive, digest=digest)
    assert json.loads(link) == {"storage": "ethereum", "location": callback}
    cid = shop.results.catalog.records()[0].cid
    assert b"".join(shop.results.read(shop.results.content(cid))) == archive.path.read_bytes()


def test_upload__again__keeps_the_first(town: Town, shop: Shop, tmp_path: Path) -> None:
    taskid = town.task(trust=3)
    one = make_archive(tmp_path / "1", {"result/a": b"same", "stdout.txt": b"first"})
    other = make_archive(tmp_path / "2", {"result/a": b"same", "stdout.txt": b"second"})
    assert one.digest == other.digest
    for worker in ("worker_1", "worker_2"):
        town.contribute(worker, taskid, one.digest)
    for worker in ("worker_1", "worker_2"):
        town.roles[worker].hub.reveal(taskid, one.digest)
    link = shop.upload("worker_1", taskid, one)
    assert shop.upload("worker_2", taskid, other) == link
    assert len(shop.results.catalog.records()) == 1


def test_upload__signed_by_a_stranger__is_refused(town: Town, shop: Shop, archive: Archive) -> None:
    with pytest.raises(PeerError, match="must have admitted"):
        shop.upload("worker_1", town.task(), archive, account=town.keys["worker_2"])


def test_upload__leave_by_a_stranger__is_refused(town: Town, shop: Shop, archive: Archive) -> None:
    taskid = town.task()
    forged = sign_authorization(town.keys["worker_1"], town.keys["worker_1"].address, taskid)
    with pytest.raises(PeerError, match="must have admitted"):
        shop.upload("worker_1", taskid, archive, assignment=Leave(forged))
    assert shop.left() == []


def test_upload__of_an_unknown_task__is_refused(town: Town, shop: Shop, archive: Archive) -> None:
    with pytest.raises(PeerError, match="must be initialized on chain"):
        shop.upload("worker_1", bytes(32), archive)


def test_upload__replicated_task__before_reveal__is_refused(
    town: Town, shop: Shop, archive: Archive
) -> None:
    taskid = town.task(trust=3)
    with pytest.raises(PeerError, match="contribute and reveal first"):
        shop.upload("worker_1", taskid, archive)
    town.contribute("worker_1", taskid, archive.digest)
    with pytest.raises(PeerError, match=r"CONTRIBUTED.*reveal first"):
        shop.upload("worker_1", taskid, archive)


def test_upload__digest_that_was_not_revealed__is_refused(
    town: Town, shop: Shop, archive: Archive
) -> None:
    taskid = town.task()
    town.reveal("worker_1", taskid, b"\x11" * 32)
    with pytest.raises(PeerError, match="not the digest that was revealed"):
        shop.upload("worker_1", taskid, archive)


def test_upload__another_archive_than_announced__is_deleted(
    town: Town, shop: Shop, archive: Archive
) -> None:
    taskid = town.task()
    with pytest.raises(PeerError, match=f"digest of the archive is 0x{archive.digest.hex()}"):
        shop.upload("worker_1", taskid, archive, digest=bytes(32))
    assert shop.left() == []
    assert shop.results.catalog.uploads() == []
    assert shop.results.catalog.records() == []


def test_upload__many_results_of_one_task__are_too_many(
    town: Town, shop: Shop, tmp_path: Path
) -> None:
    taskid = town.task()
    archives = [make_archive(tmp_path / f"{n}", {"result/a": bytes([n])}) for n in range(4)]
    for archive in archives[:3]:
        shop.upload("worker_1", taskid, archive)
    with pytest.raises(PeerError, match="may upload 3 results"):
        shop.upload("worker_1", taskid, archives[3])


def test_upload__encrypted__needs_the_word_of_the_enclave(
    town: Town, shop: Shop, archive: Archive, tmp_path: Path
) -> None:
    taskid = town.tee_task(iexec_result_encryption=True)
    outer = type(archive)(sealed(tmp_path / "outer.zip"), archive.digest)
    stranger = Account.from_key(b"\x08" * 32)
    with pytest.raises(PeerError, match="encrypted archive needs"):
        shop.upload(
            "worker_1",
            taskid,
            outer,
            assignment=town.leave("worker_1", taskid, stranger.address),
            enclave_signature=town.vouch("worker_1", taskid, archive.digest),
        )
    link = shop.upload("worker_1", taskid, outer, enclave=ENCLAVE)
    assert shop.client.find(taskid, archive.digest) == link
    assert shop.results.catalog.records()[0].encrypted


def test_upload__leave_by_the_tee_broker__counts_for_enclaves(
    town: Town, shop: Shop, archive: Archive
) -> None:
    broker = town.keys["stranger"]
    taskid = town.tee_task()
    worker = town.keys["worker_1"].address
    leave = Leave(sign_authorization(broker, worker, taskid, ENCLAVE.address), ENCLAVE.address)
    with pytest.raises(PeerError, match="must have admitted"):
        shop.upload("worker_1", taskid, archive, assignment=leave)
    town.owner.hub.set_tee_broker(broker.address)
    assert shop.upload("worker_1", taskid, archive, assignment=leave)
    plain = Leave(sign_authorization(broker, worker, taskid))
    with pytest.raises(PeerError, match="must have admitted"):
        shop.upload("worker_1", taskid, archive, assignment=plain)


def test_upload__encrypted__when_nobody_asked__is_refused(
    town: Town, shop: Shop, archive: Archive, tmp_path: Path
) -> None:
    taskid = town.tee_task()
    outer = type(archive)(sealed(tmp_path / "outer.zip"), archive.digest)
    with pytest.raises(PeerError, match="encrypted archive needs a requester who asked"):
        shop.upload("worker_1", taskid, outer, enclave=ENCLAVE)


def test_upload__encrypted_with_another_entry__is_refused(
    town: Town, shop: Shop, archive: Archive, tmp_path: Path
) -> None:
    taskid = town.tee_task(iexec_result_encryption=True)
    names = ("iexec_out.zip.aes", "aes-key.rsa", "more")
    outer = type(archive)(sealed(tmp_path / "outer.zip", names), archive.digest)
    with pytest.raises(PeerError, match="digest of the archive is"):
        shop.upload("worker_1", taskid, outer, enclave=ENCLAVE)


def test_upload__enclave_at_trust_3__may_come_before_the_contribution(
    town: Town, shop: Shop, archive: Archive
) -> None:
    taskid = town.tee_task(trust=3)
    with pytest.raises(PeerError, match="without an enclave's signature"):
        shop.upload("worker_1", taskid, archive)
    assert shop.upload("worker_1", taskid, archive, enclave=ENCLAVE)


def test_check__store_that_is_not_there__says_how_to_start_it(shop: Shop) -> None:
    shop.client.check()
    shop.client._url = "http://127.0.0.1:1"
    with pytest.raises(PeerError, match="poco results serve"):
        shop.client.check()


def test_client__password_in_the_url__is_not_told() -> None:
    client = ResultsClient("http://me:hunter2@127.0.0.1:1")
    with pytest.raises(PeerError, match=r"http://127\.0\.0\.1:1") as caught:
        client.check()
    assert "hunter2" not in str(caught.value)
    client.close()


def test_client__url_that_is_none__is_a_fault_of_the_peer() -> None:
    client = ResultsClient("http://[")
    with pytest.raises(PeerError, match="does not answer"):
        client.check()
    client.close()


def test_upload__too_many_from_one_address__are_to_wait(
    town: Town, shop: Shop, archive: Archive
) -> None:
    with serving(results_app(shop.results, per_minute=1)) as url:
        shop.client.close()
        shop.client = ResultsClient(url)
        shop.upload("worker_1", town.task(), archive)
        with pytest.raises(PeerError, match="1 requests per minute are allowed"):
            shop.upload("worker_1", town.task(), archive)
        assert httpx.head(f"{url}/v1/results/0x12").status_code == 401  # counted by itself
        assert httpx.head(f"{url}/v1/results/0x12").headers["retry-after"] == "60"
