"""`poco results` at the terminal."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from click.testing import CliRunner

from poco.cli.results import command
from poco.errors import ConfigurationError, UserInputError
from poco.services.results import ResultsClient

if TYPE_CHECKING:
    from results_stage import Archive, Shop, Town


@pytest.fixture
def options(town: Town, shop: Shop, tmp_path: Path) -> list[str]:
    """Options for the store of the test."""
    book = tmp_path / "book.json"
    town.market.book.write(book)
    return [
        f"--rpc={town.market.chain.url}",
        f"--deployment={book}",
        f"--store={shop.folder}",
        f"--database=sqlite:///{tmp_path / 'results.sqlite'}",
    ]


def poco(*arguments: str) -> str:
    return CliRunner().invoke(command, arguments, catch_exceptions=False).output


@contextmanager
def served(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    code = "from poco.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "results", "serve", *arguments],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_serve__takes_results_until_it_is_told_to_end(
    town: Town, shop: Shop, archive: Archive, options: list[str], free_port: int
) -> None:
    url = f"http://127.0.0.1:{free_port}"
    taskid = town.task()
    with served(*options, f"--port={free_port}", "--prune-every=1", "--ipfs-node") as process:
        assert process.stderr is not None
        assert process.stderr.readline() == f"result store on {url}\n"
        wait_until_up(url)
        shop.client.close()
        shop.client = ResultsClient(url)
        link = shop.upload("worker_1", taskid, archive)
        assert shop.results.find(taskid, archive.digest) == link  # the same files and database
        assert httpx.post(f"{url}/api/v0/add", files={"file": b"a"}).is_success
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def test_prune__tells_what_is_gone(
    town: Town, shop: Shop, archive: Archive, options: list[str]
) -> None:
    shop.upload("worker_1", town.task(), archive)
    assert poco("prune", *options) == "0 results removed, 0 bytes freed\n"
    town.pass_time(10 * 300)
    size = archive.path.stat().st_size
    assert poco("prune", *options) == f"1 results removed, {size} bytes freed\n"


def test_list__shows_each_result(
    town: Town, shop: Shop, archive: Archive, options: list[str]
) -> None:
    taskid = town.task()
    shop.upload("worker_1", taskid, archive)
    record = shop.results.catalog.records()[0]
    line = poco("list", options[-1])
    assert line.startswith(f"0x{taskid.hex()}  provisional  plain      until 20")
    assert line.endswith(f"{record.cid}\n")
    (document,) = json.loads(poco("list", options[-1], "--raw"))
    assert document["task"] == f"0x{taskid.hex()}"
    assert json.loads(document["link"])["location"] == f"/ipfs/{record.cid}"


def test_unpin__added_file__goes_with_the_next_cleaning(shop: Shop, options: list[str]) -> None:
    cid = shop.results.put([b"a file"])
    assert poco("list", options[-1], "--added") == f"{cid}  6 bytes\n"
    (listed,) = json.loads(poco("list", options[-1], "--added", "--raw"))
    assert (listed["cid"], listed["size"]) == (cid, 6)
    assert poco("unpin", options[-1], cid) == f"{cid} goes with the next `poco results prune`\n"
    assert poco("prune", *options) == "0 results removed, 6 bytes freed\n"
    with pytest.raises(UserInputError, match="no such file"):
        poco("unpin", options[-1], cid)


def test_serve__network_that_is_none__says_how_to_write_it(options: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="written as CIDR"):
        poco("serve", *options, "--ipfs-node", "--ipfs-allow", "everybody")


def test_serve__size_that_is_none__says_how_to_write_it(options: list[str]) -> None:
    assert "write for example 500 MiB" in poco("serve", *options, "--quota", "much")


def test_prune__store_that_is_none__is_a_fault_of_the_configuration(options: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="a store is a folder"):
        poco("prune", *options, "--store", "ftp://host")


def test_run__chain_that_is_away__is_told_and_tried_again(
    town: Town, shop: Shop, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    stop = threading.Event()

    def report(text: str) -> None:
        told.append(text)
        if len(told) == 2:
            stop.set()

    def away() -> None:
        raise ConfigurationError("the IPFS node must answer")

    monkeypatch.setattr(shop.results, "prune", away)
    shop.results.run(stop, 0.01, report)
    assert told == ["the IPFS node must answer"] * 2


def wait_until_up(url: str) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            httpx.get(f"{url}/health").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def free_port() -> int:
    import socket

    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])
