"""The scheduler's HTTP face, and a client of it; the messages are those of `protocol`.

It is meant for one machine or a network of friends: it speaks plain HTTP, and whoever reaches it
can ask for work in a worker's name. What that yields is of use to this worker only.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from eth_typing import ChecksumAddress

from poco.errors import ChainError, PeerError, PocoError, UserInputError
from poco.http_server import listen, serving
from poco.orders import TaskId, checked_address
from poco.scheduler.protocol import Assignment
from poco.scheduler.scheduler import Scheduler

__all__ = ["SchedulerClient", "serve_scheduler"]

_AVAILABLE = "/replicates/available"
_RESULTS = "/v2/results/"
_TIMEOUT_SECONDS = 60.0


@contextmanager
def serve_scheduler(
    make: Callable[[str], Scheduler], *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[Scheduler]:
    """Answer workers and requesters until the block ends.

    Args:
        make: makes the scheduler, given the URL it is reached at.
        host: interface to listen on.
        port: TCP port; 0 takes a free one.

    Raises:
        ConfigurationError: the port is taken.
    """
    face = _Face()
    with serving(listen(host, port, partial(_Handler, face))) as url:
        face.scheduler = make(url)
        yield face.scheduler


class _Face:
    """Hands the scheduler to the handlers, once there is one."""

    scheduler: Scheduler | None = None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _TIMEOUT_SECONDS

    def __init__(self, face: _Face, *arguments: Any) -> None:
        self._face = face
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer with an assignment or an archive."""
        self._answer(self._get)

    def do_HEAD(self) -> None:
        """Answer whether an archive is stored."""
        self._answer(self._get)

    def do_PUT(self) -> None:
        """Take an archive."""
        self._answer(self._put)

    def log_message(self, *_: Any) -> None:
        """Stay silent; the scheduler reports what it does."""

    def _answer(self, respond: Callable[[Scheduler], None]) -> None:
        try:
            if self._face.scheduler is None:
                raise PeerError("the scheduler is starting", remedy="ask again in a moment")
            respond(self._face.scheduler)
        except ChainError as error:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, error)
        except PocoError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, error)
        except ConnectionError:
            self.close_connection = True

    def _refuse(self, status: HTTPStatus, error: PocoError) -> None:
        self.close_connection = True  # what is left of the request is not read
        self._send(status, json.dumps({"error": str(error)}).encode())

    def _get(self, scheduler: Scheduler) -> None:
        url = urlsplit(self.path)
        if url.path == _AVAILABLE:
            worker = checked_address(
                "walletAddress", parse_qs(url.query).get("walletAddress", [""])[0]
            )
            assignment = scheduler.ask(worker)
            if assignment is None:
                self._send(HTTPStatus.NO_CONTENT)
            else:
                self._send(HTTPStatus.OK, json.dumps(assignment.to_json()).encode())
            return
        stored = scheduler.result(self._taskid(url.path))
        if stored is None:
            self._send(HTTPStatus.NOT_FOUND, b'{"error": "there is no such result"}')
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/zip")
        self.send_header("Content-Length", str(stored.path.stat().st_size))
        self.end_headers()
        if self.command != "HEAD":
            with stored.path.open("rb") as file:
                shutil.copyfileobj(file, self.wfile)

    def _put(self, scheduler: Scheduler) -> None:
        taskid = self._taskid(urlsplit(self.path).path)
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal():
            raise UserInputError("an upload says how long it is", field="Content-Length")
        signature = _hex("Authorization", self.headers.get("Authorization", ""))
        link = scheduler.receive(taskid, self.rfile, int(size), signature)
        self._send(HTTPStatus.CREATED, link)

    def _taskid(self, path: str) -> TaskId:
        if not path.startswith(_RESULTS):
            raise UserInputError(
                "there is no such resource", field="path", value=path, remedy="see the protocol"
            )
        return TaskId(_hex("taskid", path.removeprefix(_RESULTS), 32))

    def _send(self, status: HTTPStatus, body: bytes = b"") -> None:
        self.send_response(status)
        if status is not HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class SchedulerClient:
    """A scheduler at a URL, as a worker sees it; see `SchedulerPort`.

    Args:
        url: root URL, or what tells it anew for each request.
    """

    def __init__(self, url: str | Callable[[], str]) -> None:
        self._locate: Callable[[], str] = (lambda: url) if isinstance(url, str) else url
        # No proxy of the environment: schedulers are reached directly.
        self._client = httpx.Client(timeout=_TIMEOUT_SECONDS, trust_env=False)

    def ask(self, worker: ChecksumAddress) -> Assignment | None:
        """Ask for work; see `SchedulerPort.ask`."""
        answer = self._request("GET", _AVAILABLE, params={"walletAddress": worker})
        if answer.status_code == HTTPStatus.NO_CONTENT:
            return None
        try:
            return Assignment.from_json(answer.json())
        except ValueError as error:
            raise _fault(str(answer.url), "the scheduler must answer in JSON") from error

    def has_result(self, taskid: TaskId) -> bool:
        """Return whether an archive is stored; see `SchedulerPort.has_result`."""
        answer = self._request("HEAD", f"{_RESULTS}0x{taskid.hex()}", accept=HTTPStatus.NOT_FOUND)
        return answer.status_code == HTTPStatus.OK

    def upload(self, taskid: TaskId, archive: Path, signature: bytes) -> bytes:
        """Hand over an archive; see `SchedulerPort.upload`."""
        headers = {"Content-Type": "application/zip", "Authorization": f"0x{signature.hex()}"}
        headers["Content-Length"] = str(archive.stat().st_size)
        with archive.open("rb") as file:
            path = f"{_RESULTS}0x{taskid.hex()}"
            return self._request("PUT", path, content=file, headers=headers).content

    def _request(
        self, method: str, path: str, *, accept: HTTPStatus | None = None, **options: Any
    ) -> httpx.Response:
        url = self._locate().rstrip("/")
        try:
            answer = self._client.request(method, url + path, **options)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _fault(url, f"the scheduler does not answer: {error}") from error
        if answer.is_success or answer.status_code == accept:
            return answer
        try:
            reason = str(answer.json()["error"])
        except (ValueError, KeyError, TypeError):
            reason = f"HTTP status {answer.status_code}"
        raise _fault(url, f"the scheduler refuses: {reason}")


def _fault(url: str, rule: str) -> PeerError:
    return PeerError(
        rule,
        field="scheduler",
        value=url,
        remedy="start it with `ape run workerpool`, or name its URL",
    )


def _hex(field: str, text: str, length: int | None = None) -> bytes:
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise UserInputError("0x and hex digits are needed", field=field, value=text) from error
    if length is not None and len(value) != length:
        raise UserInputError(f"{length} bytes are needed", field=field, value=text)
    return value
