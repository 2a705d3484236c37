"""The result proxy of the original: its workers and enclaves upload over it."""

from __future__ import annotations

import base64
import json
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from results_stage import ENCLAVE, make_archive

from poco.appio.encryption import encrypt_result, generate_result_keypair
from poco.errors import ConfigurationError
from poco.orders import ZERO_ADDRESS, DealId, TaskId, authorization_digest, sign_digest
from poco.services.results import Quotas
from poco.services.results.cids import V0, layout_of
from poco.services.results.tokens import Pass, Tokens

if TYPE_CHECKING:
    from pathlib import Path

    from results_stage import Archive, Shop, Town

HOLDER = Pass("0x" + "11" * 20, TaskId(b"\x22" * 32), ZERO_ADDRESS, 100)


class Worker:
    """A worker of the original, as far as results go."""

    def __init__(self, shop: Shop, taskid: TaskId, enclave: str = ZERO_ADDRESS) -> None:
        self.shop, self.taskid, self.enclave = shop, taskid, enclave
        self.key = shop.town.keys["worker_1"]

    def ask(self, signer: Any = None, **changes: Any) -> httpx.Response:
        """Ask for a token."""
        leave = self.shop.town.leave("worker_1", self.taskid, self.enclave)
        digest = authorization_digest(self.key.address, self.taskid, self.enclave)
        signature = sign_digest(signer or self.key, digest)
        body = {
            "chainTaskId": f"0x{self.taskid.hex()}",
            "dealId": f"0x{DealId(bytes(32)).hex()}",
            "taskIndex": 0,
            "workerWallet": self.key.address,
            "enclaveChallenge": self.enclave,
            "signature": {"value": f"0x{leave.authorization.hex()}"},
        }
        return httpx.post(
            f"{self.shop.url}/v1/results/token",
            json=body | changes,
            headers={"Authorization": f"0x{signature.hex()}"},
        )

    def upload(self, archive: Archive, token: str = "", **changes: Any) -> httpx.Response:
        """Upload an archive."""
        vouched = bytes(65)
        if self.enclave != ZERO_ADDRESS:
            vouched = self.shop.town.vouch("worker_1", self.taskid, archive.digest)
        model = {
            "chainTaskId": f"0x{self.taskid.hex()}",
            "dealId": f"0x{bytes(32).hex()}",
            "taskIndex": 0,
            "zip": base64.b64encode(archive.path.read_bytes()).decode(),
            "deterministHash": f"0x{archive.digest.hex()}",
            "enclaveSignature": f"0x{vouched.hex()}",
        }
        return httpx.post(
            f"{self.shop.url}/v1/results",
            json=model | changes,
            headers={"Authorization": token or self.ask().text},
        )

    def exists(self, token: str) -> int:
        """Ask whether there is a result; a status."""
        url = f"{self.shop.url}/v1/results/0x{self.taskid.hex()}"
        return httpx.head(url, headers={"Authorization": token}).status_code

    def hash(self) -> httpx.Response:
        """Ask for the content id."""
        return httpx.get(f"{self.shop.url}/v1/results/0x{self.taskid.hex()}/ipfshash")


@pytest.fixture
def revealed(town: Town, shop: Shop, archive: Archive) -> Worker:
    """A worker that has revealed."""
    worker = Worker(shop, town.task())
    town.reveal("worker_1", worker.taskid, archive.digest)
    return worker


def test_upload__after_reveal__is_stored_under_the_name_of_ipfs(
    revealed: Worker, archive: Archive
) -> None:
    token = revealed.ask().text
    assert (revealed.exists(token), revealed.hash().status_code) == (404, 404)
    answer = revealed.upload(archive, token)
    assert (answer.status_code, answer.headers["content-type"][:10]) == (200, "text/plain")
    cid = answer.text.removeprefix("/ipfs/")
    with archive.path.open("rb") as file:
        assert layout_of(file, cid) == V0
    assert (revealed.exists(token), revealed.hash().text) == (204, cid)
    assert httpx.get(revealed.shop.url + answer.text).content == archive.path.read_bytes()
    link = revealed.shop.results.find(revealed.taskid, archive.digest)
    assert link is not None  # the scheduler finds it
    assert json.loads(link) == {"storage": "ipfs", "location": answer.text}
    assert revealed.upload(archive, token).status_code == 401  # stored already


def test_upload__of_an_enclave__before_the_contribution__counts(
    town: Town, shop: Shop, archive: Archive
) -> None:
    worker = Worker(shop, town.tee_task(), ENCLAVE.address)
    numbers = list(archive.path.read_bytes())  # as enclaves of the original send it
    assert worker.upload(archive, zip=numbers, enclaveSignature="0x").status_code == 401
    answer = worker.upload(archive, zip=numbers)
    assert answer.status_code == 200
    assert worker.hash().text == answer.text.removeprefix("/ipfs/")


def test_upload__encrypted_by_an_enclave__counts(
    town: Town, shop: Shop, archive: Archive, tmp_path: Path
) -> None:
    _, public = generate_result_keypair(tmp_path / "keys", town.keys["requester"].address)
    encrypt_result(archive.path, tmp_path / "sealed.zip", public.read_bytes())
    worker = Worker(shop, town.tee_task(iexec_result_encryption=True), ENCLAVE.address)
    sealed = replace(archive, path=tmp_path / "sealed.zip")
    assert worker.upload(sealed).status_code == 200


