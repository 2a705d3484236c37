"""The scheduler's HTTP face: for workers, for requesters, and for those who operate it.

The messages of workers are those of `protocol`; what everybody may read has the shapes of
`models`. The description of all of it is at ``/docs``.
"""

from __future__ import annotations

from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from eth_typing import ChecksumAddress
from fastapi import APIRouter, Body, Depends, FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ValidationError

from poco.appio.untrusted_json import parse_object
from poco.errors import UserInputError
from poco.orders import DealId, TaskId, checked_address
from poco.scheduler.metrics import registry
from poco.scheduler.models import (
    ComputeLogs,
    DealModel,
    ReplicateModel,
    TaskLogsModel,
    TaskModel,
    TaskPage,
    WorkerModel,
)
from poco.scheduler.protocol import Capability, Report
from poco.scheduler.scheduler import Scheduler
from poco.scheduler.statuses import Stage
from poco.web import application
from poco.web_limits import per_peer

__all__ = ["scheduler_app"]

_SYNC = "/v2/sync"
_MAX_BODY_BYTES = 64 * 1024
_MAX_REPORT_BYTES = 8 * 1024 * 1024
"""All tasks of a worker, and the logs of some."""

_CHALLENGES_PER_MINUTE = 60
"""Challenges and logins that one IP address may ask for: each writes a row."""
_LISTINGS_PER_MINUTE = 600
"""Lists of tasks and workers that one IP address may ask for: each reads all rows."""
_MAX_WAITING = 500
"""Workers that may be in a long poll at the same time."""


_Authorization = Annotated[str, Header(max_length=1000)]


def _identity(field: str, text: str) -> bytes:
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(value) != 32:
        raise UserInputError(
            "0x and 64 hex digits are needed", field=field, value=text, remedy="check the id"
        )
    return value


def _task(task_id: str) -> TaskId:
    return TaskId(_identity("taskId", task_id))


def _deal(deal_id: str) -> DealId:
    return DealId(_identity("dealId", deal_id))


def _wallet(wallet: str) -> ChecksumAddress:
    return checked_address("wallet", wallet)


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


async def _worker(request: Request, authorization: _Authorization = "") -> ChecksumAddress:
    gate = _scheduler(request).gate
    if (known := gate.known_worker(authorization)) is not None:
        return known
    return await to_thread.run_sync(gate.worker, authorization)


def _reader(request: Request, authorization: _Authorization = "") -> ChecksumAddress:
    return _scheduler(request).gate.reader(authorization)


def _scheduler(request: Request) -> Scheduler:
    found: Scheduler = request.app.state.scheduler
    return found


async def _report(request: Request) -> Report:
    """Read a body that may be large; named after the worker, it is not read for a stranger."""
    try:
        return Report.model_validate(parse_object((await request.body()).decode()))
    except ValidationError as error:
        raise RequestValidationError(
            error.errors(include_input=False, include_url=False)
        ) from error
    except ValueError as error:
        raise UserInputError(f"the body {error}", field="body") from error


def _described(model: type[BaseModel], path: str) -> dict[str, Any]:
    """Return what the OpenAPI page says of the body of a POST that is read here."""
    place = f"paths/{path.replace('/', '~1')}/post/requestBody/content/application~1json/schema"
    schema = model.model_json_schema(ref_template=f"#/{place}/$defs/{{model}}")
    return {"required": True, "content": {"application/json": {"schema": schema}}}


_Task = Annotated[TaskId, Depends(_task)]
_Deal = Annotated[DealId, Depends(_deal)]
_Wallet = Annotated[ChecksumAddress, Depends(_wallet)]
_Worker = Annotated[ChecksumAddress, Depends(_worker)]
_Reader = Annotated[ChecksumAddress, Depends(_reader)]
_Base = Annotated[str, Depends(_base)]
_Address = Annotated[str, Query(alias="walletAddress", max_length=42)]


def scheduler_app(
    scheduler: Scheduler, *routers: APIRouter, unbounded: tuple[str, ...] = ()
) -> FastAPI:
    """Make the application of a scheduler.

    Args:
        scheduler: the scheduler.
        routers: other services of this process, for example that of a result store.
        unbounded: paths of theirs whose bodies they bound by themselves.
    """
    app = application(
        "poco scheduler",
        description=f"The scheduler of workerpool {scheduler.workerpool}.",
        registry=registry(scheduler),
        figures=scheduler.census.to_json,
        healthy=scheduler.health,
        max_body=_MAX_BODY_BYTES,
        larger={_SYNC: _MAX_REPORT_BYTES},
        unbounded=unbounded,
    )
    app.state.scheduler = scheduler
    calm = per_peer(_CHALLENGES_PER_MINUTE)
    own = (_of_workers(scheduler, calm), _of_requesters(scheduler, calm), _of_all(scheduler))
    for router in (*own, *routers):
        app.include_router(router)
    return app


