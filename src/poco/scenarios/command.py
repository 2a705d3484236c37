"""What ``ape run scenarios secrets`` does between its options and the scenario."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from poco.demo.cast import Cast
from poco.demo.narrator import Narrator
from poco.demo.opening import DatasetFile, fresh_chain, fund, make_offer, open_market
from poco.demo.pool import opened
from poco.http_server import serve_files
from poco.market import PackagedApp, package_app, require_writable_folder
from poco.scenarios.belongings import Belongings
from poco.scenarios.confidential import TERMS, Confidential, Outcome, deposits

__all__ = ["run_secrets"]

_FIRST_WORKER = 13


def run_secrets(app: Path, runtime: str, results: Path, *, raw: bool) -> None:
    """Play the scenario ``secrets`` on a chain of its own.

    Args:
        app: folder of the app ``echo``.
        runtime: ``auto``, ``docker`` or ``wasm``.
        results: folder for the decrypted result.
        raw: write JSON to standard output, and the story to standard error.

    Raises:
        PocoError: what went wrong.
    """
    began = time.monotonic()
    console = Console(stderr=raw, highlight=False)
    narrator = Narrator(console)
    require_writable_folder(results)
    packaged = package_app(app, runtime)
    with (
        fresh_chain() as chain,
        tempfile.TemporaryDirectory(prefix="poco-secrets-") as work,
    ):
        cast = open_market(chain, _FIRST_WORKER, narrator)
        if packaged.remark:
            narrator.line(f"runs on WASM because {packaged.remark}")
        outcome = _play(cast, packaged, Path(work), results, narrator)
    console.print(f"\nThe scenario took {time.monotonic() - began:.1f} s.")
    console.print(
        f"Where to look next: unzip -p {outcome.archive} result.txt, then docs/scenarios.md",
        soft_wrap=True,
    )
    if raw:
        json.dump(_document(outcome, packaged, narrator), sys.stdout, indent=2)
        sys.stdout.write("\n")


def _play(cast: Cast, app: PackagedApp, work: Path, results: Path, narrator: Narrator) -> Outcome:
    fund(cast, deposits(cast), narrator)
    own = Belongings(work, cast.requester.address)
    folder = work / "pool"
    folder.mkdir()
    market, workers = cast.requester.market, cast.workers[:1]
    name = own.published.name
    with (
        serve_files({name: own.published}) as files,
        opened(market, app, workers, folder, narrator.line) as pool,
    ):
        dataset = DatasetFile(name, files.url_of(name), own.checksum)
        offer = make_offer(cast, app, dataset, TERMS, narrator)
        return Confidential(cast, offer, own, pool, results, narrator).play()


def _document(outcome: Outcome, app: PackagedApp, narrator: Narrator) -> dict[str, object]:
    return {
        "runtime": app.app_type,
        "taskid": f"0x{outcome.taskid.hex()}",
        "challenge": outcome.challenge,
        "released": outcome.released,
        "archive": str(outcome.archive),
        "claims": narrator.claims,
    }
