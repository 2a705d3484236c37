"""One worker, one market, apps of every generation (spec offchain §1.1)."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from terminals import ROOT
from worker_stage import VOLUME, Desk, Town, finish, founded, result_store

from poco.contracts import Deal, TaskStatus
from poco.http_server import FileServer, serve_files
from poco.market import (
    Offer,
    Role,
    buy,
    development_account,
    package_app,
    register_app,
    register_dataset,
    sign_request,
)
from poco.orders import AppOrder, DatasetOrder, random_salt, sign_order
from poco.result_archive import inspect_archive, parse_link
from poco.services.results import Results

APPS = ROOT / "apps"
SAMPLES = {
    "small.zip": APPS / "v2-transcode" / "samples" / "small.zip",
    "scan.txt": APPS / "v3-nilearn" / "samples" / "scan.txt",
    "atlas.txt": APPS / "v3-nilearn" / "samples" / "atlas.txt",
}


@dataclass(frozen=True)
class Case:
    """An app, its params (with ``{url}`` for the sample server), and the proof it must write."""

    app: str
    params: dict[str, object]
    proof: str
    others: frozenset[str]
    dataset: str = ""


CASES = [
    Case(
        "v2-transcode",
        {"cmdline": "-i /iexec/small.ppm /iexec/small.pgm", "dirinuri": "{url}/small.zip"},
        "consensus.iexec",
        frozenset({"small.pgm"}),
    ),
    Case(
        "v3-nilearn",
        {"iexec_input_files": ["{url}/scan.txt"]},
        "determinism.iexec",
        frozenset({"regions.tsv"}),
        "atlas.txt",
    ),
    Case(
        "echo",
        {"iexec_args": "hello 'big world'", "iexec_input_files": ["{url}/scan.txt"]},
        "result.txt",
        frozenset({"computed.json"}),
    ),
]


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with founded() as founded_town:
        yield founded_town


@pytest.fixture(scope="module")
def files() -> Iterator[FileServer]:
    with serve_files(SAMPLES) as server:
        yield server


@pytest.fixture(autouse=True)
def store(town: Town, tmp_path: Path) -> Iterator[Results]:
    with result_store(town, tmp_path / "results") as results:
        yield results


def sell(town: Town, files: FileServer, case: Case) -> Deal:
    """Register the app of a case, buy one run of it, and open its task."""
    packaged = package_app(APPS / case.app, "wasm")
    owner = development_account(Role.APP_OWNER)
    app = register_app(
        town.market.acting_as(owner),
        packaged.name,
        packaged.app_type,
        packaged.multiaddr,
        packaged.checksum,
    )
    order = AppOrder(app=app.address, volume=VOLUME, salt=random_salt())
    offer = Offer(
        app=sign_order(order, town.market.domain, owner), workerpool=town.offer.workerpool
    )
    if case.dataset:
        offer = replace(offer, dataset=publish_dataset(town, files, case.dataset))
    params = json.dumps(case.params).replace("{url}", files.url)
    account = development_account(Role.REQUESTER)
    deal = buy(town.requester, offer, sign_request(town.requester, account, offer, params))
    town.pool_owner.hub.initialize_all([(deal.dealid, index) for index in deal.indices])
    return deal


def publish_dataset(town: Town, files: FileServer, name: str) -> DatasetOrder:
    owner = development_account(Role.DATASET_OWNER)
    checksum = hashlib.sha256(SAMPLES[name].read_bytes()).digest()
    dataset = register_dataset(
        town.market.acting_as(owner), name, files.url_of(name), checksum
    ).address
    order = DatasetOrder(dataset=dataset, volume=VOLUME, salt=random_salt())
    return sign_order(order, town.market.domain, owner)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.app)
def test_worker__app_of_any_generation__is_sold_and_its_archive_proves_the_digest(
    town: Town, files: FileServer, tmp_path: Path, case: Case
) -> None:
    desk = Desk()
    leave = desk.assign(town.leave(sell(town, files, case)))
    finish(town.agent(desk, tmp_path))
    task = town.hub.task(leave.taskid)
    assert task.status is TaskStatus.COMPLETED
    answer = httpx.get(f"{town.store}{parse_link(task.results).location}").raise_for_status()
    archive = tmp_path / "result.zip"
    archive.write_bytes(answer.content)
    with zipfile.ZipFile(archive) as packed:
        assert set(packed.namelist()) == {case.proof, "stdout.txt", "stderr.txt"} | case.others
        proof = packed.read(case.proof)
    assert inspect_archive(archive).digest == task.digest
    assert task.digest == hashlib.sha256(proof).digest()
