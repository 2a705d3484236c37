"""What schedulers and compasses of others answer is shown, and never trusted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from eth_account import Account
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from poco.errors import PeerError
from poco.market.reports import Reporter, TaskReport, find_scheduler
from poco.orders import TaskId, recover_signer
from poco.web import serving

TASK = TaskId(bytes(range(32)))
POOL = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
REQUESTER = Account.from_key(b"\x01" * 32)
TEXT = "please sign me"
CHALLENGE_DIGEST = "e83baa7199a7d038f366cc9c72dfb7a5fb04aa7d9e17c261b40ee495d832c919"
"""Of Challenge(TEXT) in the domain "iExec Core", "1", 31337 (EIP-712)."""


@contextmanager
def answering(answer: Any) -> Iterator[str]:
    """Serve an answer, whatever is asked for; it may depend on the request."""
    app = FastAPI()

    @app.get("/{path:path}")
    def everything(request: Request) -> Response:
        if isinstance(answer, Response):
            return answer
        return JSONResponse(answer(request) if callable(answer) else answer)

    with serving(app) as url:
        yield url


def test_find_scheduler__known_pool__is_its_url() -> None:
    with answering(lambda request: {"apiUrl": str(request.url.path)}) as url:
        assert find_scheduler(url, 31337, POOL) == f"/31337/workerpools/{POOL}"


def test_find_scheduler__unknown_pool__is_nothing() -> None:
    with answering(JSONResponse({"error": "unknown"}, 404)) as url:
        assert find_scheduler(url, 31337, POOL) is None


def test_find_scheduler__nobody_answers__names_the_compass() -> None:
    with pytest.raises(PeerError, match=r"compass = .*the compass does not answer"):
        find_scheduler("http://127.0.0.1:1", 31337, POOL)


def test_report__task_that_waits__has_the_shape_of_the_official_client_and_the_reason() -> None:
    told = {
        "currentStatus": "RUNNING",
        "blockedReason": "no worker covers the tag gpu",
        "dateStatusList": [{"status": "RECEIVED", "date": "2026-01-01"}],
        "replicates": [{"walletAddress": POOL, "currentStatus": "CREATED", "appExitCode": None}],
    }
    with answering(told) as url, Reporter(url) as reporter:
        found = reporter.report(TASK)
    assert found == TaskReport(told)
    assert found.to_json() == {
        "task": {
            "status": "RUNNING",
            "statusHistory": [{"status": "RECEIVED", "date": "2026-01-01"}],
            "blockedReason": "no worker covers the tag gpu",
        },
        "replicates": [
            {"worker": POOL, "exitCode": None, "status": "CREATED", "statusHistory": []}
        ],
    }


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Response("<html>", media_type="text/html"), "must answer with a JSON object"),
        ([1], "must answer with a JSON object"),
        (JSONResponse({"error": "not you"}, 403), "refuses: 403 not you"),
        (Response(bytes(17 * 1024**2)), "more than 16777216 bytes"),
        (Response(b"[" * 10**5), "must answer with a JSON object"),
    ],
    ids=["no JSON", "a list", "a refusal", "too large", "too deep"],
)
def test_report__strange_answer__is_told_in_one_line(answer: Any, told: str) -> None:
    with answering(answer) as url, Reporter(url) as reporter, pytest.raises(PeerError, match=told):
        reporter.report(TASK)


def test_report__replicates_that_are_none__are_told_in_one_line() -> None:
    told = {"replicates": "many", "dateStatusList": None}
    with answering(told) as url, Reporter(url) as reporter:
        found = reporter.report(TASK)
        assert found is not None
        assert found.to_json()["replicates"] == []


def test_logs__scheduler_wants_an_order_signed__only_a_challenge_is_signed() -> None:
    """A scheduler chooses the text of the challenge, not what kind of thing is signed."""
    seen: list[str] = []

    def answer(request: Request) -> dict[str, Any]:
        if "challenge" in str(request.url.path):
            return {
                "primaryType": "AppOrder",
                "types": {"AppOrder": [{"name": "challenge", "type": "string"}]},
                "domain": {"name": "iExecODB", "version": "5", "chainId": 31337},
                "message": {"challenge": TEXT},
            }
        seen.append(request.headers["authorization"])
        return {"computeLogsList": [{"walletAddress": POOL, "stdout": "out", "stderr": ""}]}

    with answering(answer) as url, Reporter(url) as reporter:
        [logs] = reporter.logs(TASK, REQUESTER, 31337)
    assert logs.to_json() == {"worker": POOL, "stdout": "out", "stderr": ""}
    hashed, signature, address = seen[0].split("_")
    digest = bytes.fromhex(hashed[2:])
    assert digest.hex() == CHALLENGE_DIGEST
    assert recover_signer(digest, bytes.fromhex(signature[2:])) == address == REQUESTER.address


def test_logs__no_challenge__is_told_in_one_line() -> None:
    refused = pytest.raises(PeerError, match="must offer a challenge")
    with answering({"message": 1}) as url, Reporter(url) as reporter, refused:
        reporter.logs(TASK, REQUESTER, 31337)
