"""A web server whose answers each test writes itself, and a worker that fetches from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from poco.appio import Cause
from poco.fetching import FetchedFile, Fetcher, FetchPolicy

CAUSE = Cause.INPUT_FILES_DOWNLOAD_FAILED
Answer = Callable[[BaseHTTPRequestHandler], None]


def reply(content: bytes = b"", status: int = 200, **headers: str) -> Answer:
    """Answer with a whole message; underscores in the names of headers are hyphens."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content_Length": str(len(content)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(content)

    return answer


@dataclass
class Server:
    """A server that answers the requests for a path in turn, the last answer for ever."""

    url: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[tuple[str, Message]] = field(default_factory=list)

    def on(self, path: str, *answers: Answer) -> str:
        """Set the answers for a path and return its URL."""
        self.answers[path] = list(answers)
        return self.url + path

    def asked(self, header: str) -> list[str | None]:
        """Return the values of a header in all requests so far."""
        return [headers[header] for _, headers in self.requests]


def serve(server: Server) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            server.requests.append((self.path, self.headers))
            answers = server.answers.get(self.path, [reply(status=404)])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            answer(self)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@dataclass
class Worker:
    """Fetches one file after the other into a folder, and never really sleeps."""

    folder: Path
    policy: FetchPolicy = field(default_factory=lambda: FetchPolicy(allow_private=True))
    addresses: dict[str, list[list[str]]] = field(default_factory=dict)
    sleeps: list[float] = field(default_factory=list)

    @property
    def fetcher(self) -> Fetcher:
        if not self.addresses:
            return Fetcher(self.policy, sleep=self.sleeps.append)
        return Fetcher(self.policy, sleep=self.sleeps.append, resolve=self.resolve)

    def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of a name, each time the next ones."""
        return self.addresses[host].pop(0) if host in self.addresses else [host]

    def fetch(
        self, url: str, *, cause: Cause = CAUSE, checksum: bytes | None = None
    ) -> FetchedFile:
        return self.fetcher.fetch(url, self.folder / "file", cause=cause, checksum=checksum)

    @property
    def content(self) -> bytes:
        return (self.folder / "file").read_bytes()
