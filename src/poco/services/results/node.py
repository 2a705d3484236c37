"""The store as an IPFS node: the commands of kubo's HTTP API that clients of a market use.

| request | answer |
|---|---|
| ``POST /api/v0/add`` | a form with files; a line of JSON each: ``{"Name", "Hash", "Size"}`` |
| ``POST /api/v0/cat?arg=CID`` | the file; ``offset`` and ``length`` in bytes |
| ``POST /api/v0/version``, ``/api/v0/id`` | what this is |

Names are those of kubo's default, ``Qm…``; ``cid-version=1`` asks for ``bafy…``. As there, nobody
logs in: only callers from the networks of the policy are served, and no page of another site.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from poco import __version__
from poco.errors import ConfigurationError, PocoError, UserInputError
from poco.services.results.cids import ARCHIVE, V0, V1, Layout, Named, is_cid, peer_id
from poco.services.results.multipart import FormReader, Part
from poco.services.results.receiving import PATIENCE_SECONDS, pieces
from poco.services.results.results import Results
from poco.services.results.shelf import Draft
from poco.web import HttpError, status_of, told

__all__ = ["NodePolicy", "node_router"]

_MAX_FILES = 1_000
_DIRECTORIES = ("application/x-directory", "application/symlink")
_CHUNKER = f"size-{V0.chunk}"


@dataclass(frozen=True, slots=True)
class NodePolicy:
    """Who may add files, and how.

    Args:
        networks: addresses of callers, as CIDR; behind a proxy all callers have that of the proxy.
        at_once: requests that may bring files at the same time.
        patience: longest silence of one, seconds.

    Raises:
        ConfigurationError: a network is none.
    """

    networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    at_once: int = 4
    patience: float = PATIENCE_SECONDS

    def __post_init__(self) -> None:
        for network in self.networks:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise ConfigurationError(
                    f"a network is written as CIDR: {error}",
                    field="ipfs-allow",
                    value=network,
                    remedy="for example 10.0.0.0/8",
                ) from error

    async def check(self, request: Request) -> None:
        """Check that the caller is served.

        Raises:
            HttpError: 403.
        """
        host = request.client.host if request.client else ""
        if not self.allows(host):
            raise HttpError(
                HTTPStatus.FORBIDDEN,
                "the node serves callers from certain networks only",
                field="caller",
                value=host,
                remedy="ask its operator for `--ipfs-allow`",
            )
        origin = request.headers.get("origin", "")
        if origin and not _is_here(origin):
            raise HttpError(
                HTTPStatus.FORBIDDEN,
                "the node serves no pages of other sites",
                field="Origin",
                value=origin[:200],
                remedy="open the page from localhost",
            )

    def allows(self, host: str) -> bool:
        """Return whether an IP address is of one of the networks."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in ipaddress.ip_network(network) for network in self.networks)


@dataclass(frozen=True, slots=True)
class _Wishes:
    """How a caller wants its files to be kept."""

    layout: Layout
    pinned: bool
    only_last: bool


