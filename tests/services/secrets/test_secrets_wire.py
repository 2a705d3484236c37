"""Sessions on the wire: shapes of the original, sealing, metrics, and faults."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from secrets_stage import Keeper, Stage, Start
from web3 import HTTPProvider

from poco.contracts import Chain, Market
from poco.errors import PeerError
from poco.orders import (
    Tag,
    TaskId,
    sign_digest,
)
from poco.services.secrets import (
    SecretsClient,
    SecretsRefusedError,
)
from poco.services.secrets.authorization import sealed_request_digest
from poco.web_limits import RateLimit

PLAIN = Tag(0)


def test_session__recorded_answer__opens_for_nobody_else(keeper: Keeper) -> None:
    keeper.fill()
    authorization = keeper.admitted(keeper.stage.task())
    key = X25519PrivateKey.generate().public_key().public_bytes_raw()
    worker = keeper.stage.keys["worker"]
    signature = sign_digest(worker, sealed_request_digest(authorization, key))
    body = {
        "workerpoolAuthorization": authorization.to_json(),
        "sealTo": base64.b64encode(key).decode(),
    }
    headers = {"Authorization": f"0x{signature.hex()}"}
    answer = keeper.http.post("/v2/sessions", json=body, headers=headers)
    assert answer.status_code == 200
    assert b"dataset-key" not in base64.b64decode(answer.json()["sealed"])
    swapped = X25519PrivateKey.generate().public_key().public_bytes_raw()
    body["sealTo"] = base64.b64encode(swapped).decode()
    answer = keeper.http.post("/v2/sessions", json=body, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"] == "INVALID_AUTHORIZATION"


@pytest.mark.parametrize("key", [None, 7, "", "no base64!", base64.b64encode(bytes(31)).decode()])
def test_session__malformed_sealing_key__is_a_bad_request(keeper: Keeper, key: Any) -> None:
    authorization = keeper.stage.authorization(keeper.stage.task())
    body = {"workerpoolAuthorization": authorization.to_json(), "sealTo": key}
    answer = keeper.http.post("/v2/sessions", json=body)
    assert answer.status_code == 400
    assert "X25519" in answer.json()["error"]


def test_session__sealing_key_that_hides_nothing__is_a_bad_request(keeper: Keeper) -> None:
    authorization = keeper.admitted(keeper.stage.task(dataset=False))
    signature = sign_digest(
        keeper.stage.keys["worker"], sealed_request_digest(authorization, bytes(32))
    )
    body = {
        "workerpoolAuthorization": authorization.to_json(),
        "sealTo": base64.b64encode(bytes(32)).decode(),
    }
    headers = {"Authorization": f"0x{signature.hex()}"}
    assert keeper.http.post("/v2/sessions", json=body, headers=headers).status_code == 400
    assert keeper.audit() == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"\xff",
        b'{"workerpoolAuthorization":{"taskIndex":"x"}}',
        b"[" * 20_000,
        b'{"a":' * 10_000,
    ],
    ids=["cut", "list", "not_utf_8", "no_index", "deep_lists", "deep_objects"],
)
@pytest.mark.parametrize("path", ["/tee/sessions", "/v2/sessions"])
def test_session__malformed_body__is_told(keeper: Keeper, path: str, body: bytes) -> None:
    answer = keeper.http.post(path, content=body)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"]


def test_session__number_over_all_numbers__is_told(keeper: Keeper) -> None:
    authorization = keeper.stage.authorization(keeper.stage.task()).to_json()
    text = json.dumps(authorization).replace('"taskIndex": 0', '"taskIndex": 1e400')
    answer = keeper.http.post("/tee/sessions", content=text)
    assert answer.status_code == 400
    assert "workerpoolAuthorization" in answer.json()["error"]


def test_original_session__admitted_worker__gets_its_shape(keeper: Keeper) -> None:
    authorization = keeper.admitted(keeper.stage.task(dataset=False))
    signature = sign_digest(keeper.stage.keys["worker"], authorization.digest)
    answer = keeper.http.post(
        "/tee/sessions",
        json=authorization.to_json(),
        headers={"Authorization": f"0x{signature.hex()}"},
    )
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert data["sessionId"][10:] == f"00000x{authorization.taskid.hex()}"
    assert data["sessionId"][:10].isalnum()
    assert data["secretProvisioningUrl"] == f"{keeper.url}/v2/sessions"
    assert keeper.audit() == []


def test_original_session__empty_body__is_unauthorized(keeper: Keeper) -> None:
    answer = keeper.http.post("/tee/sessions")
    assert answer.status_code == 401
    assert answer.json()["error"] == "EMPTY_PARAMS_UNAUTHORIZED"


@pytest.mark.parametrize(
    ("params", "dataset", "code"),
    [
        ("{}", True, "PRE_COMPUTE_GET_DATASET_SECRET_FAILED"),
        ('{"iexec_secrets":7}', False, "GET_TASK_DESCRIPTION_FAILED"),
    ],
)
def test_original_session__cannot_be_made__is_500_with_its_code(
    keeper: Keeper, params: str, dataset: bool, code: str
) -> None:
    authorization = keeper.admitted(keeper.stage.task(params, dataset=dataset))
    signature = sign_digest(keeper.stage.keys["worker"], authorization.digest)
    answer = keeper.http.post(
        "/tee/sessions",
        json=authorization.to_json(),
        headers={"Authorization": f"0x{signature.hex()}"},
    )
    assert answer.status_code == 500
    assert answer.json()["error"] == code


def test_framework__simulated__never_has_the_name_of_hardware(keeper: Keeper) -> None:
    assert keeper.http.get("/tee/framework").json() == "SIMULATED"
    for path in ("/tee/properties/simulated", "/tee/properties/SIMULATED/1"):
        assert keeper.http.get(path).json()["simulated"] is True
    assert keeper.http.get("/tee/properties/TDX").status_code == 409
    assert keeper.http.get("/tee/properties/SIMULATED/9").status_code == 404


def test_framework__not_simulated__is_not_found(start: Start) -> None:
    keeper = start(software=True)
    assert keeper.http.get("/tee/framework").status_code == 404
    assert keeper.http.get("/tee/properties/TDX").status_code == 404


def test_pages__say_what_is_not_protected(keeper: Keeper) -> None:
    assert keeper.http.get("/up").text == "UP"
    assert "SIMULATED ENCLAVE" in keeper.http.get("/version").text
    assert "SIMULATED ENCLAVE" in keeper.http.get("/health").json()["secrets"]
    assert 'poco_secrets_enabled{mode="simulated"} 1.0' in keeper.http.get("/metrics").text


def test_metrics__count_secrets_releases_and_refusals(keeper: Keeper) -> None:
    keeper.fill()
    authorization = keeper.admitted(keeper.stage.task())
    keeper.session(authorization)
    keeper.refusal(authorization, "stranger")
    text = keeper.http.get("/metrics").text
    assert 'poco_secrets_stored{kind="requester"} 2.0' in text
    assert "poco_secrets_sessions_total 1.0" in text
    assert 'poco_secrets_refused_total{code="INVALID_AUTHORIZATION"} 1.0' in text
    kinds = keeper.http.get("/metrics", headers={"Accept": "application/json"}).json()
    assert kinds["secretsMetrics"]["app"] == {
        "secretsType": "app",
        "initialCount": 0,
        "storedCount": 1,
        "addedSinceStartCount": 1,
        "cachedSecretsCount": 0,
    }


def test_session__same_address_too_often__must_wait(start: Start, stage: Stage) -> None:
    keeper = start(simulated=True, per_address=RateLimit(1))
    authorization = keeper.admitted(stage.task(dataset=False))
    keeper.session(authorization)
    with pytest.raises(PeerError, match="1 requests per minute") as caught:
        keeper.session(authorization)
    assert not isinstance(caught.value, SecretsRefusedError)


def test_client__no_service__names_the_url(stage: Stage) -> None:
    client = SecretsClient("http://127.0.0.1:9")
    with pytest.raises(PeerError, match=r"http://127\.0\.0\.1:9.*does not answer"):
        client.challenge(TaskId(bytes(32)), stage.keys["scheduler"])


@pytest.mark.parametrize("url", ["http://[::1", "http://host:port", "http://..", "\ud800"])
def test_client__url_that_cannot_be_one__is_told(stage: Stage, url: str) -> None:
    with pytest.raises(PeerError, match=r"does not answer \(.*URL"):
        SecretsClient(url).challenge(TaskId(bytes(32)), stage.keys["scheduler"])


def test_session__node_does_not_answer__is_no_refusal(start: Start, stage: Stage) -> None:
    url = "http://127.0.0.1:9/key-of-the-operator"
    keeper = start(
        simulated=True, market=Market(Chain(HTTPProvider(url), url, 1), stage.market.book)
    )
    authorization = stage.authorization(stage.task(dataset=False))
    signature = sign_digest(stage.keys["worker"], authorization.digest).hex()
    answer = keeper.http.post(
        "/tee/sessions",
        json=authorization.to_json(),
        headers={"Authorization": f"0x{signature}"},
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "GET_CHAIN_TASK_FAILED")
    with pytest.raises(PeerError, match="ask again later") as caught:
        keeper.session(authorization)
    assert "key-of-the-operator" not in str(caught.value)
