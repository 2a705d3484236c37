"""Workers as processes of their own, each with a keystore, and what they say."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from eth_account import Account
from terminals import BIN
from worker_stage import Town

from poco.market import Role, development_account

__all__ = ["PASSPHRASE", "Shell", "wait_until"]

PASSPHRASE = "correct horse"


class Shell:
    """Starts workers, and ends what a test leaves behind."""

    def __init__(self, town: Town, folder: Path) -> None:
        self._town, self._folder = town, folder
        self._book = folder / "book.json"
        town.market.book.write(self._book)
        self.keystore = folder / "key.json"
        key = development_account(Role.WORKER).key
        self.keystore.write_text(json.dumps(Account.encrypt(key, PASSPHRASE, iterations=2)))
        self._started: list[subprocess.Popen[str]] = []
        self.log = folder / "log"

    def command(self, scheduler: str, *options: str) -> list[str]:
        return [
            str(BIN / "poco"),
            "worker",
            *("--scheduler", scheduler, "--rpc", self._town.chain.url),
            *("--deployment", str(self._book), "--keystore", str(self.keystore)),
            *("--workdir", str(self._folder / "work"), "--poll", "0.05", "--disk", "0"),
            *("--allow-private-network", "--allow-files"),
            *options,
        ]

    def start(self, scheduler: str, *options: str) -> subprocess.Popen[str]:
        with self.log.open("a") as log:
            process = subprocess.Popen(
                self.command(scheduler, *options),
                env=os.environ | {"POCO_PASSPHRASE": PASSPHRASE},
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._started.append(process)
        return process

    def fail(self, *options: str, passphrase: str = PASSPHRASE) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command("http://127.0.0.1:9", *options),
            env=os.environ | {"POCO_PASSPHRASE": passphrase},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def said(self, text: str) -> Callable[[], bool]:
        return lambda: text in self.log.read_text()

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()


def wait_until(holds: Callable[[], bool], shell: Shell, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, shell.log.read_text()
        time.sleep(0.02)
