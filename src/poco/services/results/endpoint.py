"""The HTTP face of the result store.

| request | answer |
|---|---|
| ``PUT /v2/results/{task}`` | 201 and the result link, or 202 and ``{"offset": …}``: go on |
| ``GET /v2/results/{task}`` | the archive that the chain has confirmed |
| ``GET /v2/results/{task}/link?digest=0x…`` | the result link of a stored archive |
| ``GET /ipfs/{cid}`` | a file, as an IPFS gateway serves it |

Downloads can be continued (``Range``), and so can uploads (``Content-Range``): a `PUT` with
``Content-Range: bytes */SIZE`` and no body asks how much is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from prometheus_client import CollectorRegistry, Counter, Gauge
from starlette.concurrency import run_in_threadpool

from poco.errors import PocoError
from poco.orders import TaskId
from poco.services.results.catalog import Content
from poco.services.results.cids import is_cid
from poco.services.results.headers import Span, hex_bytes, read_range, read_upload
from poco.services.results.node import NodePolicy, node_router
from poco.services.results.proxy import ResultProxy, proxy_router
from poco.services.results.receiving import PATIENCE_SECONDS, pieces
from poco.services.results.results import Results
from poco.services.results.uploads import Upload
from poco.web import HttpError, application, status_of
from poco.web_limits import per_peer

__all__ = ["results_app", "results_router"]

_BYTES, _ZIP = "application/octet-stream", "application/zip"
_FILES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {_ZIP: {}, _BYTES: {}}}
}
_UNBOUNDED = ("/v2/results/", "/v1/results", "/api/v0/")
_UPLOADS_PER_MINUTE = 6_000
"""Each asks the chain; many workers may share one IP address."""


def results_app(
    results: Results,
    *,
    patience: float = PATIENCE_SECONDS,
    node: NodePolicy | None = None,
    per_minute: int = _UPLOADS_PER_MINUTE,
) -> FastAPI:
    """Make the application of a result store of its own, with the original's result proxy.

    Args:
        results: the store.
        patience: longest silence during an upload, seconds.
        node: who may add files as to an IPFS node; None for nobody.
        per_minute: uploads that one IP address may begin or continue per minute.
    """
    registry = CollectorRegistry()
    app = application(
        "poco results",
        description="Keeps the results of a market.",
        registry=registry,
        healthy=lambda: _health(results),
        unbounded=_UNBOUNDED,
    )
    app.include_router(
        results_router(results, patience=patience, registry=registry, per_minute=per_minute)
    )
    app.include_router(proxy_router(ResultProxy(results), per_minute=per_minute))
    if node is not None:
        app.include_router(node_router(results, node))
    return app


def results_router(
    results: Results,
    *,
    patience: float = PATIENCE_SECONDS,
    registry: CollectorRegistry | None = None,
    per_minute: int = _UPLOADS_PER_MINUTE,
) -> APIRouter:
    """Make the routes, for an application whose bodies below ``/v2/results/`` are unbounded.

    Args:
        results: the store.
        patience: longest silence during an upload, seconds.
        registry: where to count; None counts nowhere.
        per_minute: uploads that one IP address may begin or continue per minute.
    """
    router = APIRouter(tags=["results"])
    uploads = Counter(
        "poco_results_uploads", "Uploads by HTTP status", ["status"], registry=registry
    )
    size = Gauge("poco_results_bytes", "Bytes of the files that are kept", registry=registry)
    size.set_function(lambda: results.catalog.usage()[1])

    @router.put("/v2/results/{task}", dependencies=[per_peer(per_minute)])
    async def upload(task: str, request: Request) -> Response:
        """Take an archive, or a part of it, from its worker."""
        try:
            answer = await _upload(results, task, request, patience)
        except PocoError as error:
            uploads.labels(int(status_of(error))).inc()
            raise
        uploads.labels(answer.status_code).inc()
        return answer

    @router.get("/v2/results/{task}/link")
    def link(task: str, digest: str = Query()) -> Response:
        """Return the result link of an archive."""
        taskid = TaskId(hex_bytes("task", task, 32))
        found = results.find(taskid, hex_bytes("digest", digest, 32))
        if found is None:
            raise _missing("result", digest)
        return Response(found, media_type="application/json")

    @router.head("/v2/results/{task}", include_in_schema=False)
    @router.get("/v2/results/{task}", response_class=Response, responses=_FILES)
    def archive(task: str, request: Request) -> Response:
        """Return the archive of a task whose digest the chain has confirmed."""
        record = results.of_task(TaskId(hex_bytes("task", task, 32)))
        content = None if record is None else results.content(record.cid)
        if record is None or content is None:
            raise _missing("result of the task", task)
        return _file(results, content, f"{record.task}.zip", request)

    @router.head("/ipfs/{cid}", include_in_schema=False)
    @router.get("/ipfs/{cid}", response_class=Response, responses=_FILES)
    def file(cid: str, request: Request) -> Response:
        """Return a file by its content id."""
        content = results.content(cid) if is_cid(cid) else None
        if content is None:
            raise _missing("file", cid)
        return _file(results, content, cid if content.pinned else f"{cid}.zip", request)

    return router


async def _upload(results: Results, task: str, request: Request, patience: float) -> Response:
    asked, offset = read_upload(task, request.headers)
    with ExitStack() as stack:
        target = await run_in_threadpool(stack.enter_context, results.uploading(asked))
        if isinstance(target, bytes):
            return _created(target)
        if offset is not None:
            if offset != target.offset:
                raise HttpError(
                    HTTPStatus.CONFLICT,
                    f"the next byte to come is that at {target.offset}",
                    field="Content-Range",
                    value=offset,
                    remedy="ask with `Content-Range: bytes */SIZE`, and go on from there",
                )
            await _receive(request, target, patience)
        if target.offset < asked.size:
            return JSONResponse({"offset": target.offset}, HTTPStatus.ACCEPTED)
        return _created(await run_in_threadpool(results.accept, target))


async def _receive(request: Request, target: Upload, patience: float) -> None:
    """Write the body; what came stays when the line breaks or falls silent."""
    async for piece in pieces(request, patience):
        await run_in_threadpool(target.write, piece)


def _created(link: bytes) -> Response:
    return Response(link, HTTPStatus.CREATED, media_type="application/json")


def _file(results: Results, content: Content, name: str, request: Request) -> Response:
    tag, kind = f'"{content.cid}"', _BYTES if content.pinned else _ZIP
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": tag,
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
    }
    if tag in request.headers.get("if-none-match", ""):
        return Response(None, HTTPStatus.NOT_MODIFIED, headers)
    span = None
    if request.headers.get("if-range", tag) == tag:
        span = read_range(request.headers.get("range"), content.size)
    status = HTTPStatus.OK if span is None else HTTPStatus.PARTIAL_CONTENT
    span = span or Span(0, content.size)
    if status is HTTPStatus.PARTIAL_CONTENT:
        last = span.start + span.length - 1
        headers["Content-Range"] = f"bytes {span.start}-{last}/{content.size}"
    headers["Content-Length"] = str(span.length)
    if request.method == "HEAD":
        return Response(None, status, headers, media_type=kind)
    body = results.read(content, span.start, span.length)
    return StreamingResponse(body, status, headers, media_type=kind)


def _missing(what: str, value: str) -> HttpError:
    return HttpError(HTTPStatus.NOT_FOUND, f"there is no such {what}", value=value[:80])


def _health(results: Results) -> Mapping[str, object]:
    count, size = results.catalog.usage()
    return {"files": count, "bytes": size, "quota": results.quotas.total}
