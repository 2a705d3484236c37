"""The unmodified `iexec` command, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from poco.contracts import Market

__all__ = ["OfficialClient", "run_program"]

_PACKAGES = Path(__file__).parents[2] / "node_modules"
_PASSWORD = "correct horse"
_PATIENCE_SECONDS = 90


class OfficialClient:
    """A project of the official client, configured for one market.

    Args:
        folder: the project, which is the home of the client, too.
        market: the market.
        package: npm package of the client: ``iexec``, or an older one under another name.
        services: further entries of the chain in ``chain.json``: ``sms``, ``ipfsGateway``,
            ``compass``, … Each needs an origin of its own (spec sdk §0.2).
    """

    def __init__(
        self, folder: Path, market: Market, *, package: str = "iexec", **services: str
    ) -> None:
        self.folder = folder
        self._program = _PACKAGES / package / "dist" / "esm" / "cli" / "cmd" / "iexec.js"
        self._keystore = folder / ".ethereum" / "keystore"
        self._keystore.mkdir(parents=True)
        chain = {"id": str(market.chain.chain_id), "host": market.chain.url}
        self._chain = chain | {"hub": market.hub.address} | services
        self.configure()

    def configure(self) -> None:
        """Write ``chain.json``."""
        self.write("chain.json", {"default": "local", "chains": {"local": self._chain}})

    def write(self, name: str, document: Any) -> None:
        """Write a file of the project as JSON."""
        (self.folder / name).write_text(json.dumps(document))

    def __call__(self, *words: str, account: LocalAccount | None = None) -> Any:
        """Run a command and return its answer, without ``ok``; `account` signs."""
        done = self._run(*words, "--raw", account=account)
        assert done.stdout, done.stderr  # some commands fail with exit code 0
        answer = json.loads(done.stdout)
        assert answer.pop("ok"), answer
        return answer

    def refusal(self, *words: str, account: LocalAccount | None = None) -> str:
        """Run a command that fails, and return why."""
        done = self._run(*words, "--raw", account=account)
        answer = json.loads(done.stderr)
        assert not answer["ok"]
        return str(answer["error"]["message"])

    def terminal(self, *words: str, account: LocalAccount | None = None) -> str:
        """Run a command as people do, and return all that it says."""
        done = self._run(*words, "--quiet", account=account)
        return done.stdout + done.stderr

    def _run(self, *words: str, account: LocalAccount | None) -> subprocess.CompletedProcess[str]:
        wallet = [] if account is None else self._wallet(account)
        return subprocess.run(
            ["node", self._program, *words, *wallet],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
        )

    def _wallet(self, account: LocalAccount) -> list[str]:
        """Return the options that name a wallet, which is written when it is new."""
        path = self._keystore / account.address
        if not path.exists():
            document = Account.encrypt(account.key, _PASSWORD, "pbkdf2", 1)
            parameters = document["crypto"]["cipherparams"]
            parameters["iv"] = parameters["iv"].zfill(32)  # ethers wants all 16 bytes
            path.write_text(json.dumps(document))
        return ["--wallet-file", path.name, "--password", _PASSWORD]


def run_program(
    program: Path, folder: Path, given: Any, patience: float
) -> subprocess.CompletedProcess[str]:
    """Run a program that imports the JavaScript library.

    Args:
        program: the file; a copy runs.
        folder: where.
        given: its only argument, as JSON.
        patience: seconds that it may take.
    """
    script = folder / program.name
    script.write_text(program.read_text())
    (folder / "node_modules").symlink_to(_PACKAGES)
    return subprocess.run(
        ["node", script, json.dumps(given)],
        capture_output=True,
        text=True,
        check=False,
        timeout=patience,
    )
