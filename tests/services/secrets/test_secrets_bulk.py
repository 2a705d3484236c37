"""Bulks: a task gets the keys of the datasets in its slice whose owners agreed, and no others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from secrets_stage import OFFICIAL_TAG, Keeper, Stage, Start
from support.ipfs_gateway import Gateway, cid_of, open_gateway

from poco.errors import PeerError
from poco.orders import (
    GPU,
    MAX_JSON_INTEGER,
    ZERO_ADDRESS,
    DatasetOrder,
    Tag,
    TaskId,
    checked_address,
    random_salt,
    sign_order,
)
from poco.secret import Secret
from poco.services.bulk import MAX_ORDERS
from poco.services.secrets import BulkDataset, SecretName, SecretsRefusedError, TaskSecrets
from poco.services.secrets.bulk import bulk_fetcher

CHECKSUM = b"\x07" * 32
STRANGER = checked_address("stranger", "0x" + "77" * 20)


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with open_gateway() as made:
        yield made


@pytest.fixture
def keeper(start: Start, gateway: Gateway) -> Keeper:
    return start(simulated=True, fetcher=bulk_fetcher([gateway.url]))


@pytest.fixture(scope="module")
def second(stage: Stage) -> str:
    """Another dataset, with a checksum."""
    entry = (stage.address("dataset_owner"), "second", b"https://example.com/second", CHECKSUM)
    return stage.owner.datasets.create(*entry).value


def order(stage: Stage, signer: str = "dataset_owner", **terms: Any) -> DatasetOrder:
    """A signed dataset order as the official client makes them for bulks."""
    fields: dict[str, Any] = {
        "dataset": stage.dataset,
        "volume": MAX_JSON_INTEGER - 1,
        "tag": OFFICIAL_TAG,
        "salt": random_salt(),
    }
    return sign_order(DatasetOrder(**fields | terms), stage.market.domain, stage.keys[signer])


def buy(stage: Stage, gateway: Gateway, slices: object, **deal: Any) -> TaskId:
    """The first task of a deal for a bulk; a slice is a list of orders, or a file that is none."""
    if isinstance(slices, list):
        slices = [
            gateway.put([one.to_json() if isinstance(one, DatasetOrder) else one for one in part])
            if isinstance(part, list)
            else part
            for part in slices
        ]
    params = json.dumps({"bulk_cid": gateway.put(slices)})
    return stage.task(params, **{"dataset": False} | deal)


def push(keeper: Keeper, dataset: str, key: str) -> None:
    """The owner gives the key of a dataset to the service."""
    assert keeper.push(SecretName.dataset(dataset), key, "dataset_owner").status_code == 204


def opened(keeper: Keeper, taskid: TaskId) -> TaskSecrets:
    return keeper.session(keeper.admitted(taskid))


# WHAT A TASK GETS


def test_session__bulk__has_the_datasets_of_the_slice_in_their_order(
    keeper: Keeper, gateway: Gateway, second: str
) -> None:
    stage = keeper.stage
    push(keeper, stage.dataset, "first-key")
    push(keeper, second, "second-key")
    taskid = buy(stage, gateway, [[order(stage, dataset=second), order(stage)], [order(stage)]])
    found = opened(keeper, taskid)
    assert found.bulk == (
        BulkDataset(second, "https://example.com/second", CHECKSUM, Secret("second-key")),
        BulkDataset(stage.dataset, "/ipfs/data", bytes(32), Secret("first-key")),
    )
    assert found.withheld == ()
    assert found.dataset_key is None


def test_session__bulk__each_key_leaves_a_line_in_the_audit(
    keeper: Keeper, gateway: Gateway, second: str
) -> None:
    stage = keeper.stage
    push(keeper, stage.dataset, "first-key")
    push(keeper, second, "second-key")
    taskid = buy(stage, gateway, [[order(stage), order(stage, dataset=second)]])
    opened(keeper, taskid)
    assert keeper.audit()[-2:] == [f"dataset {stage.dataset}", f"dataset {second}"]


def test_session__bulk_of_a_deal_that_begins_later__has_the_slice_of_the_index(
    keeper: Keeper, gateway: Gateway, second: str
) -> None:
    """Deals of one request share the bulk: the index counts over all of them."""
    stage = keeper.stage
    push(keeper, second, "second-key")
    cid = gateway.put([gateway.put([]), gateway.put([order(stage, dataset=second).to_json()])])
    params = json.dumps({"bulk_cid": cid})
    salt = random_salt()
    first, later = (stage.task(params, dataset=False, volume=2, salt=salt) for _ in range(2))
    assert stage.market.hub.task(later).index == 1
    assert opened(keeper, first).bulk == ()
    leave = replace(keeper.admitted(later), index=0)  # what it says counts for nothing
    found = keeper.session(leave).bulk
    assert found is not None
    assert [one.address for one in found if one] == [second]


def test_session__without_a_bulk__has_none(keeper: Keeper) -> None:
    assert opened(keeper, keeper.stage.task(dataset=False)).bulk is None


# WHAT IT DOES NOT GET


def test_session__orders_that_do_not_admit_the_deal__leave_gaps(
    keeper: Keeper, gateway: Gateway
) -> None:
    stage = keeper.stage
    push(keeper, stage.dataset, "key")
    refused = [
        (order(stage, volume=1000), "its volume must be 9007199254740990 or more, not 1000"),
        (order(stage, datasetprice=5), "its price must be 0, not 5: nobody pays for a bulk's"),
        (order(stage, "stranger"), "Invalid dataset order signature"),
        (order(stage, apprestrict=STRANGER), "App restriction not satisfied"),
        (order(stage, workerpoolrestrict=STRANGER), "Workerpool restriction not satisfied"),
        (order(stage, requesterrestrict=STRANGER), "Requester restriction not satisfied"),
        (order(stage, tag=OFFICIAL_TAG | GPU), "Tag compatibility not satisfied"),
        (order(stage, dataset=STRANGER), "it must be in the registry of datasets"),
        (order(stage, "app_owner", dataset=stage.app), "it must be in the registry of datasets"),
        ({"dataset": stage.dataset}, "it must be a dataset order"),
    ]
    wanted = [*(one for one, _ in refused), order(stage)]
    found = opened(keeper, buy(stage, gateway, [wanted]))
    assert found.bulk is not None
    *gaps, admitted = found.bulk
    assert gaps == [None] * len(refused)
    assert admitted is not None
    assert admitted.key == Secret("key")
    for number, (remark, (_, reason)) in enumerate(zip(found.withheld, refused, strict=True), 1):
        assert remark.startswith(f"dataset {number} of the bulk: {reason}")


def test_session__order_that_was_revoked__leaves_a_gap(keeper: Keeper, gateway: Gateway) -> None:
    stage = keeper.stage
    push(keeper, stage.dataset, "key")
    revoked = order(stage)
    taskid = buy(stage, gateway, [[revoked]])
    owner = stage.market.acting_as(stage.keys["dataset_owner"])
    owner.hub.close(revoked)
    found = opened(keeper, taskid)
    assert found.bulk == (None,)
    assert "revoked or fully consumed" in found.withheld[0]


def test_session__dataset_of_a_bulk_without_key__leaves_a_gap(
    keeper: Keeper, gateway: Gateway
) -> None:
    """Where the deal's own dataset would fail the session (spec sdk §4.6)."""
    stage = keeper.stage
    found = opened(keeper, buy(stage, gateway, [[order(stage)]]))
    assert found.bulk == (None,)
    assert found.withheld == (
        f"dataset 1 of the bulk: the owner of {stage.dataset} must push its key",
    )


