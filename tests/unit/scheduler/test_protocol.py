"""What goes over the wire between workers and schedulers."""

from __future__ import annotations

from typing import Any

import pytest
from eth_hash.auto import keccak
from pydantic import ValidationError

from poco.errors import PeerError
from poco.market import development_account
from poco.orders import (
    ZERO_ADDRESS,
    DealId,
    TaskId,
    authorization_digest,
    personal_digest,
)
from poco.scheduler.protocol import (
    Assignment,
    Capability,
    Command,
    Order,
    Orders,
    ReplicateReport,
    ReplicateStatus,
    Report,
    TaskLogs,
    login_digest,
)

WORKER = development_account(5)
TASK = TaskId(keccak(b"task"))
ASSIGNMENT = Assignment(
    TASK,
    DealId(keccak(b"deal")),
    7,
    WORKER.address,
    bytes(range(65)),
    True,
    enclave_challenge=WORKER.address,
    block=12,
    results_url="http://results",
    secrets_url="http://secrets",
)
REPORT = Report(
    head=3,
    free=1,
    replicates=(
        ReplicateReport(
            task_id=TASK, status=ReplicateStatus.COMPUTE_FAILED, cause="X", exit_code=3
        ),
    ),
)


def test_assignment__there_and_back__is_the_same() -> None:
    assert Assignment.from_json(ASSIGNMENT.to_json()) == ASSIGNMENT


def test_assignment__in_json__has_the_names_of_the_original() -> None:
    leave = ASSIGNMENT.to_json()["workerpoolAuthorization"]
    assert leave == {
        "chainTaskId": f"0x{TASK.hex()}",
        "dealId": f"0x{keccak(b'deal').hex()}",
        "taskIndex": 7,
        "workerWallet": WORKER.address,
        "enclaveChallenge": WORKER.address,
        "signature": {"value": f"0x{bytes(range(65)).hex()}"},
    }
    assert ASSIGNMENT.to_json()["smsUrl"] == "http://secrets"


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {**ASSIGNMENT.to_json(), "workerpoolAuthorization": None},
        {**ASSIGNMENT.to_json(), "blockNumber": "many"},
        {
            **ASSIGNMENT.to_json(),
            "workerpoolAuthorization": {
                **ASSIGNMENT.to_json()["workerpoolAuthorization"],
                "chainTaskId": "0x12",
            },
        },
    ],
)
def test_assignment__malformed__is_a_fault_of_the_peer(document: Any) -> None:
    with pytest.raises(PeerError, match="well-formed assignment"):
        Assignment.from_json(document)


def test_orders__there_and_back__are_the_same() -> None:
    orders = Orders((ASSIGNMENT,), {TASK: Order(Command.ABORT, "CONSENSUS_REACHED")})
    assert Orders.from_json(orders.to_json()) == orders


@pytest.mark.parametrize(
    "document",
    [None, {}, {"assignments": [], "commands": {f"0x{TASK.hex()}": {"command": "DANCE"}}}],
)
def test_orders__malformed__are_a_fault_of_the_peer(document: Any) -> None:
    with pytest.raises(PeerError, match="well-formed orders"):
        Orders.from_json(document)


def test_report__there_and_back__is_the_same() -> None:
    document = REPORT.to_json()
    assert document["replicates"][0]["taskId"] == f"0x{TASK.hex()}"
    assert document["replicates"][0]["exitCode"] == 3
    assert Report.model_validate(document) == REPORT


def test_capability__there_and_back__is_the_same() -> None:
    capability = Capability(name="a", slots=2, app_types=("WASM",), tags=0x103, host="h")
    assert capability.to_json()["tags"] == "0x103"
    assert Capability.model_validate(capability.to_json()) == capability


@pytest.mark.parametrize(
    "values",
    [
        {"name": ""},
        {"name": "a", "slots": 0},
        {"name": "a", "tags": -1},
        {"name": "a", "tags": 2**256},
        {"name": "a", "host": "h" * 201},
    ],
)
def test_capability__out_of_range__is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Capability(**values)


@pytest.mark.parametrize("taskid", ["0x12", "0xzz", 7, bytes(31)])
def test_report__task_id_that_is_none__is_refused(taskid: Any) -> None:
    with pytest.raises(ValidationError, match="are needed"):
        ReplicateReport(task_id=taskid, status=ReplicateStatus.CREATED)


def test_logs__shown__hide_what_the_app_wrote() -> None:
    assert "secret" not in repr(TaskLogs(task_id=bytes(32), stdout="a secret", stderr="a secret"))


def test_login__challenge_that_is_a_leave__is_not_signed_as_one() -> None:
    """Else a scheduler could have its workers sign whatever else they may sign."""
    leave = keccak(bytes.fromhex(WORKER.address[2:]) + TASK + bytes(20))
    assert personal_digest(leave) == authorization_digest(WORKER.address, TASK, ZERO_ADDRESS)
    assert login_digest(leave) != personal_digest(leave)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_login__challenge_of_another_length__is_not_signed(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        login_digest(bytes(length))
