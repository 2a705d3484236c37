"""Which task gets which secret, and who is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from eth_account import Account
from secrets_stage import Keeper, Stage, Start
from support.anvil import account

from poco.contracts import TaskStatus
from poco.errors import PeerError
from poco.local_chain import travel
from poco.orders import (
    GPU,
    Tag,
    TaskId,
    enclave_digest,
    result_hash,
    result_seal,
    sign_digest,
)
from poco.secret import Secret
from poco.services.secrets import (
    RESULT_KEY_NAME,
    SecretName,
    SecretsRefusedError,
    TaskSecrets,
)

PLAIN = Tag(0)


# WHAT A TASK GETS


def test_session__task_with_everything__gets_everything(keeper: Keeper) -> None:
    keeper.fill()
    params = {"iexec_secrets": {"1": "first", "7": "second"}, "iexec_result_encryption": True}
    taskid = keeper.stage.task(json.dumps(params))
    enclave = keeper.enclave(taskid)
    found = keeper.session(keeper.stage.authorization(taskid, enclave))
    assert found.dataset_key == Secret("dataset-key")
    assert found.app_secret == Secret("app-secret")
    assert found.requester_secrets == {1: Secret("one"), 7: Secret("two")}
    assert found.result_public_key == "pem"
    assert found.storage_token is None
    assert found.enclave_key is not None
    assert Account.from_key(found.enclave_key.reveal()).address == enclave
    assert found.withheld == ()


def test_variables__have_the_names_that_apps_know(keeper: Keeper) -> None:
    keeper.fill()
    taskid = keeper.stage.task('{"iexec_secrets":{"2":"first"}}')
    found = keeper.session(keeper.admitted(taskid)).variables()
    assert {name: value.reveal() for name, value in found.items()} == {
        "IEXEC_APP_DEVELOPER_SECRET": "app-secret",
        "IEXEC_APP_DEVELOPER_SECRET_1": "app-secret",
        "IEXEC_REQUESTER_SECRET_2": "one",
    }


def test_session__nothing_pushed_and_no_dataset__is_empty(keeper: Keeper) -> None:
    taskid = keeper.stage.task('{"iexec_secrets":{"1":"first"}}', dataset=False)
    found = keeper.session(keeper.admitted(taskid))
    assert replace(found, enclave_key=None) == TaskSecrets()
    assert found.variables() == {}


def test_session__secret_that_the_deal_does_not_name__stays(keeper: Keeper) -> None:
    keeper.fill()
    found = keeper.session(keeper.admitted(keeper.stage.task(dataset=False)))
    assert found.dataset_key is None
    assert found.requester_secrets == {}
    assert found.result_public_key is None


def test_session__writes_down_each_release(keeper: Keeper) -> None:
    keeper.fill()
    stage = keeper.stage
    taskid = stage.task('{"iexec_secrets":{"1":"first"}}')
    authorization = keeper.admitted(taskid)
    keeper.session(authorization)
    assert keeper.audit() == [
        f"requester {stage.address('requester')} first",
        f"dataset {stage.dataset}",
        f"app {stage.app}",
        f"enclave key {authorization.enclave_challenge}",
    ]
    line = next(keeper.store.releases())
    assert (line.taskid, line.worker) == (f"0x{taskid.hex()}", stage.address("worker"))
    assert (line.dealid, line.peer) == (f"0x{authorization.dealid.hex()}", "127.0.0.1")


def test_session__audit_cannot_be_written__nothing_is_released(keeper: Keeper) -> None:
    authorization = keeper.admitted(keeper.stage.task(dataset=False))
    with keeper.store._database.writing() as connection:
        connection.exec_driver_sql("drop table releases")
    with pytest.raises(PeerError, match="ask again later"):
        keeper.session(authorization)


def test_session__ipfs_token__is_the_workers_before_the_requesters(keeper: Keeper) -> None:
    stage = keeper.stage
    taskid = stage.task(dataset=False)
    authorization = keeper.admitted(taskid)
    for role in ("requester", "worker"):
        name = SecretName.setting(stage.address(role), "iexec-result-iexec-ipfs-token")
        keeper.push(name, f"token of {role}", role)
        assert keeper.session(authorization).storage_token == Secret(f"token of {role}")


def test_session__dropbox__needs_the_requesters_token(keeper: Keeper) -> None:
    stage = keeper.stage
    params = '{"iexec_result_storage_provider":"dropbox"}'
    authorization = keeper.admitted(stage.task(params, dataset=False))
    assert keeper.refusal(authorization) == "POST_COMPUTE_GET_STORAGE_TOKENS_FAILED"
    name = SecretName.setting(stage.address("requester"), "iexec-result-dropbox-token")
    keeper.push(name, "token", "requester")
    assert keeper.session(authorization).storage_token == Secret("token")


def test_session__callback__needs_no_storage(keeper: Keeper) -> None:
    stage = keeper.stage
    params = '{"iexec_result_storage_provider":"dropbox"}'
    taskid = stage.task(params, dataset=False, callback=stage.market.book.hub)
    assert keeper.session(keeper.admitted(taskid)).storage_token is None


def test_session__dataset_without_key__fails_as_the_original(keeper: Keeper) -> None:
    authorization = keeper.admitted(keeper.stage.task())
    assert keeper.refusal(authorization) == "PRE_COMPUTE_GET_DATASET_SECRET_FAILED"
    assert keeper.audit() == []


def test_session__encryption_without_a_key__fails_as_the_original(keeper: Keeper) -> None:
    taskid = keeper.stage.task('{"iexec_result_encryption":true}', dataset=False)
    code = "POST_COMPUTE_GET_ENCRYPTION_TOKENS_FAILED_EMPTY_BENEFICIARY_KEY"
    assert keeper.refusal(keeper.admitted(taskid)) == code


def test_session__unreadable_params__has_what_signs_the_failure_and_nothing_else(
    keeper: Keeper,
) -> None:
    keeper.fill()
    found = keeper.session(keeper.admitted(keeper.stage.task('{"iexec_secrets":7}')))
    assert found.enclave_key is not None
    assert found == TaskSecrets(enclave_key=found.enclave_key)


# THE SIMULATED ENCLAVE


def test_simulated_enclave__result_signed_with_its_key__completes_the_task(keeper: Keeper) -> None:
    stage = keeper.stage
    taskid, worker = stage.task(dataset=False), stage.keys["worker"]
    authorization = keeper.admitted(taskid)
    found = keeper.session(authorization)
    assert found.enclave_key is not None
    digest = b"\x11" * 32
    seal = result_seal(worker.address, taskid, digest)
    hashed = enclave_digest(result_hash(taskid, digest), seal)
    stage.market.acting_as(worker).hub.contribute_and_finalize(
        taskid,
        digest,
        b"link",
        authorization.authorization,
        enclave=authorization.enclave_challenge,
        enclave_signature=sign_digest(Account.from_key(found.enclave_key.reveal()), hashed),
    )
    assert stage.market.hub.task(taskid).status is TaskStatus.COMPLETED


def test_challenge__asked_again__is_the_same_for_a_task_and_another_for_the_next(
    keeper: Keeper,
) -> None:
    first, second = keeper.stage.task(), keeper.stage.task()
    assert keeper.enclave(first) == keeper.enclave(first)
    assert keeper.enclave(first) != keeper.enclave(second)


def test_challenge__not_the_pools_owner__is_refused(keeper: Keeper) -> None:
    with pytest.raises(SecretsRefusedError, match="must be signed by") as caught:
        keeper.client.challenge(keeper.stage.task(), keeper.stage.keys["worker"])
    assert (caught.value.code, caught.value.status) == ("INVALID_SIGNATURE", 401)


def test_challenge__plain_task__is_refused(keeper: Keeper) -> None:
    with pytest.raises(SecretsRefusedError) as caught:
        keeper.enclave(keeper.stage.task(tag=PLAIN))
    assert caught.value.code == "NO_MATCH_ONCHAIN_TYPE"


def test_challenge__unknown_task__is_worth_another_try(keeper: Keeper) -> None:
    with pytest.raises(PeerError, match="GET_CHAIN_TASK_FAILED") as caught:
        keeper.enclave(TaskId(b"\x01" * 32))
    assert not isinstance(caught.value, SecretsRefusedError)


def test_challenge__malformed_task__is_a_bad_request(keeper: Keeper) -> None:
    assert keeper.http.post("/tee/challenges/0x12").status_code == 400
    assert keeper.http.post("/tee/challenges/xyz").status_code == 400


@pytest.mark.usefixtures("undone")
def test_challenge__key_whose_task_is_over__is_deleted(keeper: Keeper) -> None:
    old = keeper.stage.task()
    keeper.enclave(old)
    travel(keeper.stage.market.chain, 10 * 300 + 1)
    keeper.enclave(keeper.stage.task())
    assert keeper.store.enclave_key(old) is None


def test_session__no_enclave_challenge__fails_as_the_original(keeper: Keeper) -> None:
    taskid = keeper.stage.task(dataset=False)
    assert keeper.refusal(keeper.stage.authorization(taskid)).endswith(
        "EMPTY_PUBLIC_ENCLAVE_CHALLENGE"
    )


def test_session__enclave_challenge_of_somebody_else__fails(keeper: Keeper) -> None:
    taskid = keeper.stage.task(dataset=False)
    keeper.enclave(taskid)
    authorization = keeper.stage.authorization(taskid, account(9).address)
    assert keeper.refusal(authorization).endswith("EMPTY_TEE_CHALLENGE")


# WHO IS REFUSED


def test_session__not_signed_by_the_worker__is_refused(keeper: Keeper) -> None:
    authorization = keeper.admitted(keeper.stage.task(dataset=False))
    assert keeper.refusal(authorization, "stranger") == "INVALID_AUTHORIZATION"


def test_session__leave_not_signed_by_the_pools_owner__is_refused(keeper: Keeper) -> None:
    taskid = keeper.stage.task(dataset=False)
    authorization = keeper.stage.authorization(taskid, keeper.enclave(taskid), signer="requester")
    assert keeper.refusal(authorization) == "INVALID_SIGNATURE"


def test_session__leave_for_another_task__is_refused(keeper: Keeper) -> None:
    first, second = keeper.stage.task(dataset=False), keeper.stage.task(dataset=False)
    authorization = replace(keeper.admitted(first), taskid=second)
    assert keeper.refusal(authorization) == "INVALID_SIGNATURE"


def test_session__deal_of_the_body__counts_for_nothing(keeper: Keeper) -> None:
    keeper.fill()
    rich, poor = keeper.stage.task(), keeper.stage.task(dataset=False)
    authorization = keeper.admitted(poor)
    claimed = replace(authorization, dealid=keeper.stage.market.hub.task(rich).dealid)
    assert keeper.session(claimed).dataset_key is None


def test_session__completed_task__is_refused(keeper: Keeper) -> None:
    stage = keeper.stage
    taskid, worker = stage.task(tag=PLAIN, dataset=False), stage.keys["worker"]
    authorization = stage.authorization(taskid)
    stage.market.acting_as(worker).hub.contribute_and_finalize(
        taskid, b"\x11" * 32, b"link", authorization.authorization
    )
    assert keeper.refusal(authorization) == "TASK_NOT_ACTIVE"


@pytest.mark.usefixtures("undone")
def test_session__too_late_to_contribute__is_refused(keeper: Keeper) -> None:
    authorization = keeper.admitted(keeper.stage.task(dataset=False))
    travel(keeper.stage.market.chain, 7 * 300 + 1)
    assert keeper.refusal(authorization) == "TASK_NOT_ACTIVE"


@pytest.mark.usefixtures("undone")
def test_session__market_with_a_broker__asks_for_the_brokers_leave(keeper: Keeper) -> None:
    stage = keeper.stage
    taskid = stage.task(dataset=False)
    enclave = keeper.enclave(taskid)
    stage.owner.hub.set_tee_broker(stage.address("stranger"))
    assert keeper.refusal(stage.authorization(taskid, enclave)) == "INVALID_SIGNATURE"
    by_broker = stage.authorization(taskid, enclave, signer="stranger")
    assert keeper.session(by_broker).enclave_key is not None


def test_session__neither_enabled__is_refused(start: Start, stage: Stage) -> None:
    keeper = start()
    with pytest.raises(SecretsRefusedError, match="--simulated") as caught:
        keeper.enclave(stage.task())
    assert caught.value.code == "SECURE_SESSION_NO_TEE_FRAMEWORK"
    authorization = stage.authorization(stage.task(tag=PLAIN))
    assert keeper.refusal(authorization) == "NO_MATCH_ONCHAIN_TYPE"


def test_session__worker_not_on_the_list__is_refused(start: Start, stage: Stage) -> None:
    keeper = start(simulated=True, gate={"workers": {stage.address("stranger")}})
    authorization = keeper.admitted(stage.task(dataset=False))
    assert keeper.refusal(authorization) == "WORKER_NOT_ALLOWED"


def test_session__pool_not_on_the_list__is_refused(start: Start, stage: Stage) -> None:
    keeper = start(simulated=True, gate={"workerpools": {stage.app}})
    authorization = stage.authorization(stage.task(dataset=False))
    assert keeper.refusal(authorization) == "WORKERPOOL_NOT_ALLOWED"


def test_session__worker_and_pool_on_the_lists__are_served(start: Start, stage: Stage) -> None:
    lists = {"workers": {stage.address("worker")}, "workerpools": {stage.pool}}
    keeper = start(simulated=True, gate=lists)
    assert keeper.session(keeper.admitted(stage.task(dataset=False))).enclave_key is not None


# TASKS WITHOUT THE TAG


def test_software__owners_allow_it__secrets_are_released(start: Start, stage: Stage) -> None:
    keeper = start(software=True)
    keeper.fill(allow_software="1")
    params = {"iexec_secrets": {"1": "first"}, "iexec_result_encryption": True}
    taskid = stage.task(json.dumps(params), tag=GPU)
    assert keeper.session(stage.authorization(taskid)) == TaskSecrets(
        dataset_key=Secret("dataset-key"),
        app_secret=Secret("app-secret"),
        requester_secrets={1: Secret("one")},
        result_public_key="pem",
    )


def test_software__owners_did_not_allow_it__only_public_keys_are_released(
    start: Start, stage: Stage
) -> None:
    keeper = start(software=True)
    keeper.fill()
    params = {"iexec_secrets": {"1": "first"}, "iexec_result_encryption": True}
    taskid = stage.task(json.dumps(params), tag=PLAIN)
    found = keeper.session(stage.authorization(taskid))
    assert replace(found, withheld=()) == TaskSecrets(result_public_key="pem")
    assert found.withheld == (
        f"requester {stage.address('requester')} first: its owner did not allow software",
        f"dataset {stage.dataset}: its owner did not allow software",
        f"app {stage.app}: its owner did not allow software",
    )
    assert keeper.audit() == [f"setting {stage.address('beneficiary')} {RESULT_KEY_NAME}"]


def test_software__plain_dataset__needs_no_key(start: Start, stage: Stage) -> None:
    keeper = start(software=True)
    found = keeper.session(stage.authorization(stage.task(tag=PLAIN)))
    assert found == TaskSecrets()


def test_software__enclave_challenge__may_sign_results_of_plain_tasks(
    start: Start, stage: Stage
) -> None:
    keeper = start(software=True)
    taskid = stage.task(tag=PLAIN, dataset=False)
    assert keeper.session(keeper.admitted(taskid)).enclave_key is not None