def test_token__for_whom_no_scheduler_speaks__is_refused(
    town: Town, shop: Shop, archive: Archive
) -> None:
    worker = Worker(shop, town.task())
    stranger = town.keys["stranger"]
    assert worker.ask(signer=stranger).status_code == 401
    assert worker.ask(signature={"value": "0x" + "00" * 65}).status_code == 401
    assert worker.ask(workerWallet=stranger.address, signer=stranger).status_code == 401
    assert worker.ask(signature=None).status_code == 400
    assert Worker(shop, TaskId(b"\x01" * 32)).ask().status_code == 401
    assert Worker(shop, worker.taskid, ENCLAVE.address).ask().status_code == 401
    assert Worker(shop, town.tee_task()).ask().status_code == 401
    town.pass_time(10 * 300)
    assert worker.ask().status_code == 401


def test_upload__of_what_is_no_result__is_refused(revealed: Worker, archive: Archive) -> None:
    changes: list[tuple[dict[str, Any], int]] = [
        ({"zip": "no base64"}, 400),
        ({"zip": [1, 256]}, 400),
        ({"zip": None}, 400),
        ({"zip": base64.b64encode(b"no archive").decode()}, 401),
        ({"deterministHash": "0x12"}, 400),
        ({"deterministHash": "0x" + "12" * 32}, 401),
        ({"chainTaskId": "0x" + "12" * 32}, 401),
        ({"chainTaskId": 12}, 400),
    ]
    token = revealed.ask().text
    for change, status in changes:
        assert revealed.upload(archive, token, **change).status_code == status, change
    assert revealed.hash().status_code == 404


def test_upload__another_archive_than_revealed__is_refused(
    revealed: Worker, tmp_path: Path
) -> None:
    other = make_archive(tmp_path / "other", {"result/a.txt": b"beta\n"})
    assert revealed.upload(other).status_code == 401


def test_upload__at_another_time__is_refused(town: Town, shop: Shop, archive: Archive) -> None:
    worker = Worker(shop, town.task(trust=1))
    assert worker.upload(archive).status_code == 401  # ACTIVE
    town.contribute("worker_1", worker.taskid, archive.digest)
    assert worker.upload(archive).status_code == 401  # not revealed
    enclave = Worker(shop, town.tee_task(), ENCLAVE.address)
    token = enclave.ask().text
    town.finish_in_enclave("worker_1", enclave.taskid, archive.digest, b"{}")
    assert enclave.upload(archive, token).status_code == 401  # COMPLETED


def test_upload__without_a_token_of_this_store__is_refused(
    revealed: Worker, archive: Archive, tmp_path: Path
) -> None:
    other = Tokens(tmp_path / "other.key").issue(HOLDER)
    for token in (other, "a.b.c", revealed.ask().text + "A"):
        assert revealed.upload(archive, token).status_code == 401
        assert revealed.exists(token) == 401


def test_upload__too_large_or_no_json__is_refused(revealed: Worker) -> None:
    headers = {"Authorization": revealed.ask().text}
    url = f"{revealed.shop.url}/v1/results"
    for body, status in [
        (b"[" * 100_000, 400),
        (b"[]", 400),
        (b"{", 400),
        (b" " * (33 * 1024**2), 413),
    ]:
        assert httpx.post(url, content=body, headers=headers).status_code == status


def test_upload__task_that_a_reorganisation_dropped__is_refused(
    town: Town, shop: Shop, archive: Archive
) -> None:
    before = town.market.chain.request("evm_snapshot")
    worker = Worker(shop, town.task())
    token = worker.ask().text
    town.market.chain.request("evm_revert", before)
    assert worker.upload(archive, token).status_code == 401


def test_upload__over_a_quota__is_413(revealed: Worker, archive: Archive) -> None:
    revealed.shop.results.quotas = Quotas(archive=10)
    assert revealed.upload(archive).status_code == 413


def test_upload__several_at_the_same_time__one_is_stored(
    revealed: Worker, archive: Archive
) -> None:
    token = revealed.ask().text
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: revealed.upload(archive, token), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


def test_upload__of_a_worker_that_stalls__keeps_no_other_waiting(
    revealed: Worker, archive: Archive
) -> None:
    tokens = Tokens(revealed.shop.results.storage.folder / "proxy.key")
    token = tokens.issue(replace(HOLDER, expires=int(revealed.shop.now) + 60))
    head = f"POST /v1/results HTTP/1.1\r\nHost: store\r\nAuthorization: {token}\r\n"
    url = httpx.URL(revealed.shop.url)
    with ExitStack() as stack:
        for _ in range(3):
            line = stack.enter_context(socket.create_connection((url.host, url.port)))
            line.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        assert revealed.upload(archive).status_code == 200


def test_upload__storage_is_away__is_400(
    revealed: Worker, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise ConfigurationError("the IPFS node must answer")

    monkeypatch.setattr(revealed.shop.results.storage, "put", away)
    answer = revealed.upload(archive)
    assert (answer.status_code, "storage is away" in answer.json()["error"]) == (400, True)
    monkeypatch.undo()
    assert revealed.upload(archive).status_code == 200


def test_tokens__after_a_restart__are_valid_until_they_expire(tmp_path: Path) -> None:
    token = Tokens(tmp_path / "key").issue(HOLDER)
    again = Tokens(tmp_path / "key")
    assert again.read(token, 99.0) == HOLDER
    assert again.read(token, 100.0) is None
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert again.issue(HOLDER) != token


@given(st.text(max_size=200))
def test_tokens__any_text__is_none(text: str) -> None:
    tokens = Tokens.__new__(Tokens)
    tokens._key = b"key"
    assert tokens.read(text, 0.0) is None
    signature = base64.urlsafe_b64encode(tokens._signature(text)).decode().rstrip("=")
    assert tokens.read(f"{text}.{signature}", 0.0) is None  # signed, but no token
