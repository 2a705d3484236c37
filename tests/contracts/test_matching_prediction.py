"""`why_not_match` predicts what the hub does with any four orders: the first rule, or a deal."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import ape
import pytest
from eth_abi import encode
from eth_utils import keccak
from hypothesis import event, given, note, settings
from hypothesis import strategies as st
from local_chain import undone
from market import DEPOSIT, RLC, ZERO_ADDRESS, Market, Revert, revert_of

from poco.orders import (
    NULL_DATASET_ORDER,
    Asset,
    Domain,
    WorkerpoolPolicy,
    to_compact_signature,
    why_not_match,
)

MAX_WORD = 2**256 - 1
EXAMPLES = int(os.environ.get("POCO_EXAMPLES", "30"))
"""How many random examples to try; by default a few that are always the same."""


@dataclass(frozen=True)
class HubView:
    """The `ChainView` of a hub under test: each question is asked on the chain."""

    market: Market
    project: Any

    @property
    def hub(self) -> Any:
        return self.market.hub

    @property
    def domain(self) -> Domain:
        return self.market.domain

    def category_count(self) -> int:
        return self.hub.countCategory()

    def category_clock(self, category: int) -> int:
        return self.hub.viewCategory(category).workClockTimeRef

    def registry(self, asset: Asset) -> Any:
        return self.market.registries[asset].address

    def registered_owner(self, asset: Asset, address: Any) -> Any:
        registry = self.market.registries[asset]
        return registry.ownerOf(int(address, 16)) if registry.isRegistered(address) else None

    def workerpool_policy(self, workerpool: Any) -> WorkerpoolPolicy:
        pool = self.project.Workerpool.at(workerpool)
        return WorkerpoolPolicy(
            pool.m_workerStakeRatioPolicy(), pool.m_schedulerRewardRatioPolicy()
        )

    def consumed(self, order_hash: bytes) -> int:
        return self.hub.viewConsumed(order_hash)

    def presigned(self, order_hash: bytes) -> Any:
        return self.hub.viewPresigned(order_hash)

    def balance(self, account: Any) -> int:
        return self.hub.balanceOf(account)

    def has_code(self, address: Any) -> bool:
        return bool(ape.networks.provider.get_code(address))

    def is_valid_signature(self, address: Any, digest: bytes, signature: bytes) -> bool:
        question = encode(["bytes32", "bytes"], [digest, signature])
        answer = ask(address, keccak(text="isValidSignature(bytes32,bytes)")[:4] + question)
        return answer[:32] == bytes.fromhex("1626ba7e").ljust(32, b"\0")

    def is_group_member(self, group: Any, account: Any) -> bool:
        question = encode(["bytes32", "uint256"], [bytes.fromhex(account[2:]).rjust(32, b"\0"), 4])
        answer = ask(group, keccak(text="keyHasPurpose(bytes32,uint256)")[:4] + question)
        return answer[:32] == (1).to_bytes(32)


def ask(target: str, data: bytes) -> bytes:
    """Call a contract of any kind; a revert and a short answer are no answer."""
    web3 = ape.networks.provider.web3
    try:
        answer = bytes(web3.eth.call({"to": target, "data": "0x" + data.hex()}))
    except Exception:
        return b""
    return answer if len(answer) >= 32 else b""


@pytest.fixture(scope="module")
def stage(project, market, owner, cast):
    """What mutations need besides the usual market: further entries, groups and a wallet."""
    hub, group = market.hub, owner.deploy(project.Erc734Group)
    wallet = owner.deploy(project.Erc1271Wallet, cast["requester"])
    hub.transfer(wallet, 10 * RLC, sender=cast["owner"])
    members = (market.app, market.dataset, market.workerpool, cast["requester"].address)
    for member in (*members, wallet.address):
        group.setMember(member, True, sender=owner)
    pool = market.create_workerpool(cast["pool_owner"], "dear")
    project.Workerpool.at(pool).changePolicy(5_000, 50, sender=cast["pool_owner"])
    return {
        "group": group.address,
        "empty group": owner.deploy(project.Erc734Group).address,
        "wallet": wallet.address,
        "other app": market.create_app(cast["stranger"], "other"),
        "other pool": pool,
        "fake": owner.deploy(project.FakeEntry, cast["app_owner"]).address,
        "nobody": cast["worker_5"].address,
    }


# Names of `stage`, of attributes of the market, or roles; zero is the null address.
RESTRICTIONS = (
    "zero",
    "group",
    "empty group",
    "nobody",
    "app",
    "dataset",
    "workerpool",
    "requester",
)
ADDRESSES = {
    "request.workerpool": RESTRICTIONS,
    "app.datasetrestrict": RESTRICTIONS,
    "app.workerpoolrestrict": RESTRICTIONS,
    "app.requesterrestrict": RESTRICTIONS,
    "dataset.apprestrict": RESTRICTIONS,
    "dataset.workerpoolrestrict": RESTRICTIONS,
    "dataset.requesterrestrict": RESTRICTIONS,
    "workerpool.apprestrict": RESTRICTIONS,
    "workerpool.datasetrestrict": RESTRICTIONS,
    "workerpool.requesterrestrict": RESTRICTIONS,
    "app.app": ("other app", "fake", "nobody", "zero", "dataset"),
    "request.app": ("other app", "nobody"),
    "workerpool.workerpool": ("other pool", "fake", "nobody", "zero", "app"),
    "dataset.dataset": ("fake", "zero", "app"),
    "request.dataset": ("zero", "app"),
    "request.requester": ("wallet", "pool_owner", "stranger", "zero"),
}
PRICES = st.sampled_from([0, 3, 1_001, RLC + 1, DEPOSIT, 2**96 - 1, 2**96, MAX_WORD])
VOLUMES = st.sampled_from([0, 1, 2, 30, 2**53 - 1, 2**64 - 1, 2**64, MAX_WORD])
TAGS = st.sampled_from([0, 1, 2, 3, 9, 0x0F, 0x101, 1 << 255])
CATEGORIES = st.sampled_from([0, 1, 4, 5, MAX_WORD])
TRUSTS = st.sampled_from([0, 1, 2, 100, 101, 2**64 - 1, 2**64, MAX_WORD])
NUMBERS = {
    "app.appprice": PRICES,
    "request.appmaxprice": PRICES,
    "dataset.datasetprice": PRICES,
    "request.datasetmaxprice": PRICES,
    "workerpool.workerpoolprice": PRICES,
    "request.workerpoolmaxprice": PRICES,
    "app.tag": TAGS,
    "dataset.tag": TAGS,
    "workerpool.tag": TAGS,
    "request.tag": TAGS,
    "workerpool.category": CATEGORIES,
    "request.category": CATEGORIES,
    "workerpool.trust": TRUSTS,
    "request.trust": TRUSTS,
    "app.volume": VOLUMES,
    "dataset.volume": VOLUMES,
    "workerpool.volume": VOLUMES,
    "request.volume": VOLUMES,
}
KINDS = ("app", "dataset", "workerpool", "request")
SIGNATURES = ("another", "empty", "short", "compact", "twin", "zeros", "presigned", "closed")

one_change = st.one_of(
    st.sampled_from(sorted(NUMBERS)).flatmap(lambda key: st.tuples(st.just(key), NUMBERS[key])),
    st.sampled_from(sorted(ADDRESSES)).flatmap(
        lambda key: st.tuples(st.just(key), st.sampled_from(ADDRESSES[key]))
    ),
    st.tuples(st.sampled_from([f"{kind}.sign" for kind in KINDS]), st.sampled_from(SIGNATURES)),
    st.tuples(st.just("request.params"), st.sampled_from(["x" * 205, "é" * 12_109, "é" * 12_110])),
    st.tuples(st.just("dataset"), st.none()),
)
# Changes that agree with each other, since single ones mostly break a rule.
paired = st.sampled_from(
    [
        (("request.trust", 2**64), ("workerpool.trust", MAX_WORD)),
        (("workerpool.category", 4), ("request.category", 4)),
        (("app.appprice", 2**96), ("request.appmaxprice", 2**96)),
        (("workerpool.tag", 0x0F), ("app.tag", 1), ("request.tag", 3)),
        (("dataset", None), ("app.datasetrestrict", "zero")),
        (("workerpool.workerpool", "other pool"), ("workerpool.workerpoolprice", 3)),
        (("app.app", "other app"), ("request.app", "other app")),
        (("app.app", "fake"), ("request.app", "fake")),
        tuple((f"{kind}.volume", MAX_WORD) for kind in KINDS),
        (("workerpool.workerpoolprice", 2**96 - 1), ("request.workerpoolmaxprice", MAX_WORD)),
    ]
)
changes = st.builds(
    lambda single, pair: [*pair, *single],
    st.lists(one_change, max_size=2),
    st.one_of(st.just(()), paired),
)


def build(market, stage, cast, made):
    """Make four orders with the changes, sign them with the right keys, then spoil signatures."""

    def address(name):
        if name == "zero":
            return ZERO_ADDRESS
        if name in stage:
            return stage[name]
        return cast[name].address if name in cast else getattr(market, name)

    fields: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    signatures, with_dataset = {}, True
    for key, value in made:
        kind, _, name = key.partition(".")
        if name == "sign":
            signatures[kind] = value
        elif key == "dataset":
            with_dataset = False
        else:
            fields[kind][name] = address(value) if key in ADDRESSES else value
    signers = {"app": "app_owner", "dataset": "dataset_owner", "workerpool": "pool_owner"}
    if fields["app"].get("app") == stage["other app"]:
        signers["app"] = "stranger"
    if fields["request"].get("requester") in (cast["pool_owner"], cast["stranger"]):
        requester = fields["request"]["requester"]
        signers["request"] = "pool_owner" if requester == cast["pool_owner"] else "stranger"
    given = {kind: {"signer": signers.get(kind, "requester")} | fields[kind] for kind in KINDS}
    if not with_dataset:
        fields["request"].setdefault("dataset", False)
        given["request"].setdefault("dataset", False)
        del given["dataset"]
        orders = market.orders(dataset=False, **given)
        spoiled = {name: value for name, value in fields["dataset"].items() if name != "dataset"}
        orders = orders._replace(dataset=replace(NULL_DATASET_ORDER, **spoiled))
    else:
        orders = market.orders(**given)
    return spoil(market, cast, orders, signatures)


def spoil(market, cast, orders, signatures):
    """Replace signatures; presigning and closing is done on chain by the usual owners."""
    owners = {
        "app": "app_owner",
        "dataset": "dataset_owner",
        "workerpool": "pool_owner",
        "request": "requester",
    }
    for kind, form in signatures.items():
        order = getattr(orders, kind)
        sign = order.sign
        if form in ("presigned", "closed"):
            manage = getattr(market.hub, f"manage{kind.capitalize()}Order")
            operation = (order.to_abi(), int(form == "closed"), b"")
            if revert_of(manage, operation, sender=cast[owners[kind]]) is None:
                manage(operation, sender=cast[owners[kind]])
                sign = b"" if form == "presigned" else sign
        elif form == "another":
            sign = market.sign(order, cast["worker_1"]).sign
        elif form == "compact" and len(sign) == 65:
            sign = to_compact_signature(sign)
        elif form == "twin" and len(sign) == 65:
            curve = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
            s = curve - int.from_bytes(sign[32:64])
            sign = sign[:32] + s.to_bytes(32) + bytes((55 - sign[64],))
        else:
            sign = {"empty": b"", "short": sign[:63], "zeros": bytes(65)}.get(form, sign)
        orders = orders._replace(**{kind: replace(order, sign=sign)})
    return orders


@settings(
    max_examples=EXAMPLES,
)
@given(made=changes, sponsored=st.booleans(), before=st.sampled_from([0, 0, 0, 1]))
def test_match__any_orders__does_what_why_not_match_says(
    project, market, stage, cast, made, sponsored, before
):
    with undone():
        orders = build(market, stage, cast, made)
        if before:  # one task of the request was taken already
            earlier = market.orders()._replace(request=orders.request)
            call = market.hub.matchOrders
            if revert_of(call, *earlier.to_abi(), sender=cast["stranger"]) is None:
                call(*earlier.to_abi(), sender=cast["stranger"])
        sponsor = cast["sponsor"].address if sponsored else None
        violations = why_not_match(*orders, HubView(market, project), sponsor=sponsor)
        predicted = None
        if violations:
            predicted = Revert(violations[0].rule, violations[0].arguments)
        note(str([str(violation) for violation in violations]))
        event(predicted.name if predicted else "accepted")

        method = market.hub.sponsorMatchOrders if sponsored else market.hub.matchOrders
        sender = cast["sponsor"] if sponsored else cast["stranger"]
        actual = revert_of(method, *orders.to_abi(), sender=sender)

        assert actual == predicted
        if actual is None:
            deal = market.match(orders, sponsor=cast["sponsor"] if sponsored else None)
            assert deal.volume > 0
