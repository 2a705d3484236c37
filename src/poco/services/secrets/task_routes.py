"""What schedulers and workers call (spec sdk §4.4-4.6, offchain §4.4-4.7)."""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from poco.appio.untrusted_json import parse_object
from poco.contracts import Deal, Task
from poco.errors import ChainError, UserInputError
from poco.orders import TaskId
from poco.services.bulk import BulkFiles
from poco.services.secrets.authorization import WorkerpoolAuthorization, sealed_request_digest
from poco.services.secrets.bulk import BulkSlices
from poco.services.secrets.gate import RefusedError
from poco.services.secrets.release import collect, require_readable
from poco.services.secrets.task_secrets import TaskSecrets, seal
from poco.web import HttpError

if TYPE_CHECKING:
    from poco.services.secrets.service import SecretsService

__all__ = ["FRAMEWORK", "Signature", "add", "peer"]

FRAMEWORK = "SIMULATED"
"""What stands where the original names the hardware of its enclaves."""
_PROPERTIES_VERSION = "1"
_SESSION_CHARACTERS = string.ascii_letters + string.digits


def _signature(request: Request) -> bytes:
    """Read the signature of the header ``Authorization``; nothing when it is malformed."""
    try:
        return bytes.fromhex(request.headers.get("authorization", "").removeprefix("0x"))
    except ValueError:
        return b""


async def _document(request: Request) -> dict[str, Any] | None:
    """Read a JSON body; None when it is empty."""
    text = await request.body()
    try:
        return parse_object(text.decode()) if text else None
    except ValueError as error:
        raise HttpError(
            HTTPStatus.BAD_REQUEST, "the body must be a JSON object", field="body", value=text[:80]
        ) from error


Signature = Annotated[bytes, Depends(_signature)]
Document = Annotated[dict[str, Any] | None, Depends(_document)]


def peer(request: Request) -> str:
    """Return the IP address of who asks."""
    return "" if request.client is None else request.client.host


def add(router: APIRouter, service: SecretsService, released: Callable[[], None]) -> None:
    """Add the routes of schedulers and workers to a router.

    Args:
        router: where to add them.
        service: what they work with.
        released: called when the secrets of a task were released.
    """
    bulks = BulkSlices(service.gate.market, BulkFiles(service.fetcher))

    @router.post("/tee/challenges/{taskid}", response_class=PlainTextResponse)
    def challenge(taskid: str, signature: Signature) -> str:
        """Return the address of a task's enclave key, made by the first call."""
        checked = _taskid(taskid)
        with _unreadable_chain_refuses():
            task, deal = service.gate.admit_scheduler(checked, signature)
            now = service.gate.market.chain.timestamp()
        service.per_address.take(deal.scheduler)
        service.store.purge(now)
        return service.store.enclave_address(checked, task.final_deadline)

    @router.post("/tee/sessions")
    def original_session(
        request: Request, document: Document, signature: Signature
    ) -> dict[str, Any]:
        """Check as the original does, and tell where the secrets can be had, sealed."""
        authorization = _authorization(document)
        with _unreadable_chain_refuses():
            task, deal = admitted(authorization, authorization.digest, signature)
            require_readable(deal)
            collect(service.store, bulks, task, deal, authorization)
        drawn = "".join(secrets.choice(_SESSION_CHARACTERS) for _ in range(10))
        session = f"{drawn}0000{_hex(authorization.taskid)}"
        url = f"{request.base_url}v2/sessions"
        return {"data": {"sessionId": session, "secretProvisioningUrl": url}}

    @router.post("/v2/sessions")
    def session(request: Request, document: Document, signature: Signature) -> dict[str, str]:
        """Return the secrets of a task, sealed to the worker's X25519 key."""
        given = document or {}
        authorization = _authorization(given.get("workerpoolAuthorization"))
        key = _sealing_key(given.get("sealTo"))
        digest = sealed_request_digest(authorization, key)
        task, deal = admitted(authorization, digest, signature)
        found, names = collect(service.store, bulks, task, deal, authorization)
        sealed = _sealed(found, key, authorization)
        service.store.record(
            authorization.taskid, deal.dealid, authorization.worker, peer(request), names
        )
        released()
        return {"sealed": base64.b64encode(sealed).decode()}

    def admitted(
        authorization: WorkerpoolAuthorization, digest: bytes, signature: bytes
    ) -> tuple[Task, Deal]:
        found = service.gate.admit_worker(authorization, digest, signature)
        service.per_address.take(authorization.worker)
        return found

    @router.get("/tee/framework")
    def framework() -> Response:
        """Return the name of the framework; 404 when there is none."""
        if not service.gate.simulated:
            raise _no_framework()
        return JSONResponse(FRAMEWORK)

    @router.get("/tee/properties/{name}")
    @router.get("/tee/properties/{name}/{version}")
    def properties(name: str, version: str = _PROPERTIES_VERSION) -> dict[str, Any]:
        """Return the properties of the framework: it has no images of its own."""
        if not service.gate.simulated:
            raise _no_framework()
        if name.upper() != FRAMEWORK:
            raise HttpError(
                HTTPStatus.CONFLICT, f"only {FRAMEWORK} is served", field="framework", value=name
            )
        if version != _PROPERTIES_VERSION:
            raise HttpError(
                HTTPStatus.NOT_FOUND,
                f"the only version is {_PROPERTIES_VERSION}",
                field="version",
                value=version,
            )
        return {"teeFramework": FRAMEWORK, "teeFrameworkVersion": version, "simulated": True}


def _no_framework() -> HttpError:
    return HttpError(
        HTTPStatus.NOT_FOUND,
        "there is no enclave here",
        field="framework",
        remedy="start the service with --simulated to play one",
    )


@contextmanager
def _unreadable_chain_refuses() -> Iterator[None]:
    """Answer as the original does when the node does not (spec offchain §4.2)."""
    try:
        yield
    except ChainError as error:
        raise RefusedError("GET_CHAIN_TASK_FAILED", "the node must answer: ask again") from error


def _taskid(text: str) -> TaskId:
    try:
        taskid = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        taskid = b""
    if len(taskid) != 32:
        raise UserInputError("a task id has 32 bytes in hex", field="taskId", value=text)
    return TaskId(taskid)


def _authorization(document: Any) -> WorkerpoolAuthorization:
    if not document:
        raise RefusedError("EMPTY_PARAMS_UNAUTHORIZED", "the body must hold an authorization")
    return WorkerpoolAuthorization.from_json(document)


def _sealing_key(text: Any) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (ValueError, TypeError):
        key = b""
    if len(key) != 32:
        raise _no_key()
    return key


def _sealed(found: TaskSecrets, key: bytes, authorization: WorkerpoolAuthorization) -> bytes:
    try:
        return seal(found, key, authorization.digest)
    except ValueError:
        raise _no_key() from None


def _no_key() -> UserInputError:
    return UserInputError("sealTo must be an X25519 public key, 32 bytes in base64")


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"
