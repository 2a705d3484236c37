"""How owners set their secrets: statuses and rules of the original service, and better ones."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_typing import ChecksumAddress
from secrets_stage import Keeper, Stage, Start
from support.anvil import account

from poco.errors import PeerError
from poco.orders import TaskId, checked_address, personal_digest, sign_digest
from poco.secret import Secret
from poco.services.secrets import SecretName, SecretsClient, SecretsRefusedError
from poco.services.secrets.challenges import challenge
from poco.web_limits import RateLimit

ROOT = Path(__file__).parents[3]
KINDS = ("dataset", "setting", "app", "requester")


def named(stage: Stage, kind: str) -> tuple[SecretName, str]:
    """A secret of each kind, and who may set it."""
    return {
        "dataset": (SecretName.dataset(stage.dataset), "dataset_owner"),
        "setting": (SecretName.setting(stage.address("requester"), "my-key"), "requester"),
        "app": (SecretName.app(stage.app), "app_owner"),
        "requester": (SecretName.requester(stage.address("requester"), "My-key_1"), "requester"),
    }[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_push__owner__sets_the_secret_once(keeper: Keeper, kind: str) -> None:
    name, owner = named(keeper.stage, kind)
    assert keeper.head(name).status_code == 404
    assert keeper.push(name, "value", owner).status_code == 204
    assert keeper.head(name).status_code == 204
    again = keeper.push(name, "other", owner)
    assert (again.status_code, again.headers["content-type"]) == (409, "application/json")
    stored = keeper.store.get(name)
    assert stored is not None
    assert stored.value == Secret("value")


@pytest.mark.parametrize("kind", KINDS)
def test_push__somebody_else__is_unauthorized(keeper: Keeper, kind: str) -> None:
    name, _ = named(keeper.stage, kind)
    answer = keeper.push(name, "value", "stranger")
    assert answer.status_code == 401
    assert "value" not in answer.text
    assert keeper.head(name).status_code == 404


@pytest.mark.parametrize("signature", ["", "0x", "nonsense", "0x" + 65 * "00"])
def test_push__malformed_signature__is_unauthorized(keeper: Keeper, signature: str) -> None:
    answer = keeper.http.post(
        "/secrets/web3",
        params={"secretAddress": keeper.stage.dataset},
        content=b"value",
        headers={"Authorization": signature},
    )
    assert answer.status_code == 401


def test_push__unregistered_dataset__is_unauthorized(keeper: Keeper) -> None:
    name = SecretName.dataset(keeper.stage.app)
    assert keeper.push(name, "value", "dataset_owner").status_code == 401


@pytest.mark.parametrize(
    ("kind", "status"), [("dataset", 413), ("setting", 413), ("app", 413), ("requester", 400)]
)
def test_push__more_than_4096_bytes__is_too_long(keeper: Keeper, kind: str, status: int) -> None:
    name, owner = named(keeper.stage, kind)
    assert keeper.push(name, 2049 * "é", owner).status_code == status
    assert keeper.push(name, 2048 * "é", owner).status_code == 204


def test_push__body_without_end__is_refused_at_once(keeper: Keeper) -> None:
    name, owner = named(keeper.stage, "app")
    assert keeper.push(name, 100_000 * "x", owner).status_code == 413


def test_push__binary__is_a_bad_request(keeper: Keeper) -> None:
    name, _ = named(keeper.stage, "app")
    assert keeper.http.post(name.path, content=b"\xff").status_code == 400


def test_push__value__is_stored_verbatim(keeper: Keeper) -> None:
    name, owner = named(keeper.stage, "app")
    keeper.push(name, " \r\n value\n", owner)
    stored = keeper.store.get(name)
    assert stored is not None
    assert stored.value.reveal() == " \r\n value\n"


@pytest.mark.parametrize("bad", ["a.b", 65 * "a", "é"])
def test_push__bad_name_of_a_requester__is_a_bad_request(keeper: Keeper, bad: str) -> None:
    name = SecretName.requester(keeper.stage.address("requester"), bad)
    assert keeper.push(name, "value", "requester").status_code == 400
    assert keeper.head(name).status_code == 400
    assert keeper.push(name, "value", "stranger").status_code == 401


@pytest.mark.parametrize("bad", ["", 257 * "a", 256 * "İ", "a\0b"])
def test_push__bad_name_of_a_setting__is_a_bad_request(keeper: Keeper, bad: str) -> None:
    name = SecretName.setting(keeper.stage.address("requester"), bad)
    assert keeper.push(name, "value", "requester").status_code == 400


@pytest.mark.parametrize("path", ["/apps/0x12/secrets", "/requesters/nobody/secrets/a"])
def test_head__malformed_address__is_a_bad_request(keeper: Keeper, path: str) -> None:
    assert keeper.http.head(path).status_code == 400


def test_head__missing_address__is_a_bad_request(keeper: Keeper) -> None:
    assert keeper.http.head("/secrets/web3").status_code == 400


def test_head__address_and_setting_in_another_case__is_the_same_secret(keeper: Keeper) -> None:
    address = keeper.stage.address("requester")
    keeper.push(SecretName.setting(address, "My-Key"), "value", "requester")
    query = {"ownerAddress": address.lower(), "secretName": "my-key"}
    assert keeper.http.head("/secrets/web2", params=query).status_code == 204


def test_head__tells_the_owners_policy(keeper: Keeper) -> None:
    name, owner = named(keeper.stage, "dataset")
    keeper.push(name, "value", owner)
    assert keeper.head(name).headers["X-Secret-Policy"] == "enclave"
    name, owner = named(keeper.stage, "app")
    keeper.push(name, "value", owner, allow_software="1")
    assert keeper.head(name).headers["X-Secret-Policy"] == "software"


def test_replace__setting__changes_it(keeper: Keeper) -> None:
    name, owner = named(keeper.stage, "setting")
    assert keeper.push(name, "new", owner, method="PUT").status_code == 404
    keeper.push(name, "old", owner)
    assert keeper.push(name, "new", "stranger", method="PUT").status_code == 401
    assert keeper.push(name, "new", owner, method="PUT").status_code == 204
    stored = keeper.store.get(name)
    assert stored is not None
    assert stored.value == Secret("new")


@pytest.mark.parametrize("kind", ["dataset", "app", "requester"])
def test_replace__what_must_not_change__is_not_offered(keeper: Keeper, kind: str) -> None:
    name, owner = named(keeper.stage, kind)
    assert keeper.push(name, "value", owner, method="PUT").status_code == 405


def test_push__owner_is_a_contract__it_is_asked(keeper: Keeper, stage: Stage) -> None:
    wallet = _contract_wallet(stage, stage.address("dataset_owner"))
    dataset = stage.owner.datasets.create(wallet, "of a contract", b"/ipfs/data").value
    name = SecretName.dataset(dataset)
    assert keeper.push(name, "value", "stranger").status_code == 401
    assert keeper.push(name, "value", "dataset_owner").status_code == 204


# OUR OWN CLIENT: SIGNED FOR ONE MARKET AND ONE TIME


@pytest.mark.parametrize("kind", KINDS)
def test_client__push__sets_the_secret(keeper: Keeper, kind: str) -> None:
    name, owner = named(keeper.stage, kind)
    assert not keeper.client.has(name)
    keeper.client.push(name, Secret("value"), keeper.stage.keys[owner], allow_software=True)
    assert keeper.client.has(name)
    assert keeper.store.policy(name) is True


def test_client__replace__changes_a_setting_and_nothing_else(keeper: Keeper) -> None:
    stage = keeper.stage
    name, owner = named(stage, "setting")
    keeper.client.push(name, Secret("old"), stage.keys[owner])
    keeper.client.push(name, Secret("new"), stage.keys[owner], replace=True)
    stored = keeper.store.get(name)
    assert stored is not None
    assert stored.value == Secret("new")
    name, owner = named(stage, "app")
    keeper.client.push(name, Secret("old"), stage.keys[owner])
    with pytest.raises(SecretsRefusedError, match="cannot change") as caught:
        keeper.client.push(name, Secret("new"), stage.keys[owner])
    assert caught.value.status == 409


def test_nonce__used_signature__is_refused(keeper: Keeper) -> None:
    stage = keeper.stage
    name, owner = named(stage, "setting")
    sent = []
    keeper.client.push(name, Secret("first"), stage.keys[owner])
    keeper.client._http.event_hooks["request"].append(sent.append)
    keeper.client.push(name, Secret("second"), stage.keys[owner], replace=True)
    keeper.client.push(name, Secret("third"), stage.keys[owner], replace=True)
    recorded = next(request for request in sent if request.method == "PUT")
    answer = keeper.http.request(
        "PUT", recorded.url, content=recorded.content, headers=recorded.headers
    )
    assert answer.status_code == 401
    assert "counts once" in answer.json()["error"]
    stored = keeper.store.get(name)
    assert stored is not None
    assert stored.value == Secret("third")


def test_replace__no_legacy_updates__needs_a_nonce(start: Start) -> None:
    keeper = start(legacy_updates=False)
    name, owner = named(keeper.stage, "setting")
    keeper.push(name, "old", owner)
    answer = keeper.push(name, "new", owner, method="PUT")
    assert answer.status_code == 401
    assert "nonce" in answer.json()["error"]
    keeper.client.push(name, Secret("new"), keeper.stage.keys[owner], replace=True)


def test_nonce__malformed__is_a_bad_request(keeper: Keeper) -> None:
    name, _ = named(keeper.stage, "app")
    for nonce in ("-1", "x", str(2**53)):
        headers = {"X-Nonce": nonce}
        assert keeper.http.post(name.path, content=b"v", headers=headers).status_code == 400
    assert keeper.http.get("/nonce", params={"address": "0x12"}).status_code == 400


def test_client__answers_of_something_else__are_not_understood(stage: Stage) -> None:
    name, owner = named(stage, "app")

    def page(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text="<html>")

    client = SecretsClient("http://other", transport=httpx.MockTransport(page))
    for asking in (
        lambda: client.challenge(TaskId(bytes(32)), stage.keys["scheduler"]),
        lambda: client.push(name, Secret("value"), stage.keys[owner]),
    ):
        with pytest.raises(PeerError, match="none of a secret service"):
            asking()


def test_client__has__tells_no_from_a_refusal(keeper: Keeper) -> None:
    address = keeper.stage.address("requester")
    assert not keeper.client.has(SecretName.requester(address, "good"))
    with pytest.raises(SecretsRefusedError) as caught:
        keeper.client.has(SecretName.requester(address, "b.d"))
    assert caught.value.status == 400


# ABUSE


def test_requests__too_many_of_a_host__must_wait(start: Start) -> None:
    keeper = start(per_peer=RateLimit(2))
    statuses = [keeper.http.head("/apps/0x12/secrets").status_code for _ in range(3)]
    assert statuses == [400, 400, 429]
    assert int(keeper.http.get("/nonce").headers["Retry-After"]) in range(1, 31)
    assert keeper.http.get("/up").status_code == 200


def test_requests__hosts_behind_a_local_proxy__are_counted_apart(start: Start) -> None:
    keeper = start(per_peer=RateLimit(1))
    asked = [
        keeper.http.head("/apps/0x12/secrets", headers={"X-Forwarded-For": host}).status_code
        for host in ("192.0.2.1", "192.0.2.2", "192.0.2.1")
    ]
    assert asked == [400, 400, 429]


def test_push__too_many_of_an_account__must_wait(start: Start) -> None:
    keeper = start(per_address=RateLimit(1))
    name, owner = named(keeper.stage, "app")
    assert keeper.push(name, "value", "stranger").status_code == 401
    assert keeper.push(name, "value", owner).status_code == 204
    assert keeper.push(name, "value", owner).status_code == 429
    with pytest.raises(PeerError, match="ask again later"):
        keeper.client.push(name, Secret("value"), keeper.stage.keys[owner])


def test_push__secret__is_in_no_file_and_no_answer(keeper: Keeper, tmp_path: Path) -> None:
    name, owner = named(keeper.stage, "app")
    answers = [keeper.push(name, "very-secret-value", owner) for _ in range(2)]
    assert all("very-secret-value" not in answer.text for answer in answers)
    for file in tmp_path.iterdir():
        assert b"very-secret-value" not in file.read_bytes()


def test_vector__signature_of_the_official_client(keeper: Keeper) -> None:
    """What `ethers` signs for the challenge of the specification's vector is what we check."""
    name = SecretName.setting(account(4).address, "my-key")
    message = encode_defunct(primitive=challenge(name, "secret-value"))
    signed = bytes(Account.sign_message(message, account(4).key).signature)
    ours = sign_digest(account(4), personal_digest(challenge(name, "secret-value")))
    assert signed == ours


def _contract_wallet(stage: Stage, owner: ChecksumAddress) -> ChecksumAddress:
    """Deploy a contract account whose owner signs for it."""
    compiled = json.loads((ROOT / ".build" / "__local__.json").read_text())
    code = compiled["contractTypes"]["Erc1271Wallet"]["deploymentBytecode"]["bytecode"]
    chain = stage.market.chain
    transaction = {
        "from": stage.address("owner"),
        "data": f"{code}{owner[2:].rjust(64, '0')}",
        "gas": hex(3_000_000),
    }
    receipt = chain.wait(chain.request("eth_sendTransaction", transaction))
    return checked_address("wallet", receipt["contractAddress"])
