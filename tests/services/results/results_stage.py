"""A market, a result store that serves it, and workers with archives."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from support.client_stage import Stage

from poco import appio
from poco.database import Database
from poco.orders import (
    TDX,
    TEE,
    ZERO_ADDRESS,
    TaskId,
    enclave_digest,
    result_hash,
    result_seal,
    sign_authorization,
    sign_digest,
    sign_order,
)
from poco.services.results import (
    TABLES,
    NodePolicy,
    Quotas,
    Results,
    open_storage,
    results_app,
)

ENCLAVE = Account.from_key(b"\x07" * 32)


@dataclass(frozen=True)
class Leave:
    """What a worker needs of its assignment."""

    authorization: bytes
    enclave_challenge: str = ZERO_ADDRESS


@dataclass(frozen=True)
class Archive:
    """A result, as a worker has it."""

    path: Path
    digest: bytes


class Town(Stage):
    """A market whose workers upload."""

    def leave(self, worker: str, taskid: TaskId, enclave: str = ZERO_ADDRESS) -> Leave:
        """The scheduler's leave."""
        signature = sign_authorization(
            self.keys["scheduler"], self.keys[worker].address, taskid, enclave
        )
        return Leave(signature, enclave)

    def tee_task(self, *, trust: int = 1, **params: Any) -> TaskId:
        """A task for an enclave, ACTIVE."""
        tag = TEE | TDX
        request = {"tag": tag, "params": json.dumps(params), "trust": trust}
        orders = self.orders(with_dataset=False, **request)
        app, dataset, pool, asked = orders
        domain = self.market.domain
        app = sign_order(replace(app, tag=tag), domain, self.keys["app_owner"])
        pool = sign_order(replace(pool, tag=tag, trust=trust), domain, self.keys["scheduler"])
        dealid = self.requester.hub.match_orders(app, dataset, pool, asked).value
        return self.stranger.hub.initialize(dealid, 0).value

    def vouch(self, worker: str, taskid: TaskId, digest: bytes) -> bytes:
        """The enclave's signature."""
        seal = result_seal(self.keys[worker].address, taskid, digest)
        return sign_digest(ENCLAVE, enclave_digest(result_hash(taskid, digest), seal))

    def finish(self, worker: str, taskid: TaskId, digest: bytes, link: bytes = b"{}") -> None:
        """Contribute and finalise in one step."""
        self.roles[worker].hub.contribute_and_finalize(
            taskid, digest, link, self.authorization(worker, taskid)
        )

    def finish_in_enclave(self, worker: str, taskid: TaskId, digest: bytes, link: bytes) -> None:
        """The same for a task that needs an enclave."""
        self.roles[worker].hub.contribute_and_finalize(
            taskid,
            digest,
            link,
            self.leave(worker, taskid, ENCLAVE.address).authorization,
            enclave=ENCLAVE.address,
            enclave_signature=self.vouch(worker, taskid, digest),
        )

    def reveal(self, worker: str, taskid: TaskId, digest: bytes) -> None:
        """Contribute and reveal."""
        self.contribute(worker, taskid, digest)
        self.roles[worker].hub.reveal(taskid, digest)


class Shop:
    """A result store and its client."""

    def __init__(self, town: Town, folder: Path, quotas: Quotas, patience: float = 5.0) -> None:
        self.town = town
        self.folder = folder / "store"
        self.now = 1_000_000_000.0
        self.results = Results(
            town.market,
            open_storage(str(self.folder), self.folder),
            Database(f"sqlite:///{folder / 'results.sqlite'}", TABLES),
            quotas=quotas,
            clock=lambda: self.now,
        )
        self.app = results_app(self.results, patience=patience, node=NodePolicy())

    def upload(
        self,
        worker: str,
        taskid: TaskId,
        archive: Archive,
        *,
        enclave: LocalAccount | None = None,
        **changes: Any,
    ) -> bytes:
        """Upload as a worker, with the leave it needs."""
        key = self.town.keys[worker]
        challenge = ZERO_ADDRESS if enclave is None else enclave.address
        vouched = b"" if enclave is None else self.town.vouch(worker, taskid, archive.digest)
        options = {
            "account": key,
            "assignment": self.town.leave(worker, taskid, challenge),
            "digest": archive.digest,
            "enclave_signature": vouched,
        }
        return self.client.upload(taskid, archive.path, **options | changes)

    def left(self) -> list[str]:
        """What is under way in the folder of uploads."""
        return sorted(path.name for path in (self.folder / "uploads").iterdir())


def make_archive(folder: Path, files: dict[str, bytes], computed: str = "") -> Archive:
    """Make what a worker makes of an output folder."""
    output = folder / "out"
    output.mkdir(parents=True)
    for name, content in files.items():
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).write_bytes(content)
    (output / "computed.json").write_text(
        computed or '{"deterministic-output-path": "/iexec_out/result"}'
    )
    tree = appio.scan_output(output)
    appio.write_archive(tree, folder / "result.zip")
    digest = appio.output_digest(tree, "result") if files else b""
    return Archive(folder / "result.zip", digest)
