"""The last version of the official client that buys tasks without an enclave: 8."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from sdk.commands import project
from sdk.table import Table

from poco.local import Stack

__all__ = ["try_older"]

_CLIENT = "iexec 8.24.0"
_NO_ENS = "the client asks ENS where the scheduler is, and there is no ENS"
_NO_VOUCHERS = "there are no vouchers"
_NO_PROXY = "tasks need no token for the result store"


def try_older(stack: Stack, folder: Path, table: Table) -> None:
    """Buy a task without a tag."""
    iexec = project(stack, folder, package="iexec8")
    me: LocalAccount = Account.create()
    bank = stack.accounts.bank

    def do(name: str, keys: str, *words: str, by: LocalAccount | None = me) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        with table.trial(_CLIENT, name):
            answer = iexec(*name.split(), *words, account=by)
            assert set(keys.split()) <= set(answer), answer
        return answer

    with table.trial(_CLIENT, "init --skip-wallet"):
        assert iexec("init", "--skip-wallet", "--force")["configFile"]
    iexec.configure()
    do("info", "hubAddress", by=None)
    gift = ("--to", me.address, "--force")
    do("wallet sendETH 1", "txHash", *gift, by=bank)
    do("wallet sendRLC 2 RLC", "txHash", *gift, by=bank)
    do("account deposit 1 RLC", "txHash")
    do("account show", "balance")
    do("app init", "app")
    example = stack.info.e2e["app"]
    file = folder / "iexec.json"
    document = json.loads(file.read_text())
    document["app"] |= {
        "owner": me.address,
        "name": "echo",
        "type": example.type,
        "multiaddr": example.multiaddr,
        "checksum": example.checksum,
    }
    document["app"].pop("mrenclave", None)
    file.write_text(json.dumps(document))
    app = do("app deploy", "address").get("address", "")
    do("app show", "app")
    do("app publish", "orderHash", "--force")
    answer = do(
        "app run --watch --args hello",
        "deals tasks",
        *("--force", "--workerpool", stack.info.workerpool.address),
    )
    task = (answer.get("tasks") or [{}])[0].get("taskid", "")
    do("task show", "task", task)
    do("task show --download", "resultPath", "result", task)
    do("task debug", "onchainData", task)
    do("deal show", "deal", (answer.get("deals") or [{}])[0].get("dealid", ""))
    do("app push-secret", "", "--secret-value", "of the developer")
    do("requester push-secret name", "isPushed", "--secret-value", "of the requester")
    do("result generate-encryption-keypair", "publicKeyFile", "--force")
    do("result push-encryption-key", "isPushed")
    do("app request-execution", "orderHash", app, "--force")
    table.gap(
        _CLIENT,
        "task debug --logs",
        _NO_ENS,
        lambda: iexec("task", "debug", task, "--logs", account=me)["appLogs"],
    )
    table.gap(_CLIENT, "voucher show", _NO_VOUCHERS, lambda: iexec("voucher", "show", account=me))
    table.gap(_CLIENT, "storage init", _NO_PROXY, lambda: iexec("storage", "init", account=me))
