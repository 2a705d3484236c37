"""A market whose people have secrets, and the service that keeps them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send
from support.anvil import account

from poco.contracts import Market
from poco.orders import (
    NULL_DATASET_ORDER,
    TDX,
    TEE,
    ZERO_ADDRESS,
    AppOrder,
    DatasetOrder,
    RequestOrder,
    Tag,
    TaskId,
    WorkerpoolOrder,
    personal_digest,
    random_salt,
    sign_authorization,
    sign_digest,
    sign_order,
)
from poco.services.secrets import (
    RESULT_KEY_NAME,
    SecretName,
    SecretsClient,
    SecretsRefusedError,
    SecretsService,
    TaskSecrets,
    WorkerpoolAuthorization,
)
from poco.services.secrets.challenges import challenge

ROLES = (
    "owner",
    "app_owner",
    "dataset_owner",
    "scheduler",
    "requester",
    "beneficiary",
    "worker",
    "stranger",
)
OFFICIAL_TAG = TEE | TDX
"""What the official client puts on every order."""


@dataclass
class Stage:
    """A market with entries; each role is a key."""

    market: Market
    keys: dict[str, LocalAccount] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys = {name: account(index) for index, name in enumerate(ROLES)}
        owner = self.market.acting_as(self.keys["owner"])
        owner.token.approve(owner.hub.address, 10**12)
        addresses = [key.address for key in self.keys.values()]
        owner.hub.deposit_for_all([10**9] * len(addresses), addresses)
        self.app = owner.apps.create(self.address("app_owner"), "app", "WASM", b"app").value
        self.dataset = owner.datasets.create(
            self.address("dataset_owner"), "data", b"/ipfs/data"
        ).value
        self.pool = owner.workerpools.create(self.address("scheduler"), "pool").value
        self.owner = owner

    def address(self, role: str) -> ChecksumAddress:
        return self.keys[role].address

    def task(
        self, params: str = "{}", *, tag: Tag = OFFICIAL_TAG, dataset: bool = True, **request: Any
    ) -> TaskId:
        """The first task of a new deal, ACTIVE."""
        domain = self.market.domain
        fields: dict[str, Any] = {
            "app": self.app,
            "dataset": self.dataset if dataset else ZERO_ADDRESS,
            "requester": self.address("requester"),
            "beneficiary": self.address("beneficiary"),
            "tag": tag,
            "params": params,
            "salt": random_salt(),
        }
        orders = (
            sign_order(
                AppOrder(app=self.app, tag=tag, salt=random_salt()), domain, self.keys["app_owner"]
            ),
            sign_order(
                DatasetOrder(dataset=self.dataset, tag=tag, salt=random_salt()),
                domain,
                self.keys["dataset_owner"],
            )
            if dataset
            else NULL_DATASET_ORDER,
            sign_order(
                WorkerpoolOrder(workerpool=self.pool, tag=tag, salt=random_salt()),
                domain,
                self.keys["scheduler"],
            ),
            sign_order(RequestOrder(**fields | request), domain, self.keys["requester"]),
        )
        dealid = self.owner.hub.match_orders(*orders).value
        deal = self.owner.hub.deal(dealid)
        assert deal is not None
        return self.owner.hub.initialize(dealid, deal.bot_first).value

    def authorization(
        self,
        taskid: TaskId,
        enclave: ChecksumAddress = ZERO_ADDRESS,
        *,
        worker: str = "worker",
        signer: str = "scheduler",
    ) -> WorkerpoolAuthorization:
        """The leave of the pool's owner."""
        address = self.address(worker)
        signature = sign_authorization(self.keys[signer], address, taskid, enclave)
        dealid = self.market.hub.task(taskid).dealid
        return WorkerpoolAuthorization(taskid, dealid, 0, address, enclave, signature)


@dataclass
class Keeper:
    """A running service, with clients that sign as the official one does."""

    stage: Stage
    service: SecretsService
    url: str

    def __post_init__(self) -> None:
        self.store = self.service.store
        self.client = SecretsClient(self.url)
        self.http = httpx.Client(base_url=self.url, timeout=60)

    def close(self) -> None:
        self.client.close()
        self.http.close()
        self.store.close()

    def push(
        self, name: SecretName, value: str, role: str, *, method: str = "POST", **query: str
    ) -> httpx.Response:
        """Set a secret with the signature of the official client."""
        digest = personal_digest(challenge(name, value))
        signature = sign_digest(self.stage.keys[role], digest)
        return self.http.request(
            method,
            name.path,
            params=name.query | query,
            content=value.encode(),
            headers={"Authorization": f"0x{signature.hex()}", "Content-Type": "text/plain"},
        )

    def head(self, name: SecretName) -> httpx.Response:
        """Ask whether a secret is set."""
        return self.http.head(name.path, params=name.query)

    def enclave(self, taskid: TaskId) -> ChecksumAddress:
        """The enclave challenge of a task."""
        return self.client.challenge(taskid, self.stage.keys["scheduler"])

    def admitted(self, taskid: TaskId) -> WorkerpoolAuthorization:
        """Leave for the worker, with the enclave challenge of the task."""
        return self.stage.authorization(taskid, self.enclave(taskid))

    def fill(self, **query: str) -> None:
        """Everybody pushes what a task may need."""
        stage = self.stage
        requester = stage.address("requester")
        for name, value, role in (
            (SecretName.dataset(stage.dataset), "dataset-key", "dataset_owner"),
            (SecretName.app(stage.app), "app-secret", "app_owner"),
            (SecretName.requester(requester, "first"), "one", "requester"),
            (SecretName.requester(requester, "second"), "two", "requester"),
            (
                SecretName.setting(stage.address("beneficiary"), RESULT_KEY_NAME),
                "pem",
                "beneficiary",
            ),
        ):
            assert self.push(name, value, role, **query).status_code == 204

    def session(self, authorization: WorkerpoolAuthorization) -> TaskSecrets:
        """What the worker gets."""
        return self.client.session(authorization, self.stage.keys["worker"])

    def refusal(self, authorization: WorkerpoolAuthorization, role: str = "worker") -> str:
        """The code with which the worker, or who plays it, is refused."""
        with pytest.raises(SecretsRefusedError) as caught:
            self.client.session(authorization, self.stage.keys[role])
        return caught.value.code

    def audit(self) -> list[str]:
        """What was released, without addresses."""
        return [line.secret for line in self.store.releases()]


class Host:
    """One HTTP server for the whole run, whose application each test puts in."""

    def __init__(self) -> None:
        self.app: FastAPI | None = None
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


Start = Callable[..., Keeper]
