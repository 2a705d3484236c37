"""Contributions out of an enclave, and who authorizes them (spec contracts §4.3, W18)."""

from __future__ import annotations

from typing import Any

import pytest
from market import Market, reverts, sign_digest
from tasks import (
    DIGEST,
    OTHER,
    Played,
    Status,
    Vote,
    contribute_raw,
    hash_of,
    open_task,
    seal_of,
    workers_of,
)

from poco.orders import TEE, ZERO_ADDRESS, authorization_digest, enclave_digest


@pytest.fixture
def enclave(accounts: Any) -> Any:
    """The key that was made inside an enclave."""
    return accounts[15]


@pytest.fixture
def broker(market: Market, accounts: Any) -> Any:
    """A broker that the owner has named."""
    account = accounts[16]
    market.hub.setTeeBroker(account, sender=market.cast["owner"])
    return account


def finish(task: Played, worker: Any, at_once: bool, **options: Any) -> Any:
    """Deliver the usual result, by either way."""
    deliver = task.complete_at_once if at_once else task.contribute
    return deliver(worker, **options)


ways = pytest.mark.parametrize("at_once", [False, True], ids=["contribute", "at once"])


@ways
def test_tee__task_with_the_tag__needs_an_enclave(market: Market, at_once: bool) -> None:
    task = open_task(market, tag=TEE)
    with reverts(market.hub, "Task_EnclaveRequired", task.id):
        finish(task, market.cast["worker_1"], at_once)


@ways
@pytest.mark.parametrize("tag", [0, TEE])
def test_tee__enclave_signs_the_contribution__is_taken_and_shown(
    market: Market, enclave: Any, at_once: bool, tag: int
) -> None:
    task, worker = open_task(market, tag=tag), market.cast["worker_1"]
    finish(task, worker, at_once, enclave=enclave)
    status = Vote.PROVED if at_once else Vote.CONTRIBUTED
    assert tuple(task.vote(worker)) == (
        status,
        hash_of(task),
        seal_of(task, worker),
        enclave,
        0 if at_once else 1,
    )


@ways
def test_tee__signature_of_somebody_else__reverts(
    market: Market, enclave: Any, at_once: bool
) -> None:
    task, worker = open_task(market, tag=TEE), market.cast["worker_1"]
    hashed, seal = hash_of(task), seal_of(task, worker)
    signed = sign_digest(market.cast["stranger"], enclave_digest(hashed, seal))
    authorization = market.authorize(worker, task.id, enclave)
    error = ("Task_EnclaveSignatureInvalid", enclave, enclave_digest(hashed, seal))
    with reverts(market.hub, *error):
        if at_once:
            market.hub.contributeAndFinalize(
                task.id, DIGEST, b"", b"", enclave, signed, authorization, sender=worker
            )
        else:
            market.hub.contribute(
                task.id, hashed, seal, enclave, signed, authorization, sender=worker
            )


def test_tee__signature_of_another_result__reverts(market: Market, enclave: Any) -> None:
    task, worker = open_task(market, tag=TEE), market.cast["worker_1"]
    signed = sign_digest(
        enclave, enclave_digest(hash_of(task, OTHER), seal_of(task, worker, OTHER))
    )
    digest = enclave_digest(hash_of(task), seal_of(task, worker))
    with reverts(market.hub, "Task_EnclaveSignatureInvalid", enclave, digest):
        market.hub.contribute(
            task.id,
            hash_of(task),
            seal_of(task, worker),
            enclave,
            signed,
            market.authorize(worker, task.id, enclave),
            sender=worker,
        )


def test_tee__authorization_without_the_enclave__reverts(market: Market, enclave: Any) -> None:
    task, worker = open_task(market, tag=TEE), market.cast["worker_1"]
    digest = authorization_digest(worker.address, task.id, enclave.address)
    with reverts(market.hub, "Task_AuthorizationInvalid", market.cast["pool_owner"], digest):
        task.contribute(worker, enclave=enclave, authorization=market.authorize(worker, task.id))


@ways
@pytest.mark.parametrize("tag", [0, TEE])
def test_tee__broker__authorizes_instead_of_the_scheduler(
    market: Market, enclave: Any, broker: Any, at_once: bool, tag: int
) -> None:
    """W18: also where the deal asks for no enclave, a challenge selects the broker."""
    task, worker = open_task(market, tag=tag), market.cast["worker_1"]
    digest = authorization_digest(worker.address, task.id, enclave.address)
    with reverts(market.hub, "Task_AuthorizationInvalid", broker, digest):
        finish(task, worker, at_once, enclave=enclave)
    finish(task, worker, at_once, enclave=enclave, signer=broker)
    assert task.view().status == (Status.COMPLETED if at_once else Status.REVEALING)


def test_tee__broker_without_an_enclave__scheduler_authorizes(market: Market, broker: Any) -> None:
    task, worker = open_task(market), market.cast["worker_1"]
    digest = authorization_digest(worker.address, task.id, ZERO_ADDRESS)
    with reverts(market.hub, "Task_AuthorizationInvalid", market.cast["pool_owner"], digest):
        task.contribute(worker, signer=broker)
    task.contribute(worker)
    assert task.view().status == Status.REVEALING


def test_tee__authorization__survives_a_reopen_and_has_no_end(market: Market, enclave: Any) -> None:
    """W18: what was authorized stays so; here through the whole life of a replicated TEE task."""
    task, (one, two) = open_task(market, trust=3, tag=TEE), workers_of(market, 2)
    authorization = market.authorize(two, task.id, enclave)
    task.contribute(one, enclave=enclave)
    task.contribute(two, enclave=enclave, authorization=authorization)
    for worker in (one, two):
        task.reveal(worker)
    task.finalize(b"sealed")
    assert task.view().status == Status.COMPLETED
    assert task.vote(two).enclaveChallenge == enclave


def test_tee__longest_results_at_once__are_kept_beside_the_enclave(
    market: Market, enclave: Any
) -> None:
    task, worker, results = open_task(market), market.cast["worker_1"], b"\1" * 24_501
    task.complete_at_once(worker, results, enclave=enclave)
    assert task.view().results == results
    assert task.vote(worker).enclaveChallenge == enclave


def test_tee__enclave_contract__signs_by_erc_1271(market: Market, project: Any, owner: Any) -> None:
    wallet = owner.deploy(project.Erc1271Wallet, owner)
    task, worker = open_task(market, tag=TEE), market.cast["worker_1"]
    hashed, seal = hash_of(task), seal_of(task, worker)
    market.hub.contribute(
        task.id,
        hashed,
        seal,
        wallet,
        sign_digest(owner, enclave_digest(hashed, seal)),
        market.authorize(worker, task.id, wallet),
        sender=worker,
    )
    assert task.vote(worker).enclaveChallenge == wallet


def test_tee__seal_of_the_enclave_contribution__is_checked_at_reveal(
    market: Market, enclave: Any
) -> None:
    task, worker = open_task(market, tag=TEE), market.cast["worker_1"]
    contribute_raw(task, worker, hash_of(task), b"\1" * 32, enclave=enclave)
    with reverts(market.hub, "Task_SealMismatch", b"\1" * 32, seal_of(task, worker)):
        task.reveal(worker)
