"""Entries: fields, refusals, and the policies of workerpools (spec contracts §6.3)."""

from __future__ import annotations

import ape
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from local_chain import undone

ZERO = "0x0000000000000000000000000000000000000000"
GETTERS = {
    "App": ("m_appName", "m_appType", "m_appMultiaddr", "m_appChecksum", "m_appMREnclave"),
    "Dataset": ("m_datasetName", "m_datasetMultiaddr", "m_datasetChecksum"),
    "Workerpool": ("m_workerpoolDescription",),
}
VALUES = {
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    "bytes": st.binary(max_size=300),
    "bytes32": st.binary(min_size=32, max_size=32),
}
MAX_STAKE = 2**128 - 1


@pytest.fixture
def entry(kind, app_owner, stranger):
    """An entry of `app_owner`."""
    return kind.entry(app_owner, "first", stranger)


@pytest.fixture
def master(kind):
    """The implementation behind the entries."""
    return kind.entry_type.at(kind.registry.master())


@pytest.fixture
def pool(project, workerpool_registry, pool_owner):
    """A workerpool of `pool_owner`, with the policies it was born with."""
    workerpool_registry.createWorkerpool(pool_owner, "pool", sender=pool_owner)
    return project.Workerpool.at(workerpool_registry.predictWorkerpool(pool_owner, "pool"))


def test_getters__return_the_fields(kind, entry):
    values = tuple(getattr(entry, getter)() for getter in GETTERS[kind.name])

    assert values == kind.fields("first")


@settings(max_examples=8)
@given(data=st.data())
def test_getters__for_any_fields__return_them(kind, app_owner, data):
    fields = tuple(data.draw(VALUES[type_]) for type_ in kind.types)
    with undone():
        getattr(kind.registry, f"create{kind.name}")(app_owner, *fields, sender=app_owner)
        address = getattr(kind.registry, f"predict{kind.name}")(app_owner, *fields)
        entry = kind.entry_type.at(address)

        assert tuple(getattr(entry, getter)() for getter in GETTERS[kind.name]) == fields


def test_entry__is_a_minimal_proxy_of_the_master(kind, entry, master, chain):
    code = bytes(chain.provider.get_code(entry.address))

    clone = f"363d3d373d3d3d363d73{master.address[2:].lower()}5af43d82803e903d91602b57fd5bf3"
    assert code[:45].hex() == clone


def test_entry__code__holds_the_fields_and_nothing_else(kind, entry, chain):
    code = bytes(chain.provider.get_code(entry.address))

    assert len(code) == 45 + kind.overhead + len("first")


def test_initialize__of_an_entry__reverts(kind, entry, app_owner):
    inputs = {"entry": entry.address}
    with ape.reverts(entry.Entry_AlreadyInitialized, error_inputs=inputs):
        entry.initialize(*kind.fields("again"), sender=app_owner)


def test_initialize__of_the_master__reverts(kind, master, app_owner):
    inputs = {"entry": master.address}
    with ape.reverts(master.Entry_AlreadyInitialized, error_inputs=inputs):
        master.initialize(*kind.fields("again"), sender=app_owner)


def test_getters__of_the_master__revert(kind, master):
    for getter in GETTERS[kind.name]:
        inputs = {"implementation": master.address}
        with ape.reverts(master.Entry_IsImplementation, error_inputs=inputs):
            getattr(master, getter)()


def test_owner__of_the_master__reverts(kind, master):
    inputs = {"tokenId": int(master.address, 16)}
    with ape.reverts(kind.registry.ERC721NonexistentToken, error_inputs=inputs):
        master.owner()


def test_owner__follows_the_token(kind, entry, app_owner, requester):
    kind.registry.transferFrom(app_owner, requester, int(entry.address, 16), sender=app_owner)

    assert entry.owner() == requester


def test_set_name__by_the_owner__reverts(entry, app_owner):
    inputs = {"entry": entry.address}
    with ape.reverts(entry.Entry_NameServiceUnsupported, error_inputs=inputs):
        entry.setName(ZERO, "name", sender=app_owner)


