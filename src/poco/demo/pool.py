"""A pool as its people run it: `poco scheduler`, `poco worker`, `poco secrets`, as processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress

from poco.contracts import Market
from poco.demo.cast import Person
from poco.demo.processes import Process, Processes, attended
from poco.market import PackagedApp

__all__ = ["Pool", "opened"]

_POLL = ("--poll", "0.1")


class Pool:
    """The processes of one workerpool.

    Args:
        processes: starts them.
        market: where they trade.
        folder: for what they keep: databases, results, journals.

    Attributes:
        url: of scheduler and result store, once they are there.
        services: the processes that are no workers.
    """

    def __init__(self, processes: Processes, market: Market, folder: Path) -> None:
        self.processes = processes
        self.folder = folder
        self.url = ""
        self.services: list[Process] = []
        self._book = folder / "book.json"
        market.book.write(self._book)
        self._chain = ("--rpc", market.chain.url, "--deployment", str(self._book))
        self._secrets = folder / "secrets"
        self._key = ("--master-key-file", str(self._secrets / "master.key"))
        self._database = ("--database", f"sqlite:///{self._secrets / 'secrets.sqlite'}")

    def keep_secrets(self) -> str:
        """Start a secret service that plays enclaves; return its URL."""
        self._secrets.mkdir()
        self.processes.run("secrets", "init-key", *self._key)
        service = self.processes.start(
            "secret service",
            *("secrets", "serve", "--simulated", *self._chain, *self._key, *self._database),
            *("--port", "0"),
        )
        self.services.append(service)
        return service.said(r"secret service on (\S+)")[1]

    def audit(self) -> list[dict[str, Any]]:
        """Return the lines that the secret service has written down, one for each release."""
        lines = self.processes.run("secrets", "audit", "--raw", *self._key, *self._database)
        return [json.loads(line) for line in lines.splitlines()]

    def schedule(self, owner: Person, workerpool: ChecksumAddress, *options: str) -> Process:
        """Start the scheduler with its result store; `url` is where both answer.

        Args:
            owner: of the workerpool.
            workerpool: the pool.
            options: further ones of ``poco scheduler``.
        """
        folder = self.folder / "scheduler"
        folder.mkdir()
        scheduler = self.processes.start(
            "scheduler",
            *("scheduler", "--workerpool", workerpool, "--account", owner.alias, *self._chain),
            *("--database", f"sqlite:///{folder / 'scheduler.sqlite'}"),
            *("--results", str(folder / "results"), "--port", "0", *_POLL, *options),
        )
        self.services.append(scheduler)
        self.url = scheduler.said(r"answers at (\S+)")[1]
        return scheduler

    def hire(self, person: Person, *options: str) -> Process:
        """Start a worker, or start it again: its folder is its own.

        Args:
            person: the worker.
            options: further ones of ``poco worker``.
        """
        return self.processes.start(
            person.name,
            *("worker", "--scheduler", self.url, "--account", person.alias, *self._chain),
            *("--name", person.name, "--workdir", str(self.workdir(person)), "--disk", "0"),
            *("--allow-private-network", "--allow-files", *_POLL, *options),
        )

    def workdir(self, person: Person) -> Path:
        """Return the folder of a worker."""
        return self.folder / person.name.replace(" ", "-")


@contextmanager
def opened(
    market: Market,
    app: PackagedApp,
    workers: tuple[Person, ...],
    folder: Path,
    tell: Callable[[str], None],
) -> Iterator[Pool]:
    """Have a pool until the block ends; then nothing of it goes on, however the block ends.

    Args:
        market: where it trades.
        app: what runs on its workers.
        workers: who may be hired.
        folder: for everything that the processes write.
        tell: called with the last lines of the logs after a failure.
    """
    try:
        with attended(folder, tell) as processes:
            yield Pool(processes, market, folder)
    finally:
        for worker in workers:
            app.runtime.reap(worker.address)