def _of_workers(scheduler: Scheduler, calm: Any) -> APIRouter:
    router = APIRouter(tags=["workers"])
    reported = {"requestBody": _described(Report, _SYNC)}
    waiting = CapacityLimiter(_MAX_WAITING)

    @router.get("/workers/challenge", dependencies=[calm])
    def challenge(wallet: _Address) -> dict[str, str]:
        """Return 32 random bytes for a worker to sign."""
        address = checked_address("walletAddress", wallet)
        scheduler.desk.admit(address)
        return {"challenge": f"0x{scheduler.gate.challenge(address).hex()}"}

    @router.post("/workers/login", dependencies=[calm])
    def login(
        wallet: _Address, signature: Annotated[str, Body(embed=True, max_length=200)]
    ) -> dict[str, str]:
        """Return a token for the signature of the challenge."""
        address = checked_address("walletAddress", wallet)
        scheduler.desk.admit(address)
        return {"token": scheduler.gate.login(address, _signature(signature))}

    @router.post("/workers/register", status_code=204)
    def register(who: _Worker, capability: Capability) -> None:
        """Take note of what a worker can do."""
        scheduler.desk.register(who, capability)

    @router.post(_SYNC, openapi_extra=reported)
    async def sync(
        who: _Worker,
        report: Annotated[Report, Depends(_report)],
        wait: Annotated[float, Query(ge=0, le=60)] = 0.0,
    ) -> Response:
        """Take a worker's report, and say what it is to do; may stay open for `wait` seconds."""
        orders = await to_thread.run_sync(scheduler.desk.sync, who, report, wait, limiter=waiting)
        return JSONResponse(orders.to_json())

    return router


def _of_requesters(scheduler: Scheduler, calm: Any) -> APIRouter:
    router = APIRouter(tags=["logs"])

    @router.get("/tasks/logs/challenge", dependencies=[calm])
    def challenge(address: Annotated[str, Query(max_length=42)]) -> dict[str, Any]:
        """Return what a requester signs to read the logs of its tasks."""
        return scheduler.gate.log_challenge(checked_address("address", address))

    @router.get("/tasks/{task_id}/logs")
    def logs(task: _Task, who: _Reader) -> TaskLogsModel:
        """Return what the app wrote, to the requester of the task."""
        return scheduler.views.logs(task, who)

    @router.get("/tasks/{task_id}/replicates/{wallet}/logs")
    def replicate_logs(task: _Task, worker: _Wallet, who: _Reader) -> ComputeLogs:
        """Return what the app wrote at one worker, to the requester of the task."""
        return scheduler.views.logs(task, who, worker).compute_logs_list[0]

    return router


def _of_all(scheduler: Scheduler) -> APIRouter:
    router = APIRouter(tags=["public"])
    brief: dict[str, Any] = {"response_model_exclude_none": True}
    calm = per_peer(_LISTINGS_PER_MINUTE)

    @router.get("/tasks", dependencies=[calm], **brief)
    def tasks(
        base: _Base,
        status: Stage | None = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        offset: Annotated[int, Query(ge=0, le=2**40)] = 0,
    ) -> TaskPage:
        """Return tasks, the newest deals first."""
        stage = str(status) if status else ""
        return scheduler.views.tasks(stage=stage, limit=limit, offset=offset, base=base)

    @router.get("/tasks/{task_id}", **brief)
    def task(task: _Task, base: _Base) -> TaskModel:
        """Return a task, and why it waits."""
        return scheduler.views.task(task, base)

    @router.get("/tasks/{task_id}/replicates/{wallet}", **brief)
    def replicate(task: _Task, worker: _Wallet, base: _Base) -> ReplicateModel:
        """Return one worker's part in a task."""
        return scheduler.views.replicate(task, worker, base)

    @router.get("/deals/{deal_id}")
    def deal(deal: _Deal) -> DealModel:
        """Return how far a deal has come."""
        return scheduler.views.deal(deal)

    @router.get("/workers", dependencies=[calm], **brief)
    def workers() -> list[WorkerModel]:
        """Return the workers of the pool."""
        return scheduler.views.workers()

    @router.get("/", include_in_schema=False)
    def root() -> Response:
        return Response(status_code=307, headers={"Location": "/docs"})

    return router


def _signature(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise UserInputError(
            "0x and hex digits are needed", field="signature", value=text, remedy="sign again"
        ) from error
