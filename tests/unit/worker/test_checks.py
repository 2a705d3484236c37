"""Why a worker does not take up a task: each rule, and what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from worker_cases import DEAL, IN_ONE_STEP, LEAVE, OTHER, WORKER

from poco.contracts import AppEntry, Deal, Resource
from poco.orders import GPU, TEE, ZERO_ADDRESS, DealId, Tag
from poco.scheduler.protocol import Assignment
from poco.worker.checks import Facts, why_refuse

SIDE = Resource(OTHER, OTHER, 1)
TERMS = Deal(
    DEAL,
    app=SIDE,
    dataset=Resource(ZERO_ADDRESS, ZERO_ADDRESS, 0),
    workerpool=SIDE,
    trust=1,
    category=0,
    tag=Tag(0),
    requester=OTHER,
    beneficiary=OTHER,
    callback=ZERO_ADDRESS,
    params="",
    start_time=0,
    bot_first=0,
    bot_size=8,
    worker_stake=30,
    scheduler_reward_ratio=1,
    sponsor=OTHER,
)
FACTS = Facts(
    worker=WORKER,
    deal=TERMS,
    app=AppEntry(OTHER, OTHER, "app", "WASM", b"", bytes(32), b""),
    authorizer=OTHER,
    is_authorized=True,
    free_stake=30,
    gas=10,
    gas_needed=10,
    free_disk=100,
    disk_needed=100,
    app_types=("WASM",),
    tags=TEE | GPU,
)
ENCLAVE = replace(LEAVE, enclave_challenge=OTHER, secrets_url="http://secrets")


@pytest.mark.parametrize(
    ("leave", "deal"),
    [
        (LEAVE, {}),
        (IN_ONE_STEP, {"worker_stake": 31}),
        (ENCLAVE, {"tag": TEE}),
        (LEAVE, {"tag": GPU}),
    ],
    ids=["standard", "in one step", "enclave", "gpu"],
)
def test_why_refuse__all_is_well__says_nothing(leave: Assignment, deal: dict[str, Any]) -> None:
    assert why_refuse(leave, replace(FACTS, deal=replace(TERMS, **deal))) is None


@pytest.mark.parametrize(
    ("leave", "facts", "deal", "cause", "said"),
    [
        (LEAVE, {"deal": None}, {}, "TASK_DESCRIPTION_NOT_FOUND", "a deal on this chain"),
        (replace(LEAVE, index=8), {}, {}, "TASK_DESCRIPTION_NOT_FOUND", "a deal on this chain"),
        (
            LEAVE,
            {"worker": OTHER},
            {},
            "WORKERPOOL_AUTHORIZATION_NOT_FOUND",
            f"for {WORKER}, not for {OTHER}",
        ),
        (
            LEAVE,
            {"is_authorized": False},
            {},
            "WORKERPOOL_AUTHORIZATION_NOT_FOUND",
            f"{OTHER} must have signed",
        ),
        (IN_ONE_STEP, {}, {"trust": 2}, "TRUST_NOT_1", "this one has 2"),
        (
            LEAVE,
            {},
            {"params": '{"iexec_result_encryption": true}'},
            "TASK_DESCRIPTION_INVALID",
            "names no secret service",
        ),
        (ENCLAVE, {"tags": Tag(0)}, {"tag": TEE}, "TEE_NOT_SUPPORTED", "no enclave"),
        (
            replace(ENCLAVE, enclave_challenge=ZERO_ADDRESS),
            {},
            {"tag": TEE},
            "TEE_NOT_SUPPORTED",
            "no enclave challenge",
        ),
        (replace(ENCLAVE, secrets_url=""), {}, {"tag": TEE}, "UNKNOWN_SMS", "no secret service"),
        (replace(ENCLAVE, secrets_url=""), {}, {}, "UNKNOWN_SMS", "no secret service"),
        (LEAVE, {"tags": TEE}, {"tag": GPU}, "GPU_NOT_SUPPORTED", "--gpu"),
        (LEAVE, {"app_types": ()}, {}, "APP_TYPE_NOT_SUPPORTED", "runs no apps, not WASM"),
        (LEAVE, {"free_disk": 99}, {}, "NOT_ENOUGH_DISK", "99 bytes of disk are free, 100 must"),
        (LEAVE, {"gas": 9}, {}, "OUT_OF_GAS", "has 9 wei and its transactions may cost 10 wei"),
        (LEAVE, {"free_stake": 29}, {}, "STAKE_TOO_LOW", "locks 30 nRLC and only 29 nRLC are free"),
    ],
)
def test_why_refuse__rule_is_broken__names_cause_and_values(
    leave: Assignment, facts: dict[str, Any], deal: dict[str, Any], cause: str, said: str
) -> None:
    known = {"deal": replace(TERMS, **deal)} | facts
    refusal = why_refuse(leave, replace(FACTS, **known))
    assert refusal is not None
    assert refusal.cause == cause
    assert said in refusal.message


def test_why_refuse__params_malformed__is_left_to_the_error_result() -> None:
    malformed = replace(TERMS, params='{"iexec_args": 7}')
    assert why_refuse(LEAVE, replace(FACTS, deal=malformed)) is None


def test_why_refuse__task_of_another_deal__is_not_believed() -> None:
    other = replace(TERMS, dealid=DealId(bytes(32)))
    refusal = why_refuse(LEAVE, replace(FACTS, deal=other))
    assert refusal is not None
    assert refusal.cause == "TASK_DESCRIPTION_NOT_FOUND"


@pytest.mark.parametrize(
    ("multiaddr", "said"),
    [(b"http://host/app.wasm", None), (b"org/app:1", "this worker runs WASM apps, not DOCKER")],
)
def test_why_refuse__docker_app__is_a_module_when_its_address_says_so(
    multiaddr: bytes, said: str | None
) -> None:
    app = AppEntry(OTHER, OTHER, "app", "DOCKER", multiaddr, bytes(32), b"")
    refusal = why_refuse(LEAVE, replace(FACTS, app=app))
    assert (refusal and refusal.message) == said