def test_session__deal_with_a_dataset__gets_nothing_of_a_bulk(
    keeper: Keeper, gateway: Gateway
) -> None:
    stage = keeper.stage
    push(keeper, stage.dataset, "key")
    found = opened(keeper, buy(stage, gateway, [[order(stage)]], dataset=True))
    assert found.bulk == (None,)
    assert "already has a dataset" in found.withheld[0]
    assert found.dataset_key == Secret("key")


def test_session__task_without_the_tag__has_no_bulk(start: Start, gateway: Gateway) -> None:
    keeper = start(software=True, fetcher=bulk_fetcher([gateway.url]))
    stage = keeper.stage
    taskid = buy(stage, gateway, [[order(stage, tag=Tag(0))]], tag=Tag(0))
    asked = gateway.asked
    assert keeper.session(stage.authorization(taskid, ZERO_ADDRESS)).bulk is None
    assert gateway.asked == asked


# FILES THAT ARE NOT THERE, OR NONE


@pytest.mark.parametrize(
    ("slices", "rule"),
    [
        ([], "must list a slice for task index 0"),
        ([7], "must list a slice for task index 0"),
        ({"0": "Qm"}, "must be a JSON list"),
        (b"[", "must be a JSON list"),
        (b"\xff", "must be a JSON list"),
        (b"[" * 100 + b"]" * 100, "must be a JSON list"),
        ([[{}] * (MAX_ORDERS + 1)], "at most 100 orders, and has 101"),
        ([cid_of(b"nobody has this")], "status 404"),
        (["../secrets"], "an IPFS address is"),
    ],
)
def test_session__bulk_without_a_slice_for_the_task__is_refused(
    keeper: Keeper, gateway: Gateway, slices: object, rule: str
) -> None:
    leave = keeper.admitted(buy(keeper.stage, gateway, slices))
    with pytest.raises(SecretsRefusedError, match=rule) as caught:
        keeper.session(leave)
    assert (caught.value.code, caught.value.status) == ("BULK_SLICE_NOT_FOUND", 500)
    assert keeper.audit() == []


def test_session__gateway_that_is_away__is_worth_another_try(
    start: Start, gateway: Gateway
) -> None:
    keeper = start(simulated=True, fetcher=bulk_fetcher(()))
    leave = keeper.admitted(buy(keeper.stage, gateway, [[]]))
    with pytest.raises(PeerError, match="no IPFS gateway") as caught:
        keeper.session(leave)
    assert not isinstance(caught.value, SecretsRefusedError)
