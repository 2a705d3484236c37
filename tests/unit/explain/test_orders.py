"""Orders explained: every field and every fact flipped, one at a time, and nothing else blamed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from explain_stage import (
    APP,
    DATASET,
    KEYS,
    OTHER,
    POOL,
    PRICES,
    REGISTRIES,
    REQUESTER,
    VOLUME,
    Fair,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from poco.explain import Finding, explain_bulk
from poco.orders import (
    GPU,
    MAX_AMOUNT,
    MAX_INDEX,
    MAX_PARAMS_BYTES,
    MAX_TRUST,
    MIN_BULK_VOLUME,
    ORDER_CLASSES,
    SCONE,
    TDX,
    TEE,
    ZERO_ADDRESS,
    Asset,
    BulkDeal,
    DealId,
    Tag,
    WorkerpoolPolicy,
)
from poco.orders.model import abi_fields

NOT_SOLD = 2**200
ALL = tuple(KEYS)[:4]


class Flip:
    """One changed field of a signed order, and the culprit that must be named.

    Args:
        value: the new value.
        rule: the rule; empty when the field breaks none.
        field: the culprit; the changed field itself unless given.
        allowed: what the rule allows.
        actual: what was found.
    """

    def __init__(
        self, value: Any, rule: str = "", field: str = "", allowed: Any = "", actual: Any = ""
    ) -> None:
        self.value, self.rule, self.field = value, rule, field
        self.allowed, self.actual = str(allowed), str(actual)


# Every field of every order; those without a rule may say what they like.
FIELDS: dict[tuple[str, str], Flip] = {
    ("apporder", "app"): Flip(OTHER, "Match_AppMismatch", "", APP, OTHER),
    ("apporder", "appprice"): Flip(1_001, "Match_AppPriceTooHigh", "", 1_000, 1_001),
    ("apporder", "volume"): Flip(0, "Match_OrderConsumed", "", 0, 0),
    ("apporder", "tag"): Flip(TDX, "Match_AppNotTee", "", "tee,tdx", "tdx"),
    ("apporder", "datasetrestrict"): Flip(OTHER, "Match_AppRestrictsDataset", "", OTHER, DATASET),
    ("apporder", "workerpoolrestrict"): Flip(
        OTHER, "Match_AppRestrictsWorkerpool", "", OTHER, POOL
    ),
    ("apporder", "requesterrestrict"): Flip(
        OTHER, "Match_AppRestrictsRequester", "", OTHER, REQUESTER
    ),
    ("apporder", "salt"): Flip(b"\x09" * 32),
    ("datasetorder", "dataset"): Flip(OTHER, "Match_DatasetMismatch", "", DATASET, OTHER),
    ("datasetorder", "datasetprice"): Flip(2_001, "Match_DatasetPriceTooHigh", "", 2_000, 2_001),
    ("datasetorder", "volume"): Flip(0, "Match_OrderConsumed", "", 0, 0),
    ("datasetorder", "tag"): Flip(
        GPU, "Match_TagNotOffered", "workerpoolorder.tag", "tee,gpu", "tee,tdx"
    ),
    ("datasetorder", "apprestrict"): Flip(OTHER, "Match_DatasetRestrictsApp", "", OTHER, APP),
    ("datasetorder", "workerpoolrestrict"): Flip(
        OTHER, "Match_DatasetRestrictsWorkerpool", "", OTHER, POOL
    ),
    ("datasetorder", "requesterrestrict"): Flip(
        OTHER, "Match_DatasetRestrictsRequester", "", OTHER, REQUESTER
    ),
    ("datasetorder", "salt"): Flip(b"\x09" * 32),
    ("workerpoolorder", "workerpool"): Flip(
        OTHER, "Match_RequestRestrictsWorkerpool", "requestorder.workerpool", POOL, OTHER
    ),
    ("workerpoolorder", "workerpoolprice"): Flip(
        10_001, "Match_WorkerpoolPriceTooHigh", "", 10_000, 10_001
    ),
    ("workerpoolorder", "volume"): Flip(0, "Match_OrderConsumed", "", 0, 0),
    ("workerpoolorder", "tag"): Flip(TDX, "Match_TagNotOffered", "", "tee", "tdx"),
    ("workerpoolorder", "category"): Flip(2, "Match_CategoryMismatch", "", 1, 2),
    ("workerpoolorder", "trust"): Flip(3, "Match_TrustTooLow", "", 4, 3),
    ("workerpoolorder", "apprestrict"): Flip(OTHER, "Match_WorkerpoolRestrictsApp", "", OTHER, APP),
    ("workerpoolorder", "datasetrestrict"): Flip(
        OTHER, "Match_WorkerpoolRestrictsDataset", "", OTHER, DATASET
    ),
    ("workerpoolorder", "requesterrestrict"): Flip(
        OTHER, "Match_WorkerpoolRestrictsRequester", "", OTHER, REQUESTER
    ),
    ("workerpoolorder", "salt"): Flip(b"\x09" * 32),
    ("requestorder", "app"): Flip(OTHER, "Match_AppMismatch", "apporder.app", OTHER, APP),
    ("requestorder", "appmaxprice"): Flip(
        999, "Match_AppPriceTooHigh", "apporder.appprice", 999, 1_000
    ),
    ("requestorder", "dataset"): Flip(
        OTHER, "Match_DatasetMismatch", "datasetorder.dataset", OTHER, DATASET
    ),
    ("requestorder", "datasetmaxprice"): Flip(
        1_999, "Match_DatasetPriceTooHigh", "datasetorder.datasetprice", 1_999, 2_000
    ),
    ("requestorder", "workerpool"): Flip(
        OTHER, "Match_RequestRestrictsWorkerpool", "", OTHER, POOL
    ),
    ("requestorder", "workerpoolmaxprice"): Flip(
        9_999, "Match_WorkerpoolPriceTooHigh", "workerpoolorder.workerpoolprice", 9_999, 10_000
    ),
    ("requestorder", "requester"): Flip(
        OTHER, "Match_RequestSignatureInvalid", "requestorder.sign", OTHER, REQUESTER
    ),
    ("requestorder", "volume"): Flip(0, "Match_OrderConsumed", "", 0, 0),
    ("requestorder", "tag"): Flip(
        TEE | GPU, "Match_TagNotOffered", "workerpoolorder.tag", "tee,gpu", "tee,tdx"
    ),
    ("requestorder", "category"): Flip(
        2, "Match_CategoryMismatch", "workerpoolorder.category", 2, 1
    ),
    ("requestorder", "trust"): Flip(5, "Match_TrustTooLow", "workerpoolorder.trust", 5, 4),
    ("requestorder", "beneficiary"): Flip(OTHER),
    ("requestorder", "callback"): Flip(OTHER),
    ("requestorder", "params"): Flip("other"),
    ("requestorder", "salt"): Flip(b"\x09" * 32),
}
# A field that two rules look at names the second one, too.
ALSO = {
    ("apporder", "app"): {
        "Match_DatasetRestrictsApp",
        "Match_WorkerpoolRestrictsApp",
        "Match_AppNotRegistered",
    },
    ("datasetorder", "dataset"): {
        "Match_AppRestrictsDataset",
        "Match_WorkerpoolRestrictsDataset",
        "Match_DatasetNotRegistered",
    },
    ("workerpoolorder", "workerpool"): {
        "Match_AppRestrictsWorkerpool",
        "Match_DatasetRestrictsWorkerpool",
        "Match_WorkerpoolNotRegistered",
    },
    ("requestorder", "requester"): {
        "Match_AppRestrictsRequester",
        "Match_DatasetRestrictsRequester",
        "Match_WorkerpoolRestrictsRequester",
        "Escrow_BalanceTooLow",
    },
}

# The request stands for an order that is not there.
ASKED_FOR = {
    ("requestorder", "app"): {
        "Match_AppNotRegistered",
        "Match_DatasetRestrictsApp",
        "Match_WorkerpoolRestrictsApp",
    },
    ("requestorder", "dataset"): {
        "Match_DatasetNotRegistered",
        "Match_AppRestrictsDataset",
        "Match_WorkerpoolRestrictsDataset",
    },
}


def summary(finding: Finding) -> tuple[str, str, str, str]:
    return finding.rule, finding.field, finding.allowed, finding.actual


def flipped(kind: str, name: str, fair: Fair) -> Fair:
    return fair.change(kind, **{name: FIELDS[kind, name].value})


def test_explain_orders__that_match__shows_the_deal() -> None:
    explanation = Fair().explain()
    assert explanation.title == "the orders match"
    assert explanation.findings == ()
    facts = dict(explanation.facts)
    assert facts["price"] == f"39000 nRLC, locked from {REQUESTER}"
    assert facts["scheduler's stake"] == "9000 nRLC"
    assert facts["trust"] == "4: 2 newcomers must agree when nobody dissents"


def test_flips__cover_every_field_of_every_order() -> None:
    known = {
        (str(kind), name)
        for kind, order in ORDER_CLASSES.items()
        for name, _ in abi_fields(order)
        if name != "sign"
    }
    assert set(FIELDS) == known


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_explain_orders__field_flipped_and_signed__names_just_that(kind: str, name: str) -> None:
    flip = FIELDS[kind, name]
    findings = flipped(kind, name, Fair()).sign().explain().findings
    others = ALSO.get((kind, name), set())
    wanted = (flip.rule, flip.field or f"{kind}.{name}", flip.allowed, flip.actual)
    assert [summary(one) for one in findings if one.rule not in others] == (
        [wanted] if flip.rule else []
    )
    assert {one.rule for one in findings} >= others
    for finding in findings:
        assert finding.parties
        assert finding.remedy
        assert finding.command.startswith("poco ")
        assert finding.source.startswith("contracts §")
        assert finding.allowed in finding.sentence or finding.rule == "Match_OrderConsumed"


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_explain_orders__field_flipped_and_not_signed__blames_the_signature_too(
    kind: str, name: str
) -> None:
    findings = flipped(kind, name, Fair()).explain().findings
    if any(one.rule.endswith("NotRegistered") for one in findings):
        return  # whose signature that would be nobody knows
    assert f"{kind}.sign" in [one.field for one in findings]
    assert not [one for one in findings if one.field.endswith(".sign") and kind not in one.field]


# What the chain says, one fact at a time.
FACTS: dict[str, tuple[Callable[[Fair], Fair], str, str, Any, Any, str]] = {
    **{
        f"{asset} is not registered": (
            lambda fair, asset=asset: fair.look(owners={**fair.view.owners, asset: {}}),
            f"Match_{asset.capitalize()}NotRegistered",
            f"{asset}order.{asset}",
            REGISTRIES[asset],
            entry,
            f"poco {asset} show {entry}",
        )
        for asset, entry in zip(Asset, (APP, DATASET, POOL), strict=True)
    },
    **{
        f"{kind} is signed by somebody else": (
            lambda fair, kind=kind: fair.sign(**{kind: KEYS["sponsor"]}),
            f"Match_{kind.removesuffix('order').capitalize()}SignatureInvalid",
            f"{kind}.sign",
            KEYS[kind].address,
            KEYS["sponsor"].address,
            f"poco order sign --{kind.removesuffix('order')} --wallet-address {KEYS[kind].address}",
        )
        for kind in ALL
    },
    **{
        f"{kind} has half a signature": (
            lambda fair, kind=kind: fair.change(kind, sign=b"\x01" * 32),
            "Signature_BadLength",
            f"{kind}.sign",
            65,
            32,
            f"poco order sign --{kind.removesuffix('order')}",
        )
        for kind in ALL
    },
    **{
        f"{kind} is consumed": (
            lambda fair, kind=kind: fair.consume(kind),
            "Match_OrderConsumed",
            f"{kind}.volume",
            volume,
            volume,
            command,
        )
        for kind, volume, command in zip(
            ALL,
            (10, 20, 5, VOLUME),
            (
                f"poco orderbook app {APP}",
                f"poco orderbook dataset {DATASET}",
                "poco orderbook workerpool --category 1",
                "poco order sign --request",
            ),
            strict=True,
        )
    },
    "category does not exist": (
        lambda fair: fair.look(clocks=(300,)),
        "Match_UnknownCategory",
        "requestorder.category",
        1,
        1,
        "poco category count",
    ),
    "requester is poor": (
        lambda fair: fair.look(balances={**fair.view.balances, REQUESTER: 38_999}),
        "Escrow_BalanceTooLow",
        "requestorder.requester",
        38_999,
        39_000,
        "poco account deposit 1",
    ),
    "scheduler is poor": (
        lambda fair: fair.look(balances={REQUESTER: 39_000}),
        "Escrow_BalanceTooLow",
        "workerpoolorder.workerpool",
        0,
        9_000,
        "poco account deposit 9000",
    ),
    "scheduler keeps too much": (
        lambda fair: fair.look(policies={POOL: WorkerpoolPolicy(scheduler_reward_ratio=101)}),
        "Match_RewardRatioTooHigh",
        "workerpoolorder.workerpool",
        100,
        101,
        "poco orderbook workerpool --category 1",
    ),
    "worker stake is beyond all": (
        lambda fair: fair.look(policies={POOL: WorkerpoolPolicy(worker_stake_ratio=2**96)}),
        "Match_AmountTooLarge",
        "workerpoolorder.workerpoolprice",
        MAX_AMOUNT,
        PRICES["workerpool"] * 2**96 // 100,
        "poco orderbook workerpool --category 1",
    ),
    "request was consumed up to the last index": (
        lambda fair: (
            fair.change("requestorder", volume=NOT_SOLD)
            .sign()
            .look(volumes_consumed={fair.hash("requestorder"): MAX_INDEX})
            .look(balances=dict.fromkeys((key.address for key in KEYS.values()), NOT_SOLD))
        ),
        "Match_IndexTooLarge",
        "requestorder.volume",
        MAX_INDEX,
        MAX_INDEX + 5,
        "poco order sign --request",
    ),
    "params are too long": (
        lambda fair: fair.change("requestorder", params="x" * (MAX_PARAMS_BYTES + 1)).sign(),
        "Match_ParamsTooLong",
        "requestorder.params",
        MAX_PARAMS_BYTES,
        MAX_PARAMS_BYTES + 1,
        "poco order sign --request",
    ),
    "trust is beyond all": (
        lambda fair: (
            fair.change("requestorder", trust=MAX_TRUST + 1)
            .change("workerpoolorder", trust=MAX_TRUST + 1)
            .sign()
        ),
        "Match_TrustTooLarge",
        "requestorder.trust",
        MAX_TRUST,
        MAX_TRUST + 1,
        "poco order sign --request",
    ),
}


@pytest.mark.parametrize("name", FACTS)
def test_explain_orders__fact_flipped__names_just_that(name: str) -> None:
    change, rule, field, allowed, actual, command = FACTS[name]
    (finding,) = change(Fair()).explain().findings
    assert summary(finding) == (rule, field, str(allowed), str(actual))
    assert finding.command == command


def test_flips__reach_every_rule_of_matching() -> None:
    from poco.explain.matching import MATCHING

    reached = {flip.rule for flip in FIELDS.values()} | {row[1] for row in FACTS.values()}
    assert reached - {""} == set(MATCHING) - {"IncompatibleDatasetOrder"}


def test_explain_orders__sponsor_pays__blames_the_sponsor() -> None:
    sponsor = KEYS["sponsor"].address
    (finding,) = Fair().explain(sponsor=sponsor).findings
    assert summary(finding) == ("Escrow_BalanceTooLow", "sponsor", "0", "39000")
    assert sponsor in finding.sentence


def test_explain_orders__presigned_without_signature__match() -> None:
    fair = Fair().change("apporder", sign=b"")
    presigned = fair.look(presigners={fair.hash("apporder"): KEYS["apporder"].address})
    explanation = presigned.explain()
    assert explanation.findings == ()
    assert ("presigned by", KEYS["apporder"].address) in explanation.facts


def test_explain_orders__no_dataset__neither_needs_nor_blames_one() -> None:
    fair = Fair().change("requestorder", dataset=ZERO_ADDRESS)
    for kind in ("apporder", "workerpoolorder"):
        fair.change(kind, datasetrestrict=ZERO_ADDRESS)
    explanation = fair.sign().explain("apporder", "workerpoolorder", "requestorder")
    assert explanation.title == "the orders match"


# PAIRS


@pytest.mark.parametrize("size", [1, 2, 3])
def test_explain_orders__some_of_them__break_nothing(size: int) -> None:
    for kinds in combinations(ALL, size):
        explanation = Fair().explain(*kinds)
        assert explanation.findings == (), kinds
        assert explanation.title.startswith("no rule is broken; not given: ")


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_explain_orders__pair_with_a_flipped_field__names_nothing_else(
    kind: str, name: str
) -> None:
    flip = FIELDS[kind, name]
    fair = flipped(kind, name, Fair()).sign()
    allowed = {flip.rule, *ALSO.get((kind, name), set()), *ASKED_FOR.get((kind, name), set())}
    named: set[str] = set()
    for other in ALL:
        findings = fair.explain(kind, other).findings
        assert {one.rule for one in findings} <= allowed
        named |= {one.rule for one in findings}
    if flip.rule:
        assert flip.rule in named


def test_explain_orders__request_for_an_unknown_app__names_its_own_field() -> None:
    fair = Fair().change("requestorder", app=OTHER).sign()
    (finding,) = fair.explain("requestorder").findings
    assert (finding.rule, finding.field) == ("Match_AppNotRegistered", "requestorder.app")


def test_explain_orders__pool_of_an_unknown_category__names_its_own_field() -> None:
    fair = Fair().look(clocks=(300,))
    (finding,) = fair.explain("workerpoolorder").findings
    assert finding.field == "workerpoolorder.category"


# WITHOUT A CHAIN


@pytest.mark.parametrize(("kind", "name"), [key for key, flip in FIELDS.items() if flip.rule])
def test_explain_orders__without_a_chain__judges_the_terms(kind: str, name: str) -> None:
    online = flipped(kind, name, Fair()).sign().explain().findings
    offline = flipped(kind, name, Fair()).sign().explain(view=None)
    of_the_chain = ("NotRegistered", "SignatureInvalid", "OrderConsumed", "BalanceTooLow")
    told = [one.rule for one in online if not one.rule.endswith(of_the_chain)]
    # No volume is an order's own term, yet whether it is consumed only the chain knows.
    assert [one.rule for one in offline.findings] == told
    assert offline.title.endswith("as far as can be said without a chain")


# SEVERAL AT ONCE

_INDEPENDENT = [
    ("apporder", "appprice"),
    ("apporder", "datasetrestrict"),
    ("datasetorder", "datasetprice"),
    ("datasetorder", "apprestrict"),
    ("workerpoolorder", "workerpoolprice"),
    ("workerpoolorder", "trust"),
    ("workerpoolorder", "category"),
    ("workerpoolorder", "requesterrestrict"),
    ("requestorder", "tag"),
]


@settings(max_examples=40)
@given(st.sets(st.sampled_from(_INDEPENDENT)))
def test_explain_orders__any_set_of_flips__names_that_set(keys: set[tuple[str, str]]) -> None:
    fair = Fair().look(balances=dict.fromkeys((key.address for key in KEYS.values()), NOT_SOLD))
    for kind, name in keys:
        flipped(kind, name, fair)
    findings = fair.sign().explain().findings
    assert {one.rule for one in findings} == {FIELDS[key].rule for key in keys}
    assert len(findings) == len(keys)


# BULK


def deal(**fields: Any) -> BulkDeal:
    terms: dict[str, Any] = {
        "requester": REQUESTER,
        "app": APP,
        "dataset": ZERO_ADDRESS,
        "workerpool": POOL,
        "tag": TEE,
    }
    return BulkDeal(**terms | fields)


@pytest.mark.parametrize(
    ("changes", "fields", "field"),
    [
        ({}, {"dataset": OTHER}, "dataset"),
        ({}, {"app": OTHER}, "datasetorder.apprestrict"),
        ({}, {"workerpool": OTHER}, "datasetorder.workerpoolrestrict"),
        ({}, {"requester": OTHER}, "datasetorder.requesterrestrict"),
        ({"tag": GPU | SCONE}, {}, "datasetorder.tag"),
        ({}, {"requester": ZERO_ADDRESS}, "requester"),
    ],
)
def test_explain_bulk__one_term_differs__names_it(
    changes: dict[str, Any], fields: dict[str, Any], field: str
) -> None:
    fair = Fair().change("datasetorder", **changes).sign()
    order = fair.orders["datasetorder"]
    (finding,) = explain_bulk(order, DealId(bytes(32)), deal(**fields), fair.view).findings
    assert (finding.rule, finding.field) == ("IncompatibleDatasetOrder", field)


def test_explain_bulk__order_admits_the_deal__says_so() -> None:
    fair = Fair()
    explanation = explain_bulk(
        fair.orders["datasetorder"], DealId(bytes(32)), deal(tag=Tag(0)), fair.view
    )
    assert explanation.title == "the dataset order admits the deal"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"volume": MIN_BULK_VOLUME - 1, "datasetprice": 0}, "volume"),
        ({"volume": MIN_BULK_VOLUME, "datasetprice": 1}, "price"),
        ({"volume": MIN_BULK_VOLUME, "datasetprice": 0}, ""),
    ],
)
def test_explain_bulk__order_that_is_not_for_bulks__says_why(
    changes: dict[str, int], said: str
) -> None:
    fair = Fair().change("datasetorder", **changes).sign()
    order = fair.orders["datasetorder"]
    facts = dict(explain_bulk(order, DealId(bytes(32)), deal(tag=Tag(0)), fair.view).facts)
    assert said in facts.get("in a bulk", "")
    assert ("in a bulk" in facts) is bool(said)
