"""Bulks: one deal for many datasets, each task with a slice of them (contracts §3.8)."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from local_images import base_with_python
from support.official_client import run_program
from terminals import runtimes_under_test

import poco
from poco.appio import Cause
from poco.appio.encryption import generate_dataset_key
from poco.errors import PeerError, UserInputError
from poco.local.goods import App, Dataset
from poco.local.outcome import AppFailedError
from poco.orders import ZERO_ADDRESS
from poco.secret import Secret
from poco.services.secrets import SecretName, SecretsClient

SCRIPT = Path(__file__).with_name("bulk.mjs")
READER = """
import json, os

names = [
    os.environ[f"IEXEC_DATASET_{number}_FILENAME"]
    for number in range(1, int(os.environ["IEXEC_BULK_SLICE_SIZE"]) + 1)
]
with open("/iexec_out/seen.json", "w") as file:
    json.dump({name: open(f"/iexec_in/{name}").read() for name in names if name}, file)
with open("/iexec_out/computed.json", "w") as file:
    json.dump({"deterministic-output-path": "/iexec_out/seen.json"}, file)
"""

pytestmark = pytest.mark.skipif(
    "docker" not in runtimes_under_test(), reason="the reader of the datasets is a container"
)


@pytest.fixture(scope="module")
def market() -> Iterator[poco.Market]:
    with poco.Market() as opened:
        yield opened


@pytest.fixture(scope="module")
def reader(market: poco.Market, tmp_path_factory: pytest.TempPathFactory) -> App:
    """An app that tells which datasets it can read, and what they hold."""
    folder = tmp_path_factory.mktemp("reader") / "bulk-reader"
    folder.mkdir()
    (folder / "main.py").write_text(READER)
    (folder / "Dockerfile").write_text(
        f'FROM {base_with_python()}\nCOPY main.py /\nENTRYPOINT ["python3", "/main.py"]\n'
    )
    return market.app(folder)


def new_key(market: poco.Market) -> str:
    """The private key of somebody who can pay."""
    return f"0x{bytes(market.new_account().key).hex()}"


def test_bulk__of_the_official_library__each_task_reads_its_slice(
    market: poco.Market, reader: App, tmp_path: Path
) -> None:
    info, contents = market.info, ["first", "second", "third"]
    given = {
        "rpc": info.rpc,
        "hub": info.hub,
        "urls": {
            "smsURL": info.sms,
            "iexecGatewayURL": info.market,
            "ipfsGatewayURL": info.ipfsGateway,
            "ipfsNodeURL": info.ipfsNode,
        },
        "key": new_key(market),
        "app": reader.address,
        "datasets": [{"key": new_key(market), "content": content} for content in contents],
        "perTask": 2,
    }
    done = run_program(SCRIPT, tmp_path, given, 120)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    names = [address.lower() for address in told["datasets"]]
    seen = [_seen(archive) for archive in told["results"]]
    assert seen == [dict(zip(names[:2], contents[:2], strict=True)), {names[2]: "third"}]


def test_run__several_datasets__are_read_by_each_task(market: poco.Market, reader: App) -> None:
    one, two = (market.dataset(text, encrypt=True) for text in (b"one", b"two"))
    with poco.Market.connect(market.info) as buyer:
        results = list(buyer.map(reader.address, ["1", "2"], datasets=[one, two.address]))
    seen = {one.address.lower(): "one", two.address.lower(): "two"}
    assert [result.json() for result in results] == [seen, seen]


def test_run__own_dataset_that_others_pay_for__is_read(market: poco.Market, reader: App) -> None:
    dear = market.dataset(b"dear", encrypt=True, price=5)
    assert market.run(reader, datasets=[dear]).json() == {dear.address.lower(): "dear"}
    with (
        poco.Market.connect(market.info) as buyer,
        pytest.raises(UserInputError, match="its owner offers it to no bulk"),
    ):
        buyer.run(reader.address, datasets=[dear])


def test_run__files_that_are_not_the_registered_ones__fail_with_the_cause(
    market: poco.Market, reader: App
) -> None:
    owner, datasets = market.account, market.contracts.datasets
    entry = (owner.address, "exchanged", f"{market.info.ipfsGateway}/health".encode(), b"\x01" * 32)
    wrong = datasets.create(*entry).value
    secrets = SecretsClient(market.info.sms)
    with closing(secrets):
        secrets.push(SecretName.dataset(wrong), Secret(generate_dataset_key()), owner)
    right = market.dataset(b"one", encrypt=True)
    with pytest.raises(AppFailedError) as caught:
        market.run(reader, datasets=[right, wrong])
    assert caught.value.cause is Cause.DATASET_FILE_BAD_CHECKSUM


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"datasets": "0x" + "11" * 20}, "a list, and there is no other"),
        ({"datasets": 5}, "a list, and there is no other"),
        ({"datasets": ["one"], "dataset": "two"}, "a list, and there is no other"),
        ({"datasets": ["0x" + "11" * 20]}, "no dataset is registered"),
        ({"datasets": [Dataset(ZERO_ADDRESS)]}, "are encrypted"),
        ({"datasets": [Dataset(ZERO_ADDRESS, confidential=True)] * 101}, "at most 100 datasets"),
    ],
)
def test_run__datasets_that_are_none__are_named(
    market: poco.Market, reader: App, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserInputError, match=words):
        market.run(reader, **options)


def test_run__ipfs_node_is_away__says_so(market: poco.Market, reader: App) -> None:
    dataset = market.dataset(b"one", encrypt=True)
    away = replace(market.info, ipfsNode="http://127.0.0.1:9")
    with (
        poco.Market.connect(away, account=market.account) as other,
        pytest.raises(PeerError, match="ipfsNode"),
    ):
        other.run(reader.address, datasets=[dataset])


def _seen(archive: str) -> object:
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(archive))) as opened:
        return json.loads(opened.read("seen.json"))
