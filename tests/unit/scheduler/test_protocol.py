"""What goes over the wire between workers and schedulers."""

from __future__ import annotations

from typing import Any

import pytest
from eth_hash.auto import keccak

from poco.errors import PeerError
from poco.market import development_account
from poco.orders import DealId, TaskId
from poco.scheduler import Assignment, sign_upload
from poco.scheduler.protocol import upload_signer

WORKER = development_account(5)
TASK = TaskId(keccak(b"task"))
ASSIGNMENT = Assignment(TASK, DealId(keccak(b"deal")), 7, WORKER.address, bytes(range(65)), True)


def test_assignment__there_and_back__is_the_same() -> None:
    assert Assignment.from_json(ASSIGNMENT.to_json()) == ASSIGNMENT


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {**ASSIGNMENT.to_json(), "workerpoolAuthorization": None},
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


def test_upload__signature__names_the_worker_for_this_archive_only() -> None:
    signature = sign_upload(WORKER, TASK, keccak(b"zip"))
    assert upload_signer(TASK, keccak(b"zip"), signature) == WORKER.address
    assert upload_signer(TASK, keccak(b"other"), signature) != WORKER.address
    assert upload_signer(TASK, keccak(b"zip"), b"") is None
