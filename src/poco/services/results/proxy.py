"""The result proxy of the original: how its workers and enclaves upload (spec sdk §5.3).

| request | answer |
|---|---|
| ``POST /v1/results/token`` | a token for the worker that signed its leave, text |
| ``POST /v1/results`` | ``/ipfs/Qm…``, text |
| ``HEAD /v1/results/{task}`` | 204 when there is a result |
| ``GET /v1/results/{task}/ipfshash`` | ``Qm…``, text |

Archives come inside JSON and are held in memory, so that they are small here: `ResultsClient`
uploads large ones. A token is for one task, and void from its final deadline on.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from eth_typing import ChecksumAddress
from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool

from poco.appio.untrusted_json import parse_object
from poco.contracts import Contribution, ContributionStatus, Market, Task, TaskStatus
from poco.errors import ConfigurationError, PeerError, UserInputError
from poco.orders import ZERO_ADDRESS, TaskId, is_valid_signature, result_hash
from poco.services.results.admission import (
    Admission,
    UploadRequest,
    has_leave,
    is_vouched_for,
    wants_encryption,
)
from poco.services.results.cids import V0
from poco.services.results.headers import hex_bytes
from poco.services.results.receiving import PATIENCE_SECONDS, whole
from poco.services.results.results import Results
from poco.services.results.tokens import Pass, Tokens
from poco.services.secrets import WorkerpoolAuthorization
from poco.web import HttpError
from poco.web_limits import per_peer

__all__ = ["ResultProxy", "proxy_router"]

_MAX_BODY_BYTES = 32 * 1024 * 1024
_MAX_LEAVE_BYTES = 16 * 1024
_AT_ONCE, _PAUSE_SECONDS = 2, 0.1
_NO_SIGNATURE = f"0x{'00' * 65}"
_Token = Annotated[str, Header(max_length=4096)]


class ResultProxy:
    """Lets workers of the original upload to a store. Safe to use from several threads.

    Args:
        results: the store.
    """

    def __init__(self, results: Results) -> None:
        self._results = results
        self._tokens = Tokens(results.storage.folder / "proxy.key")

    def token(self, leave: WorkerpoolAuthorization, signature: bytes) -> str:
        """Return a token for the worker that a scheduler has admitted to a task.

        Args:
            leave: the scheduler's.
            signature: of the same by the worker.

        Raises:
            HttpError: 401.
            ChainError: the node does not answer.
        """
        if not is_valid_signature(leave.worker, leave.digest, signature):
            raise _refusal(f"{leave.worker} must sign the request", "Authorization")
        market, enclave = self._results.market, leave.enclave_challenge
        task = market.hub.task(leave.taskid)
        deal = market.hub.deal(task.dealid) if task.status is not TaskStatus.UNSET else None
        if deal is None:
            raise _refusal("the task must be initialized on chain", "chainTaskId")
        if market.chain.timestamp() >= task.final_deadline:
            raise _refusal("the final deadline of the task must be ahead", "chainTaskId")
        if deal.tag.is_tee != (enclave != ZERO_ADDRESS):
            raise _refusal("a leave names an enclave for TEE tasks only", "enclaveChallenge")
        if not has_leave(market, deal, leave.worker, leave.taskid, enclave, leave.authorization):
            raise _refusal(f"the scheduler {deal.scheduler} must have admitted it", "signature")
        return self._tokens.issue(Pass(leave.worker, leave.taskid, enclave, task.final_deadline))

    def holder(self, token: str) -> Pass:
        """Return what a token says.

        Raises:
            HttpError: 401, it is void.
        """
        found = self._tokens.read(token, self._results.clock())
        if found is None:
            raise _refusal("a token of /v1/results/token is needed", "Authorization")
        return found

    def upload(self, holder: Pass, body: bytes) -> str:
        """Keep the archive of a task; return its content id.

        Args:
            holder: of the token.
            body: JSON.

        Raises:
            UserInputError: the body is malformed.
            HttpError: 400, the storage is away; 401, any other refusal; 413, 507: see `Quotas`.
            ChainError: the node does not answer.
        """
        request, archive = _read(body, holder)
        admit = partial(_admit, holder=holder)
        try:
            with self._results.uploading(request, admit) as target:
                if isinstance(target, bytes):
                    raise _refusal("a result of the task is stored already", "chainTaskId")
                target.write(archive[target.offset :])
                self._results.accept(target, V0)
        except ConfigurationError as error:
            raise HttpError(
                HTTPStatus.BAD_REQUEST, "the storage is away", remedy="try again"
            ) from error
        except HttpError as error:
            if error.status in (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY):
                raise _refusal(error.rule, error.field) from error
            raise
        except PeerError as error:  # no archive of a result
            raise _refusal(error.rule, "zip") from error
        found = self.cid(holder.taskid)
        assert found is not None
        return found

    def cid(self, taskid: TaskId) -> str | None:
        """Return the content id of a task's archive; None when there is none."""
        records = self._results.catalog.of_task(f"0x{taskid.hex()}")
        return min(records, key=lambda one: one.provisional).cid if records else None


