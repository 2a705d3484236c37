"""Every command of the official client 9, in the order in which a market comes to life."""

from __future__ import annotations

import json
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
from eth_account import Account
from eth_account.signers.local import LocalAccount
from sdk.table import Table
from support.official_client import OfficialClient

from poco.http_server import serve_files
from poco.local import Stack
from poco.orders import DealId

__all__ = ["project", "try_commands"]

_CLIENT = "iexec 9.0.1"
_TAGGED = ("--tag", "tee,tdx")
_PASSWORD = "correct horse"
_EXPIRY_SECONDS = 12
"""The final deadline of a task whose category has a time reference of one second, and a bit."""


def project(stack: Stack, folder: Path, *, package: str = "iexec") -> OfficialClient:
    """Return a project of the client for a market."""
    info = stack.info
    services = {"sms": info.sms, "iexecGateway": info.market, "ipfsGateway": info.ipfsGateway}
    if package == "iexec":
        services |= {"compass": info.compass, "pocoSubgraph": info.subgraph}
    return OfficialClient(folder, stack.market, package=package, **services)


def try_commands(stack: Stack, folder: Path, table: Table) -> None:
    """Try all groups of commands."""
    story = _Story(stack, folder, table)
    for chapter in (
        story.beginnings,
        story.money,
        story.apps,
        story.datasets,
        story.secrets,
        story.running,
        story.categories_and_pools,
        story.orders,
        story.claims,
        story.farewells,
    ):
        chapter()