def test_set_name__by_a_stranger__reverts(entry, app_owner, stranger):
    inputs = {"owner": app_owner.address, "caller": stranger.address}
    with ape.reverts(entry.Entry_CallerNotOwner, error_inputs=inputs):
        entry.setName(ZERO, "name", sender=stranger)


def test_entry__sent_value__refuses_it(entry, stranger):
    with pytest.raises(ape.exceptions.ContractLogicError):
        stranger.transfer(entry, 1)

    assert entry.balance == 0


# Policies


def policies(pool, registry):
    """Both policies as the pool tells them, after checking that the registry tells the same."""
    told = (pool.m_workerStakeRatioPolicy(), pool.m_schedulerRewardRatioPolicy())
    assert tuple(registry.registeredWorkerpool(pool)) == (pool.owner(), *told)
    return told


def test_policies__of_a_new_pool__are_30_and_1(pool, workerpool_registry):
    assert policies(pool, workerpool_registry) == (30, 1)


@pytest.mark.parametrize(
    ("stake", "reward"),
    [(0, 0), (30, 1), (31, 2), (100, 99), (255, 100), (256, 0), (257, 1), (MAX_STAKE, 100)],
)
def test_change_policy__sets_both(pool, workerpool_registry, pool_owner, stake, reward):
    receipt = pool.changePolicy(stake, reward, sender=pool_owner)

    update = pool.PolicyUpdate(
        oldWorkerStakeRatioPolicy=30,
        newWorkerStakeRatioPolicy=stake,
        oldSchedulerRewardRatioPolicy=1,
        newSchedulerRewardRatioPolicy=reward,
    )
    assert receipt.events == [update]
    assert policies(pool, workerpool_registry) == (stake, reward)


def test_change_policy__again__replaces_the_values(pool, workerpool_registry, pool_owner):
    for old, new in [((30, 1), (1_000, 5)), ((1_000, 5), (7, 0)), ((7, 0), (30, 1))]:
        receipt = pool.changePolicy(*new, sender=pool_owner)

        update = pool.PolicyUpdate(
            oldWorkerStakeRatioPolicy=old[0],
            newWorkerStakeRatioPolicy=new[0],
            oldSchedulerRewardRatioPolicy=old[1],
            newSchedulerRewardRatioPolicy=new[1],
        )
        assert receipt.events == [update]
        assert policies(pool, workerpool_registry) == new


def test_change_policy__leaves_owner_and_lists_alone(pool, workerpool_registry, pool_owner):
    pool.changePolicy(255, 100, sender=pool_owner)

    token_id = int(pool.address, 16)
    assert workerpool_registry.ownerOf(token_id) == pool_owner
    assert workerpool_registry.tokenByIndex(0) == token_id
    assert workerpool_registry.tokenOfOwnerByIndex(pool_owner, 0) == token_id


@pytest.mark.parametrize("stake", [35, 3_500])
def test_change_policy__stays_with_a_sold_pool(
    pool, workerpool_registry, pool_owner, requester, stake
):
    pool.changePolicy(stake, 5, sender=pool_owner)

    token_id = int(pool.address, 16)
    workerpool_registry.transferFrom(pool_owner, requester, token_id, sender=pool_owner)

    assert policies(pool, workerpool_registry) == (stake, 5)
    assert workerpool_registry.registeredWorkerpool(pool)[0] == requester


def test_change_policy__of_one_pool__leaves_the_others(
    pool, project, workerpool_registry, pool_owner
):
    workerpool_registry.createWorkerpool(pool_owner, "other", sender=pool_owner)
    other = project.Workerpool.at(workerpool_registry.predictWorkerpool(pool_owner, "other"))

    pool.changePolicy(300, 50, sender=pool_owner)

    assert policies(other, workerpool_registry) == (30, 1)


def test_change_policy__by_a_stranger__reverts(pool, pool_owner, stranger):
    inputs = {"owner": pool_owner.address, "caller": stranger.address}
    with ape.reverts(pool.Entry_CallerNotOwner, error_inputs=inputs):
        pool.changePolicy(30, 1, sender=stranger)


