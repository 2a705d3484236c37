"""Every rule of matching, one at a time: spec contracts §3.2 with W3, W4, W8, W14, limits."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from orders_stage import Market

from poco.errors import UserInputError
from poco.orders import (
    FRAMEWORKS,
    GPU,
    MAX_AMOUNT,
    MAX_INDEX,
    MAX_PARAMS_BYTES,
    MAX_TRUST,
    SCONE,
    TDX,
    TEE,
    ZERO_ADDRESS,
    Asset,
    Party,
    Tag,
    WorkerpoolPolicy,
    checked_address,
    deal_id,
    deal_terms,
    order_hash,
    to_compact_signature,
)

OTHER = checked_address("test", "0x" + "99" * 20)
GROUP = checked_address("test", "0x" + "77" * 20)
APP = checked_address("test", "0x" + "a1" * 20)
DATASET = checked_address("test", "0x" + "d1" * 20)
POOL = checked_address("test", "0x" + "b1" * 20)

Change = Callable[["Market"], "Market"]


def flip(order: str, **fields: Any) -> Change:
    return lambda market: market.change(order, **fields)


def priced(order: str, field: str, amount: int) -> Change:
    """Both sides agree on a price, and everybody can afford it."""
    maximum = {field.replace("price", "maxprice"): amount}
    return lambda m: m.rich().change(order, **{field: amount}).change("request", **maximum)


# Each row: what is changed, and the one rule that must be reported with field and both values.
TERMS: list[tuple[Change, str, str, Any, Any]] = [
    (
        flip("request", category=2),
        "Match_CategoryMismatch",
        "workerpoolorder.category",
        2,
        1,
    ),
    (
        lambda m: m.change("request", category=5).change("workerpool", category=5),
        "Match_UnknownCategory",
        "requestorder.category",
        5,
        5,
    ),
    (flip("request", trust=5), "Match_TrustTooLow", "workerpoolorder.trust", 5, 4),
    (flip("request", appmaxprice=999), "Match_AppPriceTooHigh", "apporder.appprice", 999, 1000),
    (
        flip("request", datasetmaxprice=999_999),
        "Match_DatasetPriceTooHigh",
        "datasetorder.datasetprice",
        999_999,
        1_000_000,
    ),
    (
        flip("request", workerpoolmaxprice=999_999_999),
        "Match_WorkerpoolPriceTooHigh",
        "workerpoolorder.workerpoolprice",
        999_999_999,
        1_000_000_000,
    ),
    (
        flip("request", tag=TEE | GPU),
        "Match_TagNotOffered",
        "workerpoolorder.tag",
        TEE | GPU,
        TEE | TDX,
    ),
    (flip("app", tag=TDX), "Match_AppNotTee", "apporder.tag", TEE | TDX, TDX),
]
IDENTITIES: list[tuple[Change, str, str, Any, Any]] = [
    (flip("request", app=OTHER), "Match_AppMismatch", "apporder.app", OTHER, APP),
    (
        flip("request", dataset=OTHER),
        "Match_DatasetMismatch",
        "datasetorder.dataset",
        OTHER,
        DATASET,
    ),
    (
        flip("request", dataset=ZERO_ADDRESS),
        "Match_DatasetMismatch",
        "datasetorder.dataset",
        ZERO_ADDRESS,
        DATASET,
    ),
]
RESTRICTIONS = [
    ("request", "workerpool", "Match_RequestRestrictsWorkerpool", POOL),
    ("app", "datasetrestrict", "Match_AppRestrictsDataset", DATASET),
    ("app", "workerpoolrestrict", "Match_AppRestrictsWorkerpool", POOL),
    ("app", "requesterrestrict", "Match_AppRestrictsRequester", None),
    ("dataset", "apprestrict", "Match_DatasetRestrictsApp", APP),
    ("dataset", "workerpoolrestrict", "Match_DatasetRestrictsWorkerpool", POOL),
    ("dataset", "requesterrestrict", "Match_DatasetRestrictsRequester", None),
    ("workerpool", "apprestrict", "Match_WorkerpoolRestrictsApp", APP),
    ("workerpool", "datasetrestrict", "Match_WorkerpoolRestrictsDataset", DATASET),
    ("workerpool", "requesterrestrict", "Match_WorkerpoolRestrictsRequester", None),
]
LIMITS: list[tuple[Change, str, str, Any, Any]] = [
    (
        lambda m: (
            m.rich()
            .change("app", volume=2**70)
            .change("dataset", volume=2**70)
            .change("workerpool", volume=2**70)
            .change("request", volume=2**64)
        ),
        "Match_IndexTooLarge",
        "requestorder.volume",
        MAX_INDEX,
        2**64,
    ),
    (
        lambda m: m.change("request", volume=2**64).consume(request=2**64 - 1),
        "Match_IndexTooLarge",
        "requestorder.volume",
        MAX_INDEX,
        2**64,
    ),
    (
        lambda m: m.change("workerpool", trust=2**64).change("request", trust=2**64),
        "Match_TrustTooLarge",
        "requestorder.trust",
        MAX_TRUST,
        2**64,
    ),
    (
        priced("app", "appprice", 2**96),
        "Match_AmountTooLarge",
        "apporder.appprice",
        MAX_AMOUNT,
        2**96,
    ),
    (
        priced("dataset", "datasetprice", 2**96),
        "Match_AmountTooLarge",
        "datasetorder.datasetprice",
        MAX_AMOUNT,
        2**96,
    ),
    (
        priced("workerpool", "workerpoolprice", 2**96),
        "Match_AmountTooLarge",
        "workerpoolorder.workerpoolprice",
        MAX_AMOUNT,
        2**96,
    ),
    (
        lambda m: priced("workerpool", "workerpoolprice", 2**95)(m).look(
            policies={POOL: WorkerpoolPolicy(worker_stake_ratio=200)}
        ),
        "Match_AmountTooLarge",
        "workerpoolorder.workerpoolprice",
        MAX_AMOUNT,
        2**96,
    ),
    (
        flip("request", params="é" + "x" * (MAX_PARAMS_BYTES - 1)),
        "Match_ParamsTooLong",
        "requestorder.params",
        MAX_PARAMS_BYTES,
        MAX_PARAMS_BYTES + 1,
    ),
    (
        lambda m: m.look(policies={POOL: WorkerpoolPolicy(scheduler_reward_ratio=101)}),
        "Match_RewardRatioTooHigh",
        "workerpoolorder.workerpool",
        100,
        101,
    ),
]


def only(market: Market, **options: Any) -> Any:
    (found,) = market.violations(**options)
    return found


def test_orders_that_match__break_no_rule(market: Market) -> None:
    assert market.sign().violations() == []


def test_orders_without_dataset__break_no_rule(market: Market) -> None:
    assert market.without_dataset().sign("dataset").violations() == []


@pytest.mark.parametrize(
    ("change", "rule", "field", "allowed", "actual"), [*TERMS, *IDENTITIES, *LIMITS]
)
def test_one_field_changed__is_the_only_culprit(
    market: Market, change: Change, rule: str, field: str, allowed: Any, actual: Any
) -> None:
    found = only(change(market).sign())
    assert (found.rule, found.field, found.allowed, found.actual) == (rule, field, allowed, actual)


@pytest.mark.parametrize(("order", "field", "rule", "account"), RESTRICTIONS)
def test_restriction_to_another__is_the_only_culprit(
    market: Market, order: str, field: str, rule: str, account: str | None
) -> None:
    account = account or market.requester.address
    found = only(market.change(order, **{field: OTHER}).sign())
    assert (found.rule, found.field) == (rule, f"{order}order.{field}")
    assert found.arguments == (OTHER, account) == (found.allowed, found.actual)


@pytest.mark.parametrize(("order", "field", "rule", "account"), RESTRICTIONS)
def test_restriction_to_the_account__admits(
    market: Market, order: str, field: str, rule: str, account: str | None
) -> None:
    account = account or market.requester.address
    assert market.change(order, **{field: account}).sign().violations() == []


@pytest.mark.parametrize(("order", "field", "rule", "account"), RESTRICTIONS)
def test_restriction_to_a_group__admits_its_members(
    market: Market, order: str, field: str, rule: str, account: str | None
) -> None:
    account = account or market.requester.address
    market.change(order, **{field: GROUP}).sign().look(groups={GROUP: {account}})
    assert market.violations() == []


@pytest.mark.parametrize(("order", "field", "rule", "account"), RESTRICTIONS)
def test_restriction_to_a_group__refuses_others(
    market: Market, order: str, field: str, rule: str, account: str | None
) -> None:
    market.change(order, **{field: GROUP}).sign().look(groups={GROUP: {OTHER}})
    assert market.rules() == [rule]


@pytest.mark.parametrize(
    ("name", "asset", "address"),
    [
        ("App", Asset.APP, APP),
        ("Dataset", Asset.DATASET, DATASET),
        ("Workerpool", Asset.WORKERPOOL, POOL),
    ],
)
def test_asset_not_registered__is_the_only_culprit(
    market: Market, name: str, asset: Asset, address: str
) -> None:
    market.sign().look(owners={**market.view.owners, asset: {}})
    found = only(market)
    assert found.rule == f"Match_{name}NotRegistered"
    assert found.arguments == (market.view.registries[asset], address)
    assert found.field == f"{asset}order.{asset}"


ORDERS = [
    ("app", "Match_AppSignatureInvalid", Party.APP_OWNER),
    ("dataset", "Match_DatasetSignatureInvalid", Party.DATASET_OWNER),
    ("workerpool", "Match_WorkerpoolSignatureInvalid", Party.WORKERPOOL_OWNER),
    ("request", "Match_RequestSignatureInvalid", Party.REQUESTER),
]


def authority(market: Market, order: str) -> str:
    accounts = {
        "app": market.app_owner,
        "dataset": market.dataset_owner,
        "workerpool": market.scheduler,
        "request": market.requester,
    }
    address: str = accounts[order].address
    return address


@pytest.mark.parametrize(("order", "rule", "party"), ORDERS)
def test_signature_by_somebody_else__is_the_only_culprit(
    market: Market, order: str, rule: str, party: Party
) -> None:
    sponsor = market.sponsor
    digest = order_hash(getattr(market, order), market.domain)
    sign = bytes(sponsor.unsafe_sign_hash(digest).signature)
    found = only(market.sign().change(order, sign=sign))
    owner = authority(market, order)
    assert (found.rule, found.field) == (rule, f"{order}order.sign")
    assert found.arguments == (owner, digest)
    assert (found.allowed, found.actual) == (owner, sponsor.address)
    assert found.parties == (party,)


@pytest.mark.parametrize("length", [0, 1, 63, 66])
@pytest.mark.parametrize(("order", "rule", "party"), ORDERS)
def test_signature_of_impossible_length__is_told_from_a_wrong_one(
    market: Market, order: str, rule: str, party: Party, length: int
) -> None:
    found = only(market.sign().change(order, sign=b"\x01" * length))
    assert (found.rule, found.arguments) == ("Signature_BadLength", (length,))
    assert (found.field, found.parties) == (f"{order}order.sign", (party,))


@pytest.mark.parametrize(("order", "rule", "party"), ORDERS)
def test_signature_of_impossible_length__of_a_contract__is_invalid(
    market: Market, order: str, rule: str, party: Party
) -> None:
    market.sign().change(order, sign=b"")
    market.look(contracts=frozenset({authority(market, order)}))
    assert market.rules() == [rule]


@pytest.mark.parametrize(("order", "rule", "party"), ORDERS)
def test_signature_by_contract__admits(market: Market, order: str, rule: str, party: Party) -> None:
    market.sign().change(order, sign=b"any")
    market.look(signers={authority(market, order): lambda digest, sign: sign == b"any"})
    assert market.violations() == []


@pytest.mark.parametrize(("order", "rule", "party"), ORDERS)
def test_compact_signature__admits(market: Market, order: str, rule: str, party: Party) -> None:
    sign = getattr(market.sign(), order).sign
    assert market.change(order, sign=to_compact_signature(sign)).violations() == []


@pytest.mark.parametrize(("order", "rule", "party"), ORDERS)
def test_presigned__admits_without_signature(
    market: Market, order: str, rule: str, party: Party
) -> None:
    hashed = order_hash(getattr(market, order), market.domain)
    market.sign(order).look(presigners={hashed: authority(market, order)})
    assert market.violations() == []


@pytest.mark.parametrize(("order", "rule", "party"), ORDERS)
def test_presigned_by_a_former_owner__is_not_enough(
    market: Market, order: str, rule: str, party: Party
) -> None:
    hashed = order_hash(getattr(market, order), market.domain)
    market.sign(order).look(presigners={hashed: OTHER})
    assert market.rules() == ["Signature_BadLength"]


@pytest.mark.parametrize("sign", [b"", bytes(65), b"\xff" * 64])
def test_requester_zero__never_signs(market: Market, sign: bytes) -> None:
    market.change("request", requester=ZERO_ADDRESS).sign("request").change("request", sign=sign)
    assert market.rules(sponsor=market.requester.address) == ["Match_RequestSignatureInvalid"]


@pytest.mark.parametrize("order", ["app", "dataset", "workerpool", "request"])
def test_order_consumed__is_the_only_culprit(market: Market, order: str) -> None:
    volume = getattr(market, order).volume
    found = only(market.sign().consume(**{order: volume}))
    hashed = order_hash(getattr(market, order), market.domain)
    assert (found.rule, found.field) == ("Match_OrderConsumed", f"{order}order.volume")
    assert found.arguments == (hashed, volume, volume)
    assert f"tasks of the {order}order 0x{hashed.hex()} are taken" in found.sentence


@pytest.mark.parametrize("order", ["app", "dataset", "workerpool", "request"])
def test_order_of_volume_zero__counts_as_consumed(market: Market, order: str) -> None:
    assert market.change(order, volume=0).sign().rules() == ["Match_OrderConsumed"]


def test_payer_balance__one_nrlc_short__is_the_only_culprit(market: Market) -> None:
    market.sign().look(balances={**market.view.balances, market.requester.address: 3_003_002_999})
    found = only(market)
    assert (found.rule, found.field) == ("Escrow_BalanceTooLow", "requestorder.requester")
    assert found.arguments == (market.requester.address, 3_003_002_999, 3_003_003_000)
    assert found.parties == (Party.PAYER,)
    assert "poco account deposit 1" in found.remedy


def test_scheduler_balance__one_nrlc_short__is_the_only_culprit(market: Market) -> None:
    market.sign().look(balances={**market.view.balances, market.scheduler.address: 899_999_999})
    found = only(market)
    assert (found.rule, found.field) == ("Escrow_BalanceTooLow", "workerpoolorder.workerpool")
    assert found.arguments == (market.scheduler.address, 899_999_999, 900_000_000)


def test_sponsor__pays_instead_of_the_requester(market: Market) -> None:
    found = only(market.sign(), sponsor=market.sponsor.address)
    assert found.arguments == (market.sponsor.address, 0, 3_003_003_000)
    assert found.field == "sponsor"


def test_sponsor_with_money__breaks_no_rule(market: Market) -> None:
    market.sign().look(
        balances={market.sponsor.address: 3_003_003_000, market.scheduler.address: 900_000_000}
    )
    assert market.violations(sponsor=market.sponsor.address) == []


def test_sponsor__malformed_address__is_refused(market: Market) -> None:
    with pytest.raises(UserInputError, match="sponsor"):
        market.sign().violations(sponsor="0x12")


def test_payer_who_is_the_scheduler__needs_both_amounts(market: Market) -> None:
    scheduler = market.scheduler.address
    market.sign().look(balances={scheduler: 3_903_002_999})
    found = only(market, sponsor=scheduler)
    assert found.arguments == (scheduler, 899_999_999, 900_000_000)
    assert market.look(balances={scheduler: 3_903_003_000}).violations(sponsor=scheduler) == []


# W3: without a dataset, what the dataset order says does not count ...
@pytest.mark.parametrize(
    "fields",
    [
        {"datasetprice": 2**255},
        {"tag": GPU | SCONE},
        {"apprestrict": OTHER},
        {"workerpoolrestrict": OTHER},
        {"requesterrestrict": OTHER},
        {"sign": b"junk"},
        {"volume": 0},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_null_dataset_order__its_own_terms__are_ignored(
    market: Market, fields: dict[str, Any]
) -> None:
    market.without_dataset().change("dataset", **fields).sign("dataset")
    assert market.violations() == []


# ... while the restrictions of app and workerpool bind.
@pytest.mark.parametrize(
    ("order", "rule"),
    [("app", "Match_AppRestrictsDataset"), ("workerpool", "Match_WorkerpoolRestrictsDataset")],
)
def test_null_dataset__restriction_of_another_order__binds(
    market: Market, order: str, rule: str
) -> None:
    market.without_dataset().change(order, datasetrestrict=DATASET).sign("dataset")
    found = only(market)
    assert (found.rule, found.arguments) == (rule, (DATASET, ZERO_ADDRESS))


@pytest.mark.parametrize("bit", [1, 2, 3])
def test_tag__framework_of_the_dataset__is_dropped(market: Market, bit: int) -> None:
    market.change("dataset", tag=Tag(1 << bit)).change("workerpool", tag=TEE).sign()
    assert market.violations() == []


@pytest.mark.parametrize("bit", [4, 8, 255])
def test_tag__other_flag_of_the_dataset__is_demanded(market: Market, bit: int) -> None:
    assert market.change("dataset", tag=Tag(1 << bit)).sign().rules() == ["Match_TagNotOffered"]


def test_tag__tee_of_the_dataset__must_be_declared_by_the_app(market: Market) -> None:
    market.change("app", tag=Tag(0)).change("request", tag=Tag(0)).change("dataset", tag=TEE)
    assert market.sign().rules() == ["Match_AppNotTee"]


def test_tag__arguments_are_bytes32(market: Market) -> None:
    found = only(market.change("request", tag=TEE | GPU).sign())
    assert found.arguments == ((TEE | GPU).to_bytes32(), (TEE | TDX).to_bytes32())


@pytest.mark.parametrize(
    "change",
    [
        lambda m: priced("app", "appprice", MAX_AMOUNT)(m),
        lambda m: priced("workerpool", "workerpoolprice", MAX_AMOUNT)(m),
        lambda m: m.change("workerpool", trust=2**64).change("request", trust=MAX_TRUST),
        lambda m: m.change("request", params="x" * MAX_PARAMS_BYTES),
        lambda m: m.look(policies={POOL: WorkerpoolPolicy(scheduler_reward_ratio=100)}),
        lambda m: m.change("request", volume=MAX_INDEX).consume(request=MAX_INDEX - 1),
    ],
    ids=["app price", "pool price", "trust", "params", "reward ratio", "index"],
)
def test_limits__largest_value__breaks_no_rule(market: Market, change: Change) -> None:
    assert change(market).sign().violations() == []


def test_everything_wrong__is_reported_in_the_order_of_the_hub(market: Market) -> None:
    market.change("app", appprice=2**97, tag=Tag(0), requesterrestrict=OTHER, sign=b"\x01")
    market.change("dataset", datasetprice=2**98, apprestrict=OTHER)
    market.change("workerpool", category=9, trust=0, tag=Tag(0), workerpoolprice=2**99)
    market.change("request", category=8, app=OTHER, dataset=OTHER, workerpool=OTHER)
    market.change("request", trust=2**64, params="x" * (MAX_PARAMS_BYTES + 1))
    market.look(
        owners={Asset.APP: market.view.owners[Asset.APP], Asset.WORKERPOOL: {}}, balances={}
    )
    assert market.rules() == [
        "Match_CategoryMismatch",
        "Match_UnknownCategory",
        "Match_TrustTooLow",
        "Match_AppPriceTooHigh",
        "Match_DatasetPriceTooHigh",
        "Match_WorkerpoolPriceTooHigh",
        "Match_TagNotOffered",
        "Match_AppNotTee",
        "Match_AppMismatch",
        "Match_DatasetMismatch",
        "Match_RequestRestrictsWorkerpool",
        "Match_AppRestrictsRequester",
        "Match_DatasetRestrictsApp",
        "Signature_BadLength",
        "Match_DatasetNotRegistered",
        "Match_WorkerpoolNotRegistered",
        "Signature_BadLength",
        "Match_TrustTooLarge",
        "Match_AmountTooLarge",
        "Match_AmountTooLarge",
        "Match_AmountTooLarge",
        "Match_ParamsTooLong",
        "Escrow_BalanceTooLow",
    ]


def test_every_rule_of_matching__is_an_error_of_the_hub() -> None:
    source = Path(__file__).parents[3] / "interfaces" / "IPocoErrors.sol"
    declared = set(re.findall(r"error (Match_\w+)\(", source.read_text()))
    tested = {row[1] for row in [*TERMS, *IDENTITIES, *LIMITS, *ORDERS]}
    tested |= {row[2] for row in RESTRICTIONS} | {"Match_OrderConsumed"}
    tested |= {f"Match_{name}NotRegistered" for name in ("App", "Dataset", "Workerpool")}
    assert tested == declared


@pytest.mark.parametrize(
    ("change", "rule", "field", "allowed", "actual"), [*TERMS, *IDENTITIES, *LIMITS]
)
def test_violation__names_values_party_and_remedy(
    market: Market, change: Change, rule: str, field: str, allowed: Any, actual: Any
) -> None:
    found = only(change(market).sign())
    assert str(allowed) in found.sentence
    assert str(actual) in found.sentence
    assert found.parties
    assert found.remedy
    assert "{" not in str(found)


def test_violation__to_json__is_text_and_lists(market: Market) -> None:
    found = only(market.change("request", tag=TEE | GPU).sign())
    assert found.to_json() == {
        "rule": "Match_TagNotOffered",
        "field": "workerpoolorder.tag",
        "allowed": (TEE | GPU).to_hex(),
        "actual": (TEE | TDX).to_hex(),
        "parties": ["matcher", "workerpool owner"],
        "sentence": "the orders demand the tag tee,gpu, the workerpool offers tee,tdx",
        "remedy": "take a workerpool order that offers every flag",
    }


# The worked example of spec contracts §3.7: prices 1000 / 1 000 000 / 1 000 000 000, V = 3.
def test_deal_terms__worked_example(market: Market) -> None:
    terms = deal_terms(*market.sign().orders, market.view)
    assert (terms.volume, terms.bot_first) == (3, 0)
    assert terms.price_per_task == 1_001_001_000
    assert terms.total_price == 3_003_003_000
    assert terms.scheduler_stake == 900_000_000
    assert terms.worker_stake == 300_000_000
    assert (terms.category, terms.timeref, terms.scheduler_reward_ratio) == (1, 1200, 1)
    assert (terms.tag, terms.trust, terms.payer) == (TEE, 4, market.requester.address)


def test_deal_terms__volume__is_what_every_order_has_left(market: Market) -> None:
    market.sign().consume(app=1, dataset=19, workerpool=2, request=1)
    terms = deal_terms(*market.orders, market.view)
    assert (terms.volume, terms.bot_first) == (1, 1)
    assert terms.dealid == deal_id(order_hash(market.request, market.domain), 1)


def test_deal_terms__stakes__are_rounded_down_per_task(market: Market) -> None:
    market.change("workerpool", workerpoolprice=13).look(
        policies={POOL: WorkerpoolPolicy(worker_stake_ratio=50, scheduler_reward_ratio=7)}
    )
    terms = deal_terms(*market.orders, market.view)
    assert (terms.scheduler_stake, terms.worker_stake) == (9, 6)
    assert terms.scheduler_reward_ratio == 7


def test_deal_terms__trust_zero__becomes_one(market: Market) -> None:
    assert deal_terms(*market.change("request", trust=0).orders, market.view).trust == 1


def test_deal_terms__without_dataset__its_price_does_not_count(market: Market) -> None:
    market.without_dataset().change("dataset", datasetprice=5)
    assert deal_terms(*market.orders, market.view).price_per_task == 1_000_001_000


def test_deal_terms__dataset_framework__is_not_in_the_tag(market: Market) -> None:
    market.change("dataset", tag=FRAMEWORKS | GPU)
    assert deal_terms(*market.orders, market.view).tag == TEE | GPU


def test_deal_terms__sponsor__is_the_payer(market: Market) -> None:
    sponsor = market.sponsor.address
    assert deal_terms(*market.orders, market.view, sponsor=sponsor).payer == sponsor


def test_deal_terms__unregistered_workerpool__is_refused(market: Market) -> None:
    view = replace(market.view, owners={})
    with pytest.raises(UserInputError, match=r"workerpoolorder\.workerpool"):
        deal_terms(*market.orders, view)


def test_deal_terms__unknown_category__is_refused(market: Market) -> None:
    market.change("request", category=5)
    with pytest.raises(UserInputError, match=r"requestorder\.category = 5"):
        deal_terms(*market.orders, market.view)
