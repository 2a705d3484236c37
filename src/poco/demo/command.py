"""What ``ape run demo`` does between its options and the story."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from poco.demo.cast import Cast
from poco.demo.ledger import table, to_json
from poco.demo.narrator import Narrator
from poco.demo.opening import DatasetFile, fresh_chain, fund, make_offer, open_market
from poco.demo.outcome import Outcome
from poco.demo.pool import opened
from poco.demo.story import TERMS, Story, deposits
from poco.http_server import serve_files
from poco.market import PackagedApp, file_checksum, package_app, require_writable_folder

__all__ = ["run"]

_FIRST_WORKER = 10
_INPUT, _KEYS = "orders.csv", "regions.txt"


def run(app: Path, runtime: str, results: Path, *, raw: bool, port: int = 0) -> None:
    """Play the story on a chain of its own.

    Args:
        app: folder of the sample app.
        runtime: ``auto``, ``docker`` or ``wasm``.
        results: folder for the result archives.
        raw: write JSON to standard output, and the story to standard error.
        port: TCP port of the chain; 0 takes a free one.

    Raises:
        PocoError: what went wrong.
    """
    began = time.monotonic()
    console = Console(stderr=raw, highlight=False)
    narrator = Narrator(console)
    require_writable_folder(results)
    packaged = package_app(app, runtime)
    with (
        fresh_chain(port) as chain,
        tempfile.TemporaryDirectory(prefix="poco-demo-") as work,
    ):
        cast = open_market(chain, _FIRST_WORKER, narrator)
        if packaged.remark:
            narrator.line(f"runs on WASM because {packaged.remark}")
        outcome = _play(cast, packaged, app / "samples", Path(work), results, narrator)
    _show(outcome, console, time.monotonic() - began)
    if raw:
        json.dump(_document(outcome, packaged, cast, narrator), sys.stdout, indent=2)
        sys.stdout.write("\n")


def _play(
    cast: Cast, app: PackagedApp, samples: Path, work: Path, results: Path, narrator: Narrator
) -> Outcome:
    fund(cast, deposits(cast), narrator)
    handed_out = {name: samples / name for name in (_INPUT, _KEYS)}
    market = cast.requester.market
    with (
        serve_files(handed_out) as files,
        opened(market, app, cast.workers, work, narrator.line) as pool,
    ):
        keys = DatasetFile(_KEYS, files.url_of(_KEYS), file_checksum(samples / _KEYS, "dataset"))
        offer = make_offer(cast, app, keys, TERMS, narrator)
        return Story(cast, offer, files.url_of(_INPUT), pool, results, narrator).play()


def _show(outcome: Outcome, console: Console, seconds: float) -> None:
    console.print()
    console.print(table(outcome.before, outcome.after))
    first = next(task.archive for task in outcome.tasks if task.archive is not None)
    console.print(f"The whole market took {seconds:.1f} s.")
    console.print(
        f"Where to look next: unzip -p {first} result/histogram.txt, then docs/demo.md",
        soft_wrap=True,
    )


def _document(
    outcome: Outcome, app: PackagedApp, cast: Cast, narrator: Narrator
) -> dict[str, object]:
    return {
        "runtime": app.app_type,
        "book": cast.requester.market.book.to_json(),
        "parties": cast.everybody,
        "tasks": [task.to_json() for task in outcome.tasks],
        "balances": to_json(outcome.before, outcome.after),
        "claims": narrator.claims,
    }
