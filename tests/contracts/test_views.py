"""What can be read: constants, configuration, entries, unknown ids (spec contracts §1.11, §5)."""

from __future__ import annotations

import pytest
from market import DEPOSIT, KITTY, ZERO_ADDRESS, reverts

UNKNOWN = bytes(range(32))
NO_TASK = (0, bytes(32), 0, 0, 0, 0, 0, bytes(32), 0, 0, [], bytes(32), b"", 0, b"")


@pytest.fixture
def hub(each_market):
    return each_market.hub


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("contribution_deadline_ratio", 7),
        ("reveal_deadline_ratio", 2),
        ("final_deadline_ratio", 10),
        ("workerpool_stake_ratio", 30),
        ("kitty_ratio", 10),
        ("kitty_min", 10**9),
        ("kitty_address", KITTY),
        ("groupmember_purpose", 4),
    ],
)
def test_constant__is_that_of_the_protocol(hub, name, value):
    assert getattr(hub, name)() == value


def test_registries__are_those_of_the_deployment(hub, registries):
    assert hub.appregistry() == registries["app"]
    assert hub.datasetregistry() == registries["dataset"]
    assert hub.workerpoolregistry() == registries["workerpool"]


def test_token__is_that_of_the_deployment(token_market, token):
    assert token_market.hub.token() == token


def test_owner__is_that_of_the_deployment(hub, owner):
    assert hub.owner() == owner
    assert hub.pendingOwner() == ZERO_ADDRESS


# ---- entries, read from the contracts themselves


def test_view_app__shows_the_entry(each_market, app_owner):
    assert tuple(each_market.hub.viewApp(each_market.app)) == (
        app_owner,
        f"app of {each_market.hub.address}",
        "DOCKER",
        b"registry/image:1",
        bytes(range(1, 33)),
        b"",
    )


def test_view_dataset__shows_the_entry(each_market, dataset_owner):
    assert tuple(each_market.hub.viewDataset(each_market.dataset)) == (
        dataset_owner,
        f"dataset of {each_market.hub.address}",
        b"/ipfs/data",
        bytes(range(1, 33)),
    )


def test_view_workerpool__shows_the_entry(each_market, pool_owner):
    assert tuple(each_market.hub.viewWorkerpool(each_market.workerpool)) == (
        pool_owner,
        f"pool of {each_market.hub.address}",
        30,
        1,
    )


def test_view_workerpool__policy_changed__shows_the_new_one(project, market, pool_owner):
    project.Workerpool.at(market.workerpool).changePolicy(35, 5, sender=pool_owner)

    view = market.hub.viewWorkerpool(market.workerpool)

    assert (view.m_workerStakeRatioPolicy, view.m_schedulerRewardRatioPolicy) == (35, 5)


@pytest.mark.parametrize("method", ["viewApp", "viewDataset", "viewWorkerpool"])
def test_view_entry__without_code__reverts(market, stranger, method):
    with reverts(market.hub, ""):
        getattr(market.hub, method)(stranger)


# ---- what does not exist


def test_view_task__unknown__is_all_zeros(hub):
    assert tuple(hub.viewTask(UNKNOWN)) == NO_TASK


def test_view_contribution__unknown__is_all_zeros(hub, worker_1):
    empty = (0, bytes(32), bytes(32), ZERO_ADDRESS, 0)
    assert tuple(hub.viewContribution(UNKNOWN, worker_1)) == empty


def test_view_order__unknown__is_all_zeros(hub):
    assert hub.viewConsumed(UNKNOWN) == 0
    assert hub.viewPresigned(UNKNOWN) == ZERO_ADDRESS


def test_view_account__unknown__is_all_zeros(hub, stranger):
    assert tuple(hub.viewAccount(stranger)) == (0, 0)
    assert hub.viewScore(stranger) == 0


def test_result_for__unknown_task__reverts(hub):
    with reverts(hub, "Task_ResultPending", 0):
        hub.resultFor(UNKNOWN)


# ---- the flat views agree with the structs


def test_legacy_account__is_the_struct(hub, requester):
    assert tuple(hub.viewAccountABILegacy(requester)) == tuple(hub.viewAccount(requester))
    assert hub.viewAccountABILegacy(requester)[0] == DEPOSIT


@pytest.mark.parametrize("catid", [0, 4])
def test_legacy_category__is_the_struct(hub, catid):
    assert tuple(hub.viewCategoryABILegacy(catid)) == tuple(hub.viewCategory(catid))


def assert_legacy_task_is_the_struct(hub, taskid):
    task = hub.viewTask(taskid)
    assert tuple(hub.viewTaskABILegacy(taskid)) == (*tuple(task)[:11], task.results)


def test_legacy_task__unknown__is_the_struct(hub):
    assert_legacy_task_is_the_struct(hub, UNKNOWN)


def test_legacy_task_and_contribution__at_each_stage__are_the_structs(market, worker_1, worker_2):
    hub, digest = market.hub, bytes(range(100, 132))
    deal = market.match(market.orders(request={"trust": 3}))
    taskid = market.initialize(deal)
    assert_legacy_task_is_the_struct(hub, taskid)

    market.contribute(worker_1, taskid, digest)
    market.contribute(worker_2, taskid, digest)
    assert hub.viewTask(taskid).status == 2
    assert_legacy_task_is_the_struct(hub, taskid)
    for worker in (worker_1, worker_2):
        market.reveal(worker, taskid, digest)
    market.finalize(taskid, b"results")

    assert hub.viewTask(taskid).results == b"results"
    assert_legacy_task_is_the_struct(hub, taskid)
    contribution = hub.viewContribution(taskid, worker_1)
    assert tuple(hub.viewContributionABILegacy(taskid, worker_1)) == tuple(contribution)[:4]