def test_change_policy__by_the_former_owner__reverts(
    pool, workerpool_registry, pool_owner, requester
):
    token_id = int(pool.address, 16)
    workerpool_registry.transferFrom(pool_owner, requester, token_id, sender=pool_owner)

    inputs = {"owner": requester.address, "caller": pool_owner.address}
    with ape.reverts(pool.Entry_CallerNotOwner, error_inputs=inputs):
        pool.changePolicy(30, 1, sender=pool_owner)


@pytest.mark.parametrize("reward", [101, 2**256 - 1])
def test_change_policy__with_reward_above_100_percent__reverts(pool, pool_owner, reward):
    inputs = {"limit": 100, "actual": reward}
    with ape.reverts(pool.Workerpool_RewardRatioTooHigh, error_inputs=inputs):
        pool.changePolicy(30, reward, sender=pool_owner)


@pytest.mark.parametrize("stake", [MAX_STAKE + 1, 2**256 - 1])
def test_change_policy__with_stake_above_128_bits__reverts(pool, pool_owner, stake):
    inputs = {"limit": MAX_STAKE, "actual": stake}
    with ape.reverts(pool.Workerpool_StakeRatioTooHigh, error_inputs=inputs):
        pool.changePolicy(stake, 1, sender=pool_owner)


def test_set_policy__by_anyone_but_a_pool__reverts(workerpool_registry, stranger):
    inputs = {"tokenId": int(stranger.address, 16)}
    with ape.reverts(workerpool_registry.ERC721NonexistentToken, error_inputs=inputs):
        workerpool_registry.setPolicy(30, 1, sender=stranger)


def test_registered_workerpool__unknown__is_zeros(workerpool_registry, stranger):
    assert tuple(workerpool_registry.registeredWorkerpool(stranger)) == (ZERO, 0, 0)


# Pools of an earlier registry


@pytest.fixture
def successor(project, workerpool_registry, owner):
    """A registry that follows `workerpool_registry`."""
    registry = owner.deploy(project.WorkerpoolRegistry, owner)
    registry.initialize(workerpool_registry, sender=owner)
    return registry


@pytest.fixture
def fake_pool(project, stranger):
    """A contract with the getters of a pool, owned by `stranger`."""
    return stranger.deploy(project.FakeEntry, stranger)


@pytest.fixture
def gullible(project, owner, stranger):
    """A registry whose predecessor claims to know every entry."""
    registry = owner.deploy(project.WorkerpoolRegistry, owner)
    registry.initialize(stranger.deploy(project.FakeRegistry), sender=owner)
    return registry


@pytest.mark.parametrize("policy", [(30, 1), (45, 3), (MAX_STAKE, 100)])
def test_registered_workerpool__in_previous__is_the_pool_s_answer(
    pool, successor, pool_owner, policy
):
    pool.changePolicy(*policy, sender=pool_owner)

    assert tuple(successor.registeredWorkerpool(pool)) == (pool_owner, *policy)


def test_registered_workerpool__unknown_to_previous__is_zeros(successor, fake_pool):
    assert tuple(successor.registeredWorkerpool(fake_pool)) == (ZERO, 0, 0)


@pytest.mark.parametrize("policy", [(MAX_STAKE + 1, 1), (30, 101), (2**256 - 1, 2**256 - 1)])
def test_registered_workerpool__earlier_pool_out_of_range__is_zeros(
    gullible, fake_pool, stranger, policy
):
    assert tuple(gullible.registeredWorkerpool(fake_pool)) == (stranger, 30, 1)

    fake_pool.setPolicies(*policy, sender=stranger)

    assert tuple(gullible.registeredWorkerpool(fake_pool)) == (ZERO, 0, 0)


def test_registered_workerpool__earlier_pool_reverts__is_zeros(gullible, fake_pool, stranger):
    fake_pool.setPoliciesRevert(True, sender=stranger)

    assert tuple(gullible.registeredWorkerpool(fake_pool)) == (ZERO, 0, 0)


@pytest.mark.parametrize("mode", [1, 2, 3], ids=["revert", "short", "dirty"])
def test_registered_workerpool__earlier_owner_unreadable__is_zeros(
    gullible, fake_pool, stranger, mode
):
    fake_pool.setMode(mode, sender=stranger)

    assert tuple(gullible.registeredWorkerpool(fake_pool)) == (ZERO, 0, 0)
