"""What every HTTP service does alike."""

from __future__ import annotations

import socket
import subprocess
import sys

import httpx
import pytest
from fastapi import Request, Response
from prometheus_client import CollectorRegistry, Counter

from poco import __version__, web
from poco.errors import (
    ChainError,
    ConfigurationError,
    ContractError,
    InternalError,
    PocoError,
    UserInputError,
)


def faulty(error):
    """Return a service whose only page raises."""
    app = web.application("test")

    @app.get("/fault")
    def fault() -> None:
        raise error

    return app


def echo(**options):
    """Return a service that answers with the length of what it is sent."""
    app = web.application("test", max_body=100, **options)

    @app.post("/echo")
    @app.post("/large")
    async def length(request: Request) -> int:
        return len(await request.body())

    return app


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UserInputError("a rule", field="name", value=1), 400),
        (web.HttpError(409, "a rule"), 409),
        (ContractError("Match_Rule", {"max": 1}), 503),
        (PocoError("a rule"), 500),
    ],
)
def test_service__handler_raises__answers_with_the_message_and_its_status(error, status):
    with web.serving(faulty(error)) as url:
        answer = httpx.get(f"{url}/fault")
    assert (answer.status_code, answer.json()) == (status, {"error": str(error)})


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ChainError("a rule", field="rpc_url", value="https://node/key"), 503),
        (ConfigurationError("a rule", field="database", value="key"), 503),
        (InternalError("a rule with a key"), 500),
    ],
)
def test_service__fault_of_the_operator__is_told_to_nobody_else(error, status, caplog):
    with web.serving(faulty(error)) as url:
        answer = httpx.get(f"{url}/fault")
    assert answer.status_code == status
    assert "key" not in answer.text
    assert "its operator" in answer.json()["error"]
    assert str(error) in caplog.text


def test_service__refusal_with_headers__sends_them():
    error = web.HttpError(429, "a rule", headers={"Retry-After": "7"})
    with web.serving(faulty(error)) as url:
        answer = httpx.get(f"{url}/fault")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


def test_service__malformed_parameter__names_it():
    app = web.application("test")

    @app.get("/double")
    def double(number: int) -> int:
        return 2 * number

    with web.serving(app) as url:
        answer = httpx.get(f"{url}/double", params={"number": "x"})
    assert answer.status_code == 400
    assert "query.number" in answer.json()["error"]


@pytest.mark.parametrize("chunked", [False, True])
def test_service__body_over_the_limit__is_refused(chunked):
    body = iter([b"x" * 60, b"x" * 60]) if chunked else b"x" * 120
    with web.serving(echo()) as url:
        answer = httpx.post(f"{url}/echo", content=body)
    assert (answer.status_code, answer.json()) == (413, {"error": "a body may have 100 bytes"})


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("DELETE", "/echo", 405)]
)
def test_service__no_such_route__is_an_error_like_any_other(method, path, status):
    with web.serving(echo()) as url:
        answer = httpx.request(method, url + path)
    assert answer.status_code == status
    assert answer.json().keys() == {"error"}


def test_service__body_at_the_limit__is_read():
    with web.serving(echo()) as url:
        assert httpx.post(f"{url}/echo", content=b"x" * 100).json() == 100


NESTED = """
import sys
import httpx
from typing import Any
from fastapi import Body
from poco.web import application, serving
sys.setrecursionlimit(100_000)  # what importing py_ecc does
app = application("test")
@app.post("/")
def page(body: Any = Body()) -> None: pass
with serving(app) as url:
    headers = {"Content-Type": "application/json"}
    print(httpx.post(url, content=b"[" * 1_000_000, headers=headers).status_code)
"""


def test_service__nested_body__does_not_end_the_process():
    done = subprocess.run([sys.executable, "-c", NESTED], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "400\n"), done.stderr


def test_service__path_that_bounds_its_own_body__is_left_alone():
    with web.serving(echo(unbounded=("/large",))) as url:
        assert httpx.post(f"{url}/large", content=b"x" * 5_000).json() == 5_000


def test_service__path_with_a_limit_of_its_own__has_that_one():
    with web.serving(echo(larger={"/large": 200})) as url:
        codes = [
            httpx.post(url + path, content=b"x" * size).status_code
            for path, size in (("/echo", 101), ("/large", 200), ("/large", 201))
        ]
    assert codes == [413, 200, 413]


def test_service__caller_hangs_up_in_its_body__is_not_an_error_of_the_service(caplog):
    with web.serving(echo()) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=60) as line:
            line.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nx")
        assert httpx.post(f"{url}/echo", content=b"x" * 7).json() == 7
    assert caplog.records == []


def test_service__any_page__announces_refusals():
    with web.serving(echo()) as url:
        pages = httpx.get(f"{url}/openapi.json").json()["paths"]
    answers = pages["/echo"]["post"]["responses"]
    assert answers.keys() == {"200", "default"}
    assert "error" in str(answers["default"]["content"]["application/json"]["schema"])


def test_service__version_and_health__are_told():
    with web.serving(web.application("test", healthy=lambda: {"block": 7})) as url:
        assert httpx.get(f"{url}/version").text == __version__
        assert httpx.get(f"{url}/health").json() == {"status": "ok", "block": 7}


def test_service__not_healthy_and_errors_answered_otherwise__answers_503():
    def away():
        raise ConfigurationError("must answer", field="database")

    app = web.application("test", healthy=away)

    @app.exception_handler(ConfigurationError)
    async def _answer(_: Request, error: Exception) -> Response:
        return Response(status_code=500)

    with web.serving(app) as url:
        assert httpx.get(f"{url}/health").status_code == 503


def test_service__not_healthy__answers_503():
    def away():
        raise ChainError("the node does not answer")

    with web.serving(web.application("test", healthy=away)) as url:
        assert httpx.get(f"{url}/health").status_code == 503


def test_service__metrics__are_in_the_format_of_prometheus():
    registry = CollectorRegistry()
    Counter("tasks", "Tasks.", registry=registry).inc()
    with web.serving(web.application("test", registry=registry)) as url:
        assert "tasks_total 1.0" in httpx.get(f"{url}/metrics").text


def test_service__metrics_asked_for_as_json__are_the_figures():
    json = {"Accept": "application/json"}
    with web.serving(web.application("test", registry=CollectorRegistry())) as url:
        assert httpx.get(f"{url}/metrics", headers=json).text == ""  # it has no others
    app = web.application("test", registry=CollectorRegistry(), figures=lambda: {"n": 1})
    with web.serving(app) as url:
        assert httpx.get(f"{url}/metrics", headers=json).json() == {"n": 1}
        assert httpx.get(f"{url}/metrics").text == ""


def test_service__port_is_taken__says_which():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigurationError, match=f"127.0.0.1:{port}"),
            web.serving(web.application("test"), port=port),
        ):
            pass


def test_service__made_with_its_url__knows_where_it_is():
    def make(url):
        app = web.application("test")
        app.get("/where")(lambda: url)
        return app

    with web.serving(make) as url:
        assert httpx.get(f"{url}/where").json() == url


def test_service__block_ends__does_not_answer_any_more():
    with web.serving(web.application("test")) as url:
        pass
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