class _Story:
    def __init__(self, stack: Stack, folder: Path, table: Table) -> None:
        self._stack = stack
        self._folder = folder
        self._table = table
        self._iexec = project(stack, folder)
        self._bank = stack.accounts.bank
        self._hub_owner = stack.accounts.hub_owner
        self._me: LocalAccount = Account.create()
        self._friend: LocalAccount = Account.create()
        self._known: dict[str, str] = {}
        self._begun = 0.0

    # WHAT IS TRIED

    def beginnings(self) -> None:
        """Projects and wallets."""
        fresh = self._folder / "fresh"
        fresh.mkdir()
        first = project(self._stack, fresh)
        new = ("--force", "--password", _PASSWORD)
        with self._table.trial(_CLIENT, "init"):
            assert first("init", *new)["walletAddress"]
        with self._table.trial(_CLIENT, "init --skip-wallet"):
            assert first("init", "--skip-wallet", "--force")["configFile"]
        with self._table.trial(_CLIENT, "wallet create"):
            assert first("wallet", "create", *new)["address"]
        with self._table.trial(_CLIENT, "wallet import"):
            key = f"0x{bytes(self._friend.key).hex()}"
            assert first("wallet", "import", key, *new)["address"] == self._friend.address
        self._iexec("init", "--skip-wallet", "--force")
        self._iexec.configure()
        self._do("info", "hubAddress rlcAddress appRegistryAddress pocoVersion")

    def money(self) -> None:
        """Coins, tokens and the deposit."""
        to_me, friend = ("--to", self._me.address, "--force"), self._friend.address
        self._do("wallet send-ether 10", "txHash", *to_me, by=self._bank)
        self._do("wallet send-RLC 20", "txHash", *to_me, by=self._bank)
        self._do("wallet show", "balance", by=self._me)
        self._do("account deposit 10 RLC", "txHash", by=self._me)
        self._do("account show", "balance", by=self._me)
        self._do("account withdraw 1 RLC", "txHash", by=self._me)
        self._do("account approve 5", "txHash", friend, by=self._me)
        self._do("account allowance", "amount", friend, by=self._me)
        self._do("account revoke", "txHash", friend, by=self._me)

    def apps(self) -> None:
        """An app, from its template to the order book."""
        example = self._stack.info.e2e["app"]
        self._do("app init", "app", by=self._me)
        fields = {"owner": self._me.address, "name": "echo", "type": example.type}
        fields |= {"multiaddr": example.multiaddr, "checksum": example.checksum}
        self._edit("app", fields)
        app = self._note("app", self._do("app deploy", "address txHash", by=self._me), "address")
        self._do("app show", "app", by=self._me)
        self._do("app count", "count", by=self._me)
        self._do("app push-secret", "", "--secret-value", "of the developer", by=self._me)
        self._do("app check-secret", "isSecretSet")
        self._do("app publish", "orderHash", "--force", by=self._me)
        self._do("orderbook app", "count appOrders", app, *_TAGGED)
        self._do("app unpublish", "unpublished", "--force", by=self._me)
        self._do("app publish --price 5", "orderHash", "--force", by=self._me)
        self._do("app unpublish --all", "unpublished", "--force", by=self._me)

    def datasets(self) -> None:
        """A dataset, encrypted, with its key where tasks find it."""
        self._do("dataset init --encrypted", "dataset", by=self._me)
        original = self._folder / "datasets" / "original" / "data.txt"
        original.write_text("content of the dataset")
        encrypted = self._do("dataset encrypt", "encryptedFiles", "--force")
        checksum = encrypted["encryptedFiles"][0]["checksum"] if encrypted else ""
        with self._table.trial(_CLIENT, "ipfs add"):
            content = (self._folder / "datasets" / "encrypted" / "data.txt.enc").read_bytes()
            answer = httpx.post(
                f"{self._stack.info.ipfsNode}/api/v0/add", files={"file": content}
            ).raise_for_status()
            self._known["multiaddr"] = f"/ipfs/{json.loads(answer.text)['Hash']}"
        fields = {"owner": self._me.address, "name": "data", "checksum": checksum}
        self._edit("dataset", fields | {"multiaddr": self._known.get("multiaddr", "")})
        deployed = self._do("dataset deploy", "address txHash", by=self._me)
        dataset = self._note("dataset", deployed, "address")
        self._do("dataset show", "dataset", by=self._me)
        self._do("dataset count", "count", by=self._me)
        self._do("dataset push-secret", "", by=self._me)
        self._do("dataset check-secret", "isSecretSet")
        self._do("dataset publish", "orderHash", "--force", by=self._me)
        self._do("orderbook dataset", "count datasetOrders", dataset, *_TAGGED)
        self._do("dataset unpublish", "unpublished", "--force", by=self._me)
        self._do("dataset publish --price 3", "orderHash", "--force", by=self._me)
        self._do("dataset unpublish --all", "unpublished", "--force", by=self._me)

    def secrets(self) -> None:
        """What a requester leaves for tasks."""
        value = ("--secret-value", "of the requester")
        self._do("requester push-secret password", "isPushed", *value, by=self._me)
        self._do("requester check-secret password", "isSet", by=self._me)
        self._do("storage init dropbox", "isInitialized", "--token", "a token", by=self._me)
        self._do("storage check dropbox", "isInitialized", by=self._me)
        self._do("result generate-encryption-keypair", "secretPath", "--force", by=self._me)
        self._do("result push-encryption-key", "isPushed", by=self._me)
        self._do("result check-encryption-key", "isEncryptionKeySet", by=self._me)

    def running(self) -> None:
        """A computation with everything, to its result."""
        source = self._folder / "input.txt"
        source.write_text("content of the input")
        with serve_files({source.name: source}) as files:
            answer = self._do(
                "app run --watch",
                "deals tasks",
                *("--force", *_TAGGED, "--workerpool", self._stack.info.workerpool.address),
                *("--args", "one two", "--input-files", files.url_of(source.name)),
                *("--dataset", "deployed", "--encrypt-result", "--secret", "1=password"),
                by=self._me,
            )
        deal = self._note("deal", (answer.get("deals") or [{}])[0], "dealid")
        task = self._note("task", (answer.get("tasks") or [{}])[0], "taskid")
        self._do("deal show", "deal", deal, by=self._me)
        self._do("deal show --watch", "tasksCount completedTasksCount", deal, by=self._me)
        self._do("task show", "task", task, by=self._me)
        self._do("task show --download", "resultPath", "sealed", task, by=self._me)
        self._do("task debug", "onchainData offchainData", task, by=self._me)
        self._await_logs(task)
        self._do("task debug --logs", "appLogs", task, by=self._me)
        with self._table.trial(_CLIENT, "task debug --logs, refused to others"):
            said = self._iexec.terminal("task", "debug", task, "--logs", account=self._friend)
            assert "Only task requester" in said, said
        self._do("result decrypt sealed.zip", "resultsPath", "--force", by=self._me)
        with self._table.trial(_CLIENT, "all that was given to the app is in the result"):
            with zipfile.ZipFile(self._folder / "results.zip") as archive:
                text = archive.read("result.txt").decode()
            for wanted in ("one", "two", "input", "dataset", "requester", "developer"):
                assert wanted in text, text
        self._iexec("app", "publish", "--force", account=self._me)
        words = (self._known["app"], "--force", *_TAGGED, "--category", "0")
        self._do("app request-execution", "orderHash", *words, by=self._me)
        words = (self._me.address, *_TAGGED, "--category", "0")
        self._do("orderbook requester", "count requestOrders", *words)

    def categories_and_pools(self) -> None:
        """A category whose tasks expire soon, and a workerpool without workers."""
        self._do("category init", "category")
        fields = {"name": "short", "description": "a second", "workClockTimeRef": "1"}
        self._edit("category", fields)
        created = self._do("category create", "catid", by=self._hub_owner)
        category = self._note("category", created, "catid")
        self._do("category show", "category", category)
        self._do("category count", "count")
        self._do("workerpool init", "workerpool", by=self._me)
        pool = self._note(
            "workerpool", self._do("workerpool deploy", "address", by=self._me), "address"
        )
        self._do("workerpool show", "workerpool", by=self._me)
        local = self._stack.info.workerpool.address
        self._do("workerpool show, with its API", "apiUrl", local, by=self._me)
        self._do("workerpool count", "count", by=self._me)
        words = ("--category", category, "--force")
        self._do("workerpool publish", "orderHash", *words, by=self._me)
        self._do("orderbook workerpool", "count workerpoolOrders", pool, *words[:2], *_TAGGED)
        self._do("workerpool unpublish", "unpublished", "--force", by=self._me)
        self._do("workerpool publish --price 10", "orderHash", *words, by=self._me)
        self._do("workerpool unpublish --all", "unpublished", "--force", by=self._me)

    def orders(self) -> None:
        """Orders by hand, from the template to a deal."""
        self._do("order init --app --dataset --workerpool --request", "requestorder", by=self._me)
        names = ("app", "dataset", "workerpool", "category")
        sides = {name: self._known[name] for name in names}
        self._edit("order", {"requestorder": sides | {"volume": "2"}}, merge=True)
        terms = {"category": sides["category"], "volume": "10"}
        self._edit("order", {"workerpoolorder": terms}, merge=True)
        kinds = ("--app", "--dataset", "--workerpool", "--request")
        self._do("order sign", "requestorder", *kinds, "--force", by=self._me)
        self._do("order publish", "requestorder", *kinds, "--force", by=self._me)
        self._do("order show --app --workerpool", "apporder workerpoolorder")
        filled = self._do("order fill", "dealid volume txHash", "--force", by=self._me)
        self._note("unserved", filled, "dealid")
        self._begun = time.monotonic()
        self._do("order show --app --deals", "apporder")
        self._do("order unpublish --dataset", "datasetorder", "--force", by=self._me)
        self._iexec("order", "sign", "--request", "--force", account=self._me)
        self._do("order cancel --request", "requestorder", "--force", by=self._me)

    def claims(self) -> None:
        """The money back for tasks that nobody did."""
        deal = self._known["unserved"]
        dealid = DealId(bytes.fromhex(deal.removeprefix("0x")))
        hub = self._stack.market.acting_as(self._bank).hub
        task = f"0x{hub.initialize(dealid, 0).value.hex()}"
        time.sleep(max(0.0, self._begun + _EXPIRY_SECONDS - time.monotonic()))
        self._do("task claim", "txHash", task, by=self._me)
        self._do("deal claim", "claimed transactions", deal, by=self._me)

    def farewells(self) -> None:
        """Everything goes to a friend."""
        to = ("--to", self._friend.address, "--force")
        for kind in ("app", "dataset", "workerpool"):
            self._do(f"{kind} transfer", "txHash", self._known[kind], *to, by=self._me)
        self._do("wallet sweep", "sendNativeTxHash", *to, by=self._me)

    # HOW IT IS TRIED

    def _do(self, name: str, keys: str, *words: str, by: LocalAccount | None = None) -> Any:
        """Try a command; return its answer, which must have these keys."""
        answer: dict[str, Any] = {}
        with self._table.trial(_CLIENT, name):
            command = name.partition(",")[0].split()
            answer = self._iexec(*command, *words, account=by)
            assert set(keys.split()) <= set(answer), answer
        return answer

    def _await_logs(self, task: str) -> None:
        """Wait until the worker has handed in what the app wrote; it does so after the result."""
        words, end = ("task", "debug", task, "--logs"), time.monotonic() + 30
        while "appLogs" not in self._iexec(*words, account=self._me) and time.monotonic() < end:
            time.sleep(1)

    def _note(self, name: str, answer: dict[str, Any], key: str) -> str:
        """Remember something of an answer; empty when it failed."""
        self._known[name] = str(answer.get(key, ""))
        return self._known[name]

    def _edit(self, section: str, fields: dict[str, Any], *, merge: bool = False) -> None:
        """Change a section of iexec.json, as people do in an editor."""
        file = self._folder / "iexec.json"
        document = json.loads(file.read_text())
        if merge:
            for name, values in fields.items():
                document[section][name] |= values
        else:
            document[section] = fields
        file.write_text(json.dumps(document))