def proxy_router(proxy: ResultProxy, *, per_minute: int) -> APIRouter:
    """Make the routes, for an application whose bodies below ``/v1/results`` are unbounded.

    Args:
        proxy: answers them.
        per_minute: requests that one IP address may make per minute.
    """
    router = APIRouter(
        prefix="/v1/results", tags=["result proxy"], dependencies=[per_peer(per_minute)]
    )
    places = _Places()

    @router.post("/token", response_class=PlainTextResponse)
    async def token(request: Request, authorization: _Token = "") -> str:
        """Return a token for a worker with a scheduler's leave."""
        body = await whole(request, _MAX_LEAVE_BYTES, PATIENCE_SECONDS)
        leave = WorkerpoolAuthorization.from_json(_document(body))
        signature = hex_bytes("Authorization", authorization)
        return await run_in_threadpool(proxy.token, leave, signature)

    @router.post("", response_class=PlainTextResponse)
    async def upload(request: Request, authorization: _Token = "") -> str:
        """Keep the archive of a task."""
        holder = proxy.holder(authorization)
        while not places.take(holder.worker):
            await asyncio.sleep(_PAUSE_SECONDS)
        try:
            body = await whole(request, _MAX_BODY_BYTES, PATIENCE_SECONDS)
            return f"/ipfs/{await run_in_threadpool(proxy.upload, holder, body)}"
        finally:
            places.leave(holder.worker)

    @router.head("/{task}")
    def is_there(task: str, authorization: _Token = "") -> Response:
        """Return 204 when a task has a result."""
        proxy.holder(authorization)
        _require(proxy.cid(_taskid(task)), task)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    @router.get("/{task}/ipfshash", response_class=PlainTextResponse)
    def ipfshash(task: str) -> str:
        """Return the content id of a task's result."""
        return _require(proxy.cid(_taskid(task)), task)

    return router


class _Places:
    """Uploads that may be under way at the same time, of different workers: none keeps all places.

    Safe to use from several threads: an application may be served in two loops.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: set[ChecksumAddress] = set()

    def take(self, worker: ChecksumAddress) -> bool:
        """Take a place; return whether there was one."""
        with self._lock:
            if worker in self._taken or len(self._taken) >= _AT_ONCE:
                return False
            self._taken.add(worker)
            return True

    def leave(self, worker: ChecksumAddress) -> None:
        """Give the place back."""
        with self._lock:
            self._taken.discard(worker)


def _admit(market: Market, request: UploadRequest, *, holder: Pass) -> Admission:
    """Decide about an upload as the original does; the token stands for signature and leave."""
    worker = holder.worker
    answers = market.hub.read_all(
        [("viewTask", (request.taskid,)), ("viewContribution", (request.taskid, worker))]
    )
    task, contribution = Task.from_abi(answers[0]), Contribution.from_abi(answers[1])
    deal = market.hub.deal(task.dealid) if task.status is not TaskStatus.UNSET else None
    if deal is None:
        raise _refusal("the task must be initialized on chain", "chainTaskId")
    if deal.tag.is_tee:
        if task.status is not TaskStatus.ACTIVE:
            raise _refusal(f"the task must be ACTIVE, it is {task.status.name}", "chainTaskId")
        if not is_vouched_for(request, worker):
            raise _refusal("the enclave of the leave must sign the digest", "enclaveSignature")
    elif task.status is not TaskStatus.REVEALING:
        raise _refusal(f"the task must be REVEALING, it is {task.status.name}", "chainTaskId")
    elif contribution.status is not ContributionStatus.PROVED:
        raise _refusal(f"the contribution of {worker} must be revealed", "chainTaskId")
    elif contribution.result_hash != result_hash(request.taskid, request.digest):
        raise _refusal("the digest must be that of the contribution", "deterministHash")
    provisional = contribution.status is ContributionStatus.UNSET
    return Admission(worker, deal, task, provisional, deal.tag.is_tee and wants_encryption(deal))


def _read(body: bytes, holder: Pass) -> tuple[UploadRequest, bytes]:
    """Read what a worker sends: its archive, and what it says of it."""
    document = _document(body)
    taskid = _taskid(_text(document, "chainTaskId"))
    if taskid != holder.taskid:
        raise _refusal(f"the token is for the task 0x{holder.taskid.hex()}", "chainTaskId")
    archive = _archive(document.get("zip"))
    request = UploadRequest(
        taskid=taskid,
        sha256=hashlib.sha256(archive).digest(),
        size=len(archive),
        digest=hex_bytes("deterministHash", _text(document, "deterministHash"), 32),
        signature=b"",
        authorization=b"",
        enclave=holder.enclave,
        enclave_signature=hex_bytes(
            "enclaveSignature", _text(document, "enclaveSignature", _NO_SIGNATURE)
        ),
    )
    return request, archive


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        return parse_object(body.decode())
    except ValueError as error:
        raise UserInputError("a JSON object is needed", field="body") from error


def _text(document: Mapping[str, Any], name: str, default: str = "") -> str:
    value = document.get(name) or default
    if not isinstance(value, str):
        raise UserInputError("a text is needed", field=name, value=str(value)[:80])
    return value


def _archive(value: object) -> bytes:
    """Read an archive: base64, or a list of bytes as the enclaves of the original send it."""
    try:
        if isinstance(value, str):
            return base64.b64decode(value, validate=True)
        if isinstance(value, list):
            return bytes(value)
    except (ValueError, TypeError):
        pass
    raise UserInputError("an archive comes as base64 or as an array of bytes", field="zip")


def _taskid(text: str) -> TaskId:
    return TaskId(hex_bytes("task", text, 32))


def _require(cid: str | None, task: str) -> str:
    if cid is None:
        raise HttpError(HTTPStatus.NOT_FOUND, "the task has no result", value=task[:80])
    return cid


def _refusal(rule: str, field: str) -> HttpError:
    return HttpError(HTTPStatus.UNAUTHORIZED, rule, field=field)
