"""The scheduler's HTTP face: who gets in, what everybody sees, what only the requester reads."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from scheduler_stage import Pool, opened, purchase
from worker_stage import Town, founded

from poco.errors import PeerError
from poco.local_chain import travel
from poco.market import Role, development_account
from poco.orders import TaskId, sign_digest
from poco.scheduler.client import SchedulerClient
from poco.scheduler.protocol import (
    Capability,
    ReplicateStatus,
    Report,
    TaskLogs,
    login_digest,
)
from poco.web import serving

S = ReplicateStatus
CAPABILITY = Capability(name="able", app_types=("WASM",))


@pytest.fixture(scope="module")
def one_town() -> Iterator[Town]:
    with founded() as town:
        yield town


@pytest.fixture
def town(one_town: Town) -> Iterator[Town]:
    """The town on a clean morning: whatever a test does is undone."""
    snapshot = one_town.chain.request("evm_snapshot")
    yield one_town
    assert one_town.chain.request("evm_revert", snapshot) is True


@pytest.fixture
def pool(town: Town, tmp_path: Path) -> Iterator[Pool]:
    with opened(town, tmp_path) as pool:
        yield pool


@pytest.fixture
def task(town: Town, pool: Pool) -> TaskId:
    """A task that a worker is computing and has logged for."""
    _, taskid = purchase(town)
    pool.scheduler.settle()
    hand = pool.hand()
    hand.sync()
    hand.say(taskid, S.COMPUTED, exit_code=0)
    written = "out\x00" + "x" * 200_000
    hand.sync(free=0, logs=[TaskLogs(task_id=taskid, stdout=written, stderr="err", exit_code=0)])
    return taskid


def get(pool: Pool, path: str, **options: Any) -> httpx.Response:
    return httpx.get(pool.url + path, **options)


def authorization(pool: Pool, number: int, *, signer: int | None = None) -> str:
    """What the official client sends: <hash>_<signature>_<address>."""
    account = development_account(number)
    challenge = get(pool, "/tasks/logs/challenge", params={"address": account.address}).json()
    signable = encode_typed_data(full_message=challenge)
    digest = keccak(b"\x19" + signable.version + signable.header + signable.body)
    signed = development_account(number if signer is None else signer).sign_message(signable)
    return f"0x{digest.hex()}_0x{bytes(signed.signature).hex()}_{account.address}"


def signed_challenge(pool: Pool) -> dict[str, Any]:
    """The request with which a worker logs in."""
    account = development_account(Role.WORKER)
    params = {"walletAddress": account.address}
    challenge = get(pool, "/workers/challenge", params=params).json()["challenge"]
    signature = sign_digest(account, login_digest(bytes.fromhex(challenge[2:])))
    body = {"signature": f"0x{signature.hex()}"}
    return {"url": f"{pool.url}/workers/login", "params": params, "json": body}


def test_task__of_the_pool__has_the_shape_of_the_original(pool: Pool, task: TaskId) -> None:
    shown = get(pool, f"/tasks/0x{task.hex()}").json()
    assert shown["chainTaskId"] == f"0x{task.hex()}"
    assert shown["currentStatus"] == "INITIALIZED"
    assert [event["status"] for event in shown["dateStatusList"]] == [
        "RECEIVED",
        "INITIALIZING",
        "INITIALIZED",
    ]
    [replicate] = shown["replicates"]
    assert replicate["currentStatus"] == "COMPUTED"
    assert replicate["appExitCode"] == 0
    assert [event["status"] for event in replicate["statusUpdateList"]] == ["CREATED", "COMPUTED"]
    assert get(pool, replicate["self"].removeprefix(pool.url)).json() == replicate
    assert shown["maxExecutionTime"] == 300_000
    assert "contributionHash" not in replicate


def test_tasks__by_status__are_counted(pool: Pool, task: TaskId) -> None:
    page = get(pool, "/tasks", params={"status": "INITIALIZED", "limit": 1}).json()
    assert page["count"] >= 1
    assert len(page["tasks"]) == 1
    assert get(pool, "/tasks", params={"status": "LOST"}).status_code == 400


def test_deal__of_the_pool__shows_how_far_it_is(town: Town, pool: Pool) -> None:
    deal, _ = purchase(town, volume=3)
    pool.scheduler.settle()
    shown = get(pool, f"/deals/0x{deal.dealid.hex()}").json()
    assert shown["taskStatuses"] == {"INITIALIZED": 3}
    assert shown["requester"] == town.requester.account


def test_lists__asked_for_without_end__are_429(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poco.scheduler.endpoint._LISTINGS_PER_MINUTE", 2)
    with opened(town, tmp_path) as pool:
        codes = [get(pool, path).status_code for path in ("/workers", "/tasks", "/workers")]
        assert codes == [200, 200, 429]
        assert get(pool, f"/tasks/0x{'12' * 32}").status_code == 404


def test_worker__name_of_several_lines__is_one_line_of_the_log(pool: Pool) -> None:
    pool.hand(name="able\ntask 0x00…: COMPLETED")
    assert not [line for line in pool.said if "\n" in line]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        (f"/tasks/0x{'12' * 32}", 404, "no such task"),
        (f"/deals/0x{'12' * 32}", 404, "no such deal"),
        ("/tasks/0x12", 400, "64 hex digits"),
        (f"/tasks/0x{'12' * 32}/replicates/0x12", 400, "wallet"),
        (f"/tasks/0x{'12' * 32}/logs", 401, "must prove who makes it"),
        ("/workers/challenge?walletAddress=0x12", 400, "walletAddress"),
    ],
)
def test_request__that_cannot_be_answered__says_why(
    pool: Pool, path: str, status: int, words: str
) -> None:
    answer = get(pool, path)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_logs__asked_by_the_requester__are_the_tail(pool: Pool, task: TaskId) -> None:
    header = {"Authorization": authorization(pool, Role.REQUESTER)}
    found = get(pool, f"/tasks/0x{task.hex()}/logs", headers=header).json()
    [logs] = found["computeLogsList"]
    assert (logs["stdout"], logs["stderr"]) == ("x" * 100_000, "err")
    one = get(
        pool, f"/tasks/0x{task.hex()}/replicates/{logs['walletAddress']}/logs", headers=header
    )
    assert one.json() == logs


@pytest.mark.parametrize(
    ("reader", "signer", "status"),
    [(Role.WORKER, None, 403), (Role.REQUESTER, Role.WORKER, 401)],
    ids=["another", "a forger"],
)
def test_logs__asked_by_somebody_else__are_refused(
    pool: Pool, task: TaskId, reader: int, signer: int | None, status: int
) -> None:
    header = {"Authorization": authorization(pool, reader, signer=signer)}
    assert get(pool, f"/tasks/0x{task.hex()}/logs", headers=header).status_code == status


@pytest.mark.parametrize("header", ["", "a_b_c", "Bearer 12", "0x12_0x12_0x12"])
def test_logs__malformed_authorization__is_401(pool: Pool, task: TaskId, header: str) -> None:
    answer = get(pool, f"/tasks/0x{task.hex()}/logs", headers={"Authorization": header})
    assert answer.status_code == 401


def test_logs__challenge_of_an_hour_ago__is_refused(pool: Pool, task: TaskId) -> None:
    header = {"Authorization": authorization(pool, Role.REQUESTER)}
    pool.clock[0] += 3601
    assert get(pool, f"/tasks/0x{task.hex()}/logs", headers=header).status_code == 401


def test_logs__of_a_task_of_another__are_not_taken(town: Town, pool: Pool, task: TaskId) -> None:
    pool.hand(1).sync(free=0, logs=[TaskLogs(task_id=task, stdout="I was here")])
    header = {"Authorization": authorization(pool, Role.REQUESTER)}
    found = get(pool, f"/tasks/0x{task.hex()}/logs", headers=header).json()
    assert [logs["stdout"] for logs in found["computeLogsList"]] == ["x" * 100_000]


def test_worker__token_expired__logs_in_again_by_itself(pool: Pool) -> None:
    hand = pool.hand()
    pool.clock[0] += 3601
    assert hand.sync(free=0).assignments == ()


def test_worker__signature_of_another__gets_no_token(pool: Pool) -> None:
    address = development_account(Role.WORKER).address
    params = {"walletAddress": address}
    assert get(pool, "/workers/challenge", params=params).status_code == 200
    body = {"signature": f"0x{'12' * 65}"}
    refused = httpx.post(f"{pool.url}/workers/login", params=params, json=body)
    assert refused.status_code == 401


def test_worker__somebody_asks_for_a_challenge_in_its_name__logs_in_all_the_same(
    pool: Pool,
) -> None:
    signed = signed_challenge(pool)
    params = {"walletAddress": development_account(Role.WORKER).address}
    get(pool, "/workers/challenge", params=params)
    codes = [httpx.post(**signed).status_code for _ in range(2)]
    assert codes == [200, 401], "a challenge serves once"


def test_challenges__a_hundred_at_once_from_one_address__are_429(pool: Pool) -> None:
    params = {"walletAddress": development_account(Role.WORKER).address}
    with httpx.Client(timeout=60) as client:
        codes = {
            client.get(f"{pool.url}/workers/challenge", params=params).status_code
            for _ in range(100)
        }
    assert codes == {200, 429}


def test_worker__without_token__is_401(pool: Pool) -> None:
    assert httpx.post(f"{pool.url}/v2/sync", json={}).status_code == 401


def test_report__of_a_stranger__is_refused_before_it_is_read(pool: Pool) -> None:
    host, port = pool.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as line:
        line.sendall(b"POST /v2/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n{")
        assert line.recv(12) == b"HTTP/1.1 401"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[]", "is not an object"),
        (b'{"free": -1}', "free: Input should be greater than or equal to 0"),
        (b'{"a": [' + b"[]," * 200_000 + b"[]]}", "has more than 100000 objects and lists"),
        (b'{"head": "\xff"}', "invalid start byte"),
    ],
)
def test_report__that_is_none__says_why(pool: Pool, body: bytes, said: str) -> None:
    token = httpx.post(**signed_challenge(pool)).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(f"{pool.url}/v2/sync", content=body, headers=headers, timeout=60)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_bodies__but_for_reports__are_small(pool: Pool) -> None:
    account = development_account(Role.WORKER)
    answer = httpx.post(
        f"{pool.url}/workers/login",
        params={"walletAddress": account.address},
        json={"signature": "0x" + "00" * 100_000},
    )
    assert (answer.status_code, answer.json()["error"]) == (413, "a body may have 65536 bytes")


def test_report__is_described_with_the_parts_that_it_names(pool: Pool) -> None:
    document = get(pool, "/openapi.json").json()
    body = document["paths"]["/v2/sync"]["post"]["requestBody"]["content"]["application/json"]
    place = body["schema"]["properties"]["replicates"]["items"]["$ref"]
    found = document
    for name in place.removeprefix("#/").split("/"):
        found = found[name.replace("~1", "/")]
    assert found["title"] == "ReplicateReport"


def test_worker__not_registered__registers_again_by_itself(
    town: Town, pool: Pool, tmp_path: Path
) -> None:
    account = development_account(Role.WORKER)
    client = SchedulerClient(lambda: places[-1], account)
    places = [pool.url]
    client.register(CAPABILITY)
    with opened(town, tmp_path, f"sqlite:///{tmp_path / 'lost.sqlite'}") as anew:
        places.append(anew.url)
        assert client.sync(Report()).commands == {}
        assert any("is here" in line for line in anew.said)


def test_worker__not_on_the_list__is_refused(town: Town, tmp_path: Path) -> None:
    listed = frozenset({development_account(Role.WORKER).address})
    with opened(town, tmp_path, whitelist=listed) as pool:
        pool.hand(0)
        with pytest.raises(PeerError, match="admits only the workers that its operator has listed"):
            pool.hand(1)


def test_worker__app_type_of_two_words__is_refused(pool: Pool) -> None:
    with pytest.raises(PeerError, match="an app type is one word"):
        pool.hand(app_types=("WASM DOCKER",))


def test_worker__opens_a_second_poll__ends_the_first(pool: Pool) -> None:
    hand = pool.hand()
    first = threading.Thread(target=hand.sync, kwargs={"free": 0, "wait": 20.0})
    first.start()
    began = time.monotonic()
    while first.is_alive() and time.monotonic() < began + 10:
        hand.sync(free=0, wait=0.05)
    assert not first.is_alive()


def test_logs__of_bytes_that_are_no_text__are_kept(pool: Pool, task: TaskId) -> None:
    token = httpx.post(**signed_challenge(pool)).json()["token"]
    sent = httpx.post(
        f"{pool.url}/v2/sync",
        content=f'{{"logs": [{{"taskId": "0x{task.hex()}", "stdout": "half a pair: \\ud800"}}]}}',
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    assert sent.status_code == 200
    header = {"Authorization": authorization(pool, Role.REQUESTER)}
    [logs] = get(pool, f"/tasks/0x{task.hex()}/logs", headers=header).json()["computeLogsList"]
    assert logs["stdout"] == "half a pair: ?"


def test_worker__same_host__does_not_vote_twice_when_hosts_must_differ(
    town: Town, tmp_path: Path
) -> None:
    with opened(town, tmp_path, distinct_hosts=True) as pool:
        purchase(town, trust=3)
        pool.scheduler.settle()
        first, second, third = (
            pool.hand(0, host="a"),
            pool.hand(1, host="a"),
            pool.hand(2, host="b"),
        )
        taken = [hand.sync(free=50).assignments for hand in (first, second, third)]
        ids = [{leave.taskid for leave in leaves if not leave.in_one_step} for leaves in taken]
        assert ids[0]
        assert not ids[1]
        assert ids[2] == ids[0]


def test_requesters__one_with_a_large_bag__does_not_starve_the_other(
    town: Town, tmp_path: Path
) -> None:
    with opened(town, tmp_path) as pool:
        hand = pool.hand()
        large, _ = purchase(town, volume=8)
        small, _ = purchase(town, buyer=Role.WORKER + 2)
        pool.scheduler.settle()
        order = [leave.dealid for leave in hand.sync(free=2).assignments]
        assert set(order) == {large.dealid, small.dealid}


def test_client__no_scheduler__says_so() -> None:
    client = SchedulerClient("http://127.0.0.1:1", development_account(Role.WORKER))
    with pytest.raises(PeerError, match="the scheduler does not answer"):
        client.sync(Report())
    client.close()


def test_client__something_else_answers__says_so() -> None:
    from poco.web import application

    with serving(application("other")) as url:
        client = SchedulerClient(url, development_account(Role.WORKER))
        with pytest.raises(PeerError, match="the scheduler refuses: Not Found"):
            client.register(CAPABILITY)


def test_metrics__of_a_pool__count_tasks_and_workers(pool: Pool, task: TaskId) -> None:
    text = get(pool, "/metrics").text
    assert 'poco_scheduler_tasks{status="INITIALIZED"}' in text
    assert "poco_scheduler_workers_alive 1.0" in text
    shown = get(pool, "/workers").json()
    assert [worker["name"] for worker in shown] == ["worker 0"]


def test_metrics__asked_for_as_json__are_those_of_the_original(pool: Pool, task: TaskId) -> None:
    pool.hand(1, name="with a GPU", tags=0x100, slots=2)
    found = get(pool, "/metrics", headers={"Accept": "application/json"}).json()
    statuses, block = found.pop("currentTaskStatusesCount"), found.pop("latestBlockMetric")
    assert statuses["INITIALIZED"] + statuses["RUNNING"] == 1
    assert statuses["COMPLETED"] == 0
    assert block["blockNumber"] == pool.scheduler.height() > 0
    assert block["blockHash"].startswith("0x")
    assert 0 < found.pop("latestBlockNumberWithDeal") <= block["blockNumber"]
    assert found == {
        "aliveWorkers": 2,
        "aliveComputingCpu": 1,
        "aliveRegisteredCpu": 6,
        "aliveComputingGpu": 0,
        "aliveRegisteredGpu": 1,
        "dealEventsCount": 1,
        "dealsCount": 1,
    }


def test_alarm__task_that_will_fail__is_reported_once_and_counted(
    town: Town, pool: Pool, task: TaskId
) -> None:
    def alarms() -> list[str]:
        return [line for line in pool.said if "final deadline is in" in line]

    travel(town.chain, 8 * 300)
    pool.scheduler.settle()
    assert (pool.scheduler.census.late(), alarms()) == ([], [])
    travel(town.chain, 300)
    for _ in range(2):
        pool.clock[0] += 100.0
        pool.scheduler.settle()
    (late,) = pool.scheduler.census.late()
    assert (late.taskid, late.stage) == (task, "CONTRIBUTION_TIMEOUT")
    assert late.left <= 300
    assert len(alarms()) == 1
    assert f"GET /tasks/0x{task.hex()}" in alarms()[0]
    assert "poco_scheduler_tasks_late 1.0" in get(pool, "/metrics").text


def test_health__chain_is_seen__is_200(pool: Pool) -> None:
    pool.scheduler.step()
    answer = get(pool, "/health")
    assert answer.status_code == 200
    assert answer.json()["acts"] is True
    assert get(pool, "/", follow_redirects=True).status_code == 200
    assert "/v2/sync" in get(pool, "/openapi.json").json()["paths"]


def test_task__after_travel__dates_are_those_of_the_chain(
    town: Town, pool: Pool, task: TaskId
) -> None:
    travel(town.chain, 8 * 300)
    pool.scheduler.settle()
    assert get(pool, f"/tasks/0x{task.hex()}").json()["currentStatus"] == "CONTRIBUTION_TIMEOUT"
