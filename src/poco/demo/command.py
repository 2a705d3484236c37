"""What ``ape run demo`` does between its options and the story."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from poco.contracts import Chain, EventReader, Wallet
from poco.demo.cast import Cast
from poco.demo.ledger import table, to_json
from poco.demo.narrator import Narrator
from poco.demo.story import INPUT, KEYS, Outcome, Story, settles_in_one_step
from poco.deployment import Step, deploy
from poco.http_server import serve_files
from poco.local_chain import local_chain
from poco.market import PackagedApp, Role, development_account, package_app, require_writable_folder
from poco.scheduler import ResultStore, Scheduler, serve_scheduler

__all__ = ["run"]


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
        local_chain("--base-fee", "0", port=port) as chain,
        tempfile.TemporaryDirectory(prefix="poco-demo-") as work,
    ):
        narrator.chapter(f"A fresh chain ({chain.url}) and a market on it")
        cast = _deploy(chain, narrator)
        if packaged.remark:
            narrator.line(f"runs on WASM because {packaged.remark}")
        outcome = _play(cast, packaged, app / "samples", Path(work), results, narrator)
    _show(outcome, console, time.monotonic() - began)
    if raw:
        json.dump(_document(outcome, packaged, cast, narrator), sys.stdout, indent=2)
        sys.stdout.write("\n")


def _deploy(chain: Chain, narrator: Narrator) -> Cast:
    def report(step: Step) -> None:
        narrator.line(f"{step.name:<28} {step.address} {step.gas:>11,} gas")

    wallet = Wallet(chain, development_account(Role.DEPLOYER), EventReader(()))
    deployment = deploy(wallet, report=report)
    cast = Cast(chain, deployment.book)
    hub = cast.requester.market.hub
    narrator.claim(
        "hub and registries belong together, and nobody has a deposit yet",
        hub.constants().app_registry == deployment.book.app_registry and hub.total_supply() == 0,
    )
    return cast


def _play(
    cast: Cast, app: PackagedApp, samples: Path, work: Path, results: Path, narrator: Narrator
) -> Outcome:
    store = ResultStore(work / "store")
    with serve_files({INPUT: samples / INPUT, KEYS: samples / KEYS}) as files:
        story = Story(cast, app, samples, files, work, results, narrator)
        story.fund()
        offer = story.offer()
        owner = cast.scheduler

        def scheduler(url: str) -> Scheduler:
            return Scheduler(
                owner.market,
                owner.account,
                offer.workerpool.workerpool,
                store,
                url=url,
                policy=settles_in_one_step,
                report=lambda text: narrator.line(f"scheduler: {text}"),
            )

        with serve_scheduler(scheduler) as running:
            return story.play(offer, running)


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
