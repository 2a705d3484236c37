"""A requester gets its result from the store, and believes nothing."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from results_stage import ENCLAVE, make_archive

from poco.appio import http_link, ipfs_link
from poco.appio.encryption import encrypt_result, generate_result_keypair
from poco.errors import PeerError, UserInputError
from poco.market import collect_result

if TYPE_CHECKING:
    from results_stage import Archive, Shop, Town

    from poco.orders import TaskId


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """The beneficiary's private and public key, PEM."""
    private, public = generate_result_keypair(tmp_path_factory.mktemp("keys"), "0x1")
    return private.read_bytes(), public.read_bytes()


@pytest.fixture
def done(town: Town, shop: Shop, archive: Archive) -> TaskId:
    """A task that was uploaded and finalised."""
    taskid = town.task()
    town.finish("worker_1", taskid, archive.digest, link=shop.upload("worker_1", taskid, archive))
    return taskid


@pytest.fixture
def sealed(
    town: Town, shop: Shop, archive: Archive, keys: tuple[bytes, bytes], tmp_path: Path
) -> TaskId:
    """The same, encrypted."""
    taskid = town.tee_task(iexec_result_encryption=True)
    encrypt_result(archive.path, tmp_path / "sealed.zip", keys[1])
    outer = replace(archive, path=tmp_path / "sealed.zip")
    link = shop.upload("worker_1", taskid, outer, enclave=ENCLAVE)
    town.finish_in_enclave("worker_1", taskid, archive.digest, link)
    return taskid


def test_collect__link_of_the_store__is_the_archive(
    town: Town, shop: Shop, done: TaskId, archive: Archive, tmp_path: Path
) -> None:
    found = collect_result(town.market, done, tmp_path / "mine", gateway=f"{shop.url}/")
    assert found == tmp_path / "mine" / f"0x{done.hex()}.zip"
    assert found.read_bytes() == archive.path.read_bytes()
    assert list(found.parent.iterdir()) == [found]


def test_collect__gateway_from_the_environment(
    town: Town, shop: Shop, done: TaskId, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserInputError, match="set POCO_IPFS_GATEWAY"):
        collect_result(town.market, done, tmp_path / "mine")
    monkeypatch.setenv("POCO_IPFS_GATEWAY", shop.url)
    assert collect_result(town.market, done, tmp_path / "mine").is_file()


def test_collect__task_with_callback__is_at_the_store_all_the_same(
    town: Town, shop: Shop, tmp_path: Path
) -> None:
    taskid = town.task(callback=town.app)
    data = (1).to_bytes(32)
    archive = make_archive(tmp_path, {}, json.dumps({"callback-data": f"0x{data.hex()}"}))
    digest = bytes.fromhex("b10e2d527612073b26eecdfd717e6a320cf44b4afac2b0732d9fcbe2b7fa0cf6")
    link = shop.upload("worker_1", taskid, archive, digest=digest)
    leave = town.authorization("worker_1", taskid)
    town.worker_1.hub.contribute_and_finalize(taskid, digest, link, leave, callback_data=data)
    found = collect_result(town.market, taskid, tmp_path / "mine", gateway=shop.url)
    assert found.read_bytes() == archive.path.read_bytes()


def test_collect__encrypted__is_decrypted_and_checked(
    town: Town,
    shop: Shop,
    sealed: TaskId,
    archive: Archive,
    keys: tuple[bytes, bytes],
    tmp_path: Path,
) -> None:
    mine = tmp_path / "mine"
    found = collect_result(town.market, sealed, mine, gateway=shop.url, private_key=keys[0])
    assert found.read_bytes() == archive.path.read_bytes()
    assert list(mine.iterdir()) == [found]


def test_collect__encrypted_without_key__stays_encrypted(
    town: Town, shop: Shop, sealed: TaskId, tmp_path: Path
) -> None:
    found = collect_result(town.market, sealed, tmp_path / "mine", gateway=shop.url)
    assert found.read_bytes() == (tmp_path / "sealed.zip").read_bytes()


def test_collect__encrypted_with_another_key__says_so(
    town: Town, shop: Shop, sealed: TaskId, tmp_path: Path
) -> None:
    other, _ = generate_result_keypair(tmp_path / "other", "0x2")
    with pytest.raises(UserInputError, match="decrypt results key"):
        collect_result(
            town.market,
            sealed,
            tmp_path / "mine",
            gateway=shop.url,
            private_key=other.read_bytes(),
        )
    assert list((tmp_path / "mine").iterdir()) == []


def test_collect__encrypted_but_another_file__is_refused(
    town: Town, shop: Shop, sealed: TaskId, archive: Archive, tmp_path: Path
) -> None:
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w") as packed:
        packed.writestr("iexec_out.zip.aes", b"\x00" * 64)
        packed.writestr("aes-key.rsa", b"\x00" * 512)
    cid = shop.results.put([outer.getvalue()])
    taskid = town.task()
    town.finish("worker_1", taskid, archive.digest, http_link(f"{shop.url}/ipfs/{cid}", bytes(32)))
    with pytest.raises(PeerError, match="SHA-256 of the archive"):
        collect_result(town.market, taskid, tmp_path / "mine")


def test_collect__another_archive__is_refused(
    town: Town, shop: Shop, archive: Archive, tmp_path: Path
) -> None:
    cid = shop.results.put([archive.path.read_bytes()])
    taskid = town.task()
    town.finish("worker_1", taskid, b"\x11" * 32, ipfs_link(cid))
    with pytest.raises(PeerError, match="not the one agreed on"):
        collect_result(town.market, taskid, tmp_path / "mine", gateway=shop.url)
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.parametrize("location", ["//evil.example/ipfs/x", "/ipfs/../secret", "/ipfs/a?b"])
def test_collect__link_that_leads_elsewhere__is_not_followed(
    town: Town, shop: Shop, location: str, tmp_path: Path
) -> None:
    taskid = town.task()
    link = json.dumps({"storage": "ipfs", "location": location}).encode()
    town.finish("worker_1", taskid, b"\x11" * 32, link)
    with pytest.raises(PeerError, match="fetch it yourself"):
        collect_result(town.market, taskid, tmp_path / "mine", gateway=shop.url)
