"""`poco indexer` as others meet it: over HTTP, at the terminal, and with the official client."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from click.testing import CliRunner

from poco.cli.indexer import command
from poco.orders import task_id
from poco.services.compass import compass_router
from poco.services.indexer import PATH, indexer_app
from poco.web import serving

if TYPE_CHECKING:
    from indexer_views import MakeIndexer
    from market_day import Day

    from poco.services.indexer import Indexer

SCRIPT = Path(__file__).with_name("official_libraries.mjs")


@contextmanager
def at_work(indexer: Indexer, day: Day) -> Iterator[str]:
    app = indexer_app(indexer)
    known = {day.pool: "http://127.0.0.1:13000"}
    app.include_router(compass_router(day.chain.chain_id, known.get))
    with serving(app) as url:
        yield url


def test_query__over_http__is_answered_as_by_graph_node(day: Day, indexer: Indexer) -> None:
    day.deal()
    indexer.follower.follow()
    with at_work(indexer, day) as url:
        query = {
            "query": "query A {deals {botSize}} query B($n: Int) {deals(first: $n) {trust}}",
            "variables": {"n": 1},
            "operationName": "B",
        }
        answer = httpx.post(f"{url}{PATH}", json=query)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == {"data": {"deals": [{"trust": "1"}]}}
        metrics = httpx.get(f"{url}/metrics").text
        assert 'poco_indexer_queries_total{outcome="answered"} 1.0' in metrics
        assert f"poco_indexer_block {float(day.chain.block_number())}" in metrics
        assert httpx.get(f"{url}/health").json()["block"] == day.chain.block_number()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"query": 7}', 400),
        (b'{"query": "{deals {id}}", "variables": []}', 400),
        (b'{"query": "' + b" " * 300_000 + b'"}', 413),
        (b'{"query": "{nothing}"}', 200),
        (rb'{"query": "query A {deals {id}}", "operationName": "\ud800"}', 200),
        (
            rb'{"query": "query A($o: Deal_orderBy) {deals(orderBy: $o) {id}}", '
            rb'"variables": {"o": "\ud800"}}',
            200,
        ),
    ],
    ids=range(8),
)
def test_body__that_is_no_query__is_refused(
    day: Day, indexer: Indexer, body: bytes, status: int
) -> None:
    with at_work(indexer, day) as url:
        headers = {"content-type": "application/json"}
        answer = httpx.post(f"{url}{PATH}", content=body, headers=headers)
        assert answer.status_code == status
        assert not answer.json().get("data")


def test_service__before_the_first_block__has_nothing_to_tell(day: Day, indexer: Indexer) -> None:
    answer = indexer.answer("{deals {id} _meta {deployment}}")
    assert answer["data"] is None or answer["data"]["deals"] == []
    assert "no block has been read yet" in answer["errors"][0]["message"]


def test_health__view_that_fell_behind__is_bad(day: Day, make_indexer: MakeIndexer) -> None:
    now = [0.0]
    indexer = make_indexer(clock=lambda: now[0])
    with at_work(indexer, day) as url:
        assert httpx.get(f"{url}/health").status_code == 200
        now[0] = 61.0
        assert httpx.get(f"{url}/health").status_code == 503


def test_compass__tells_where_a_pool_answers(day: Day, indexer: Indexer) -> None:
    with at_work(indexer, day) as url:
        pools = f"{url}/{day.chain.chain_id}/workerpools"
        known = httpx.get(f"{pools}/{day.pool}")
        assert known.json() == {"apiUrl": "http://127.0.0.1:13000"}
        unknown = httpx.get(f"{pools}/{day.app}")
        assert unknown.status_code == 404
        assert "workerpool must be known" in unknown.json()["error"]
        assert httpx.get(f"{pools}/nonsense").status_code == 400
        assert httpx.get(f"{url}/1/workerpools/{day.pool}").status_code == 404


def test_official_client__leads_libraries_to_subgraph_and_compass(
    day: Day, indexer: Indexer
) -> None:
    dealid = day.deal()
    day.complete_in_one_step("worker_1", day.task(dealid))
    indexer.follower.follow()
    (deal,) = indexer.answer("{deals {requestorder {id}}}")["data"]["deals"]
    with at_work(indexer, day) as url:
        given = {
            "rpc": day.chain.url,
            "hub": day.market.book.hub,
            "url": url,
            "subgraph": f"{url}{PATH}",
            "pool": day.pool,
            "unknown": day.app,
            "requestorder": deal["requestorder"]["id"],
        }
        done = subprocess.run(
            ["node", str(SCRIPT), json.dumps(given)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    task = {"taskId": f"0x{task_id(dealid, 0).hex()}", "bulkSlice": None}
    assert json.loads(done.stdout) == {
        "bulk": {"deals": [{"tasks": [task]}]},
        "refused": "Cannot query field 'nothing' on type 'Query'.",
        "apiUrl": "http://127.0.0.1:13000",
        "unknown": None,
    }


def test_serve__follows_the_chain_until_it_is_ended(day: Day, tmp_path: Path) -> None:
    book = tmp_path / "book.json"
    day.market.book.write(book)
    code = "from poco.cli.main import main; main()"
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", code, "indexer", "serve", f"--rpc={day.chain.url}"),
            *(f"--deployment={book}", f"--database=sqlite:///{tmp_path}/view.sqlite"),
            *("--port=0", "--every=0.05", "--gateway=http://127.0.0.1:9"),
            f"--pool={day.pool}=http://127.0.0.1:13000",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert "indexer on http://127.0.0.1:" in process.stderr.readline()
        day.deal()
        database = f"sqlite:///{tmp_path}/view.sqlite"
        wait_for(lambda: _deals(database, day) == 1)
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def _deals(database: str, day: Day) -> int:
    from poco.database import Database
    from poco.services.indexer import TABLES, Follower, Indexer

    opened = Database(database, TABLES)
    indexer = Indexer(Follower(opened, day.market))
    found = len(indexer.answer("{deals {id}}")["data"]["deals"])
    opened.close()
    return found


def wait_for(condition: Any, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


@pytest.mark.parametrize("pool", ["nonsense", "0x00=http://x", "ftp://x"])
def test_serve__pool_that_is_none__is_refused(pool: str) -> None:
    done = CliRunner().invoke(command, ["serve", "--rpc=http://127.0.0.1:9", f"--pool={pool}"])
    assert done.exit_code == 2
    assert "Invalid value for '--pool'" in done.output