class _KuboRoute(APIRoute):
    """A route whose errors have the shape of kubo's."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except PocoError as error:
                headers = error.headers if isinstance(error, HttpError) else None
                return _failure(told(error), status_of(error), headers)
            except RequestValidationError as error:
                faults = (f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors())
                return _failure("; ".join(faults), HTTPStatus.BAD_REQUEST)

        return answer


def node_router(results: Results, policy: NodePolicy) -> APIRouter:
    """Make the routes, for an application whose bodies below ``/api/v0/`` are unbounded.

    What was added is served by the gateway of `results_router`.

    Args:
        results: the store.
        policy: who may add files.
    """
    router = APIRouter(
        prefix="/api/v0",
        tags=["IPFS node"],
        route_class=_KuboRoute,
        dependencies=[Depends(policy.check)],
    )
    places = threading.Semaphore(policy.at_once)  # not asyncio's: an app may be served in two loops

    @router.post("/add")
    async def add(request: Request, wishes: Annotated[_Wishes, Depends(_wishes)]) -> Response:
        """Keep the files of a form."""
        if not places.acquire(blocking=False):
            raise HttpError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{policy.at_once} callers bring files already",
                remedy="try again",
                headers={"Retry-After": "1"},
            )
        try:
            added = await _add(results, request, wishes, policy.patience)
        finally:
            places.release()
        lines = (json.dumps(line) + "\n" for line in (added[-1:] if wishes.only_last else added))
        return Response("".join(lines), media_type="application/json")

    @router.post("/cat")
    def cat(
        arg: Annotated[str, Query(max_length=200)],
        offset: Annotated[int, Query(ge=0)] = 0,
        length: Annotated[int, Query(ge=0)] = 2**63 - 1,
    ) -> Response:
        """Return a file."""
        cid = arg.removeprefix("/ipfs/")
        content = results.content(cid) if is_cid(cid) else None
        if content is None:
            raise HttpError(HTTPStatus.NOT_FOUND, "the node has no such file", value=cid)
        start = min(offset, content.size)
        part = min(length, content.size - start)
        headers = {"X-Content-Length": str(content.size), "X-Stream-Output": "1"}
        return StreamingResponse(
            results.read(content, start, part), headers=headers, media_type="text/plain"
        )

    @router.post("/version")
    def version() -> dict[str, str]:
        """Return what this is."""
        return {"Version": __version__, "Commit": "", "Repo": "", "System": "poco", "Golang": ""}

    @router.post("/id")
    def identity() -> dict[str, Any]:
        """Return who this is: a node without peers."""
        return {
            "ID": peer_id(hashlib.sha256(str(results.storage.folder.absolute()).encode()).digest()),
            "PublicKey": "",
            "Addresses": [],
            "AgentVersion": f"poco/{__version__}",
            "Protocols": [],
        }

    return router


def _wishes(
    cid_version: Annotated[int | None, Query(alias="cid-version", ge=0, le=1)] = None,
    raw_leaves: Annotated[bool | None, Query(alias="raw-leaves")] = None,
    chunker: Annotated[str, Query(max_length=100)] = _CHUNKER,
    pin: bool = True,
    quieter: bool = False,
    hash_: Annotated[str, Query(alias="hash", max_length=100)] = "sha2-256",
    wrap: Annotated[bool, Query(alias="wrap-with-directory")] = False,
    trickle: bool = False,
    inline: bool = False,
    only_hash: Annotated[bool, Query(alias="only-hash")] = False,
) -> _Wishes:
    """Read the options of ``add``; what would give other names than asked for is refused."""
    for layout in (V0, V1, ARCHIVE):
        if (
            layout.version == (cid_version or 0)
            and f"size-{layout.chunk}" == chunker
            and raw_leaves in (None, layout.version == 1)
            and hash_ == "sha2-256"
            and not (wrap or trickle or inline or only_hash)
        ):
            return _Wishes(layout, pin, quieter)
    raise UserInputError(
        f"files are cut into {_CHUNKER} (with cid-version=1 also size-{ARCHIVE.chunk}) and packed "
        "as `ipfs add` does: raw leaves with cid-version=1 only, sha2-256, no directories",
        field="add",
        remedy="leave the other options out",
    )


async def _add(
    results: Results, request: Request, wishes: _Wishes, patience: float
) -> list[dict[str, str]]:
    """Keep the files of a form in the order they come; those before a fault stay."""
    form = FormReader(request.headers.get("content-type", ""))
    added: list[dict[str, str]] = []
    body = _parts(form, request, patience)
    part = await anext(body, None)
    while isinstance(part, Part):
        if len(added) >= _MAX_FILES:
            raise UserInputError(f"a form may have {_MAX_FILES} files", field="body")
        if part.kind in _DIRECTORIES or "/" in part.filename:
            raise UserInputError(
                "the node keeps single files, no directories",
                field="filename",
                value=part.filename[:200],
                remedy="add the files one by one, or packed",
            )
        with results.shelf.draft() as draft:
            following = await _write(body, draft)
            named = await run_in_threadpool(
                results.shelf.add, draft, wishes.layout, pinned=wishes.pinned
            )
        added.append(_line(part, named))
        part = following
    if not added:
        raise UserInputError("a form with a file is needed", field="body")
    return added


async def _write(body: AsyncIterator[Part | bytes], draft: Draft) -> Part | None:
    """Write the content of a part; return the part that follows."""
    async for piece in body:
        if isinstance(piece, Part):
            return piece
        await run_in_threadpool(draft.write, piece)
    return None


async def _parts(
    form: FormReader, request: Request, patience: float
) -> AsyncIterator[Part | bytes]:
    async for piece in pieces(request, patience):
        for found in form.feed(piece):
            yield found
    form.close()


def _line(part: Part, named: Named) -> dict[str, str]:
    return {"Name": part.filename or named.cid, "Hash": named.cid, "Size": str(named.size)}


def _failure(
    message: str, status: HTTPStatus, headers: Mapping[str, str] | None = None
) -> Response:
    return JSONResponse({"Message": message, "Code": 0, "Type": "error"}, status, headers)


def _is_here(origin: str) -> bool:
    """Return whether a page comes from this host."""
    try:
        host = urlsplit(origin).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
