"""The cheapest fill, against brute force over the hub's rules."""

from __future__ import annotations

from functools import cache
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from poco.orders import (
    NULL_DATASET_ORDER,
    SCONE,
    TDX,
    TEE,
    ZERO_ADDRESS,
    AppOrder,
    Asset,
    DatasetOrder,
    Domain,
    RequestOrder,
    StaticChainView,
    Tag,
    WorkerpoolOrder,
    checked_address,
    order_hash,
    why_not_match,
)
from poco.services.orderbook import Offer, Part, cheapest_fill
from poco.services.orderbook.matching import cost_of, happens_in_sequence

APP, DATASET, REQUESTER, OWNER, GROUP, *POOLS = (
    checked_address("it", f"0x{number:040x}") for number in range(1, 9)
)
DOMAIN = Domain(31337, checked_address("hub", f"0x{99:040x}"))
TAGS = st.sampled_from([Tag(0), TEE, TDX, TEE | TDX])
RESTRICTIONS = st.sampled_from([ZERO_ADDRESS, ZERO_ADDRESS, *POOLS, GROUP])
PRICES = st.integers(0, 5)
VOLUMES = st.integers(1, 3)


def numbered(kind: type, **fields: st.SearchStrategy[object]) -> st.SearchStrategy[list[object]]:
    """Up to three orders that differ by their salt."""
    terms = st.lists(st.fixed_dictionaries(fields), max_size=3)
    return terms.map(
        lambda found: [
            kind(salt=bytes(31) + bytes([place]), **it) for place, it in enumerate(found)
        ]
    )


APPS = numbered(
    AppOrder,
    app=st.just(APP),
    appprice=PRICES,
    volume=VOLUMES,
    tag=TAGS,
    workerpoolrestrict=RESTRICTIONS,
)
DATASETS = numbered(
    DatasetOrder,
    dataset=st.just(DATASET),
    datasetprice=PRICES,
    volume=VOLUMES,
    tag=TAGS | st.just(SCONE),
    workerpoolrestrict=RESTRICTIONS,
)
WORKERPOOLS = numbered(
    WorkerpoolOrder,
    workerpool=st.sampled_from(POOLS),
    workerpoolprice=PRICES,
    volume=VOLUMES,
    tag=TAGS,
)


def brute_force(
    apps: list[AppOrder],
    datasets: list[DatasetOrder],
    pools: list[WorkerpoolOrder],
    request: RequestOrder,
    view: StaticChainView,
    budget: int,
    enclave: bool,
) -> tuple[int, int]:
    """Volume and cost of the best fill, one task after the other in every possible way."""
    chosen = [
        (a, d, p)
        for a, d, p in product(range(len(apps)), range(len(datasets)), range(len(pools)))
        if bool(apps[a].tag & TEE) == enclave
        and not why_not_match(apps[a], datasets[d], pools[p], request, view)
    ]

    @cache
    def best(
        left: int,
        money: int,
        a_left: tuple[int, ...],
        d_left: tuple[int, ...],
        p_left: tuple[int, ...],
    ) -> tuple[int, int]:
        found = (0, 0)
        for a, d, p in chosen if left else []:
            price = apps[a].appprice + datasets[d].datasetprice + pools[p].workerpoolprice
            if price <= money and a_left[a] and p_left[p] and d_left[d]:
                volume, cost = best(
                    left - 1,
                    money - price,
                    taken(a_left, a),
                    taken(d_left, d),
                    taken(p_left, p),
                )
                found = max(found, (volume + 1, cost - price))
        return found

    data = tuple(99 if order.is_null else order.volume for order in datasets)
    return best(
        request.volume,
        budget,
        tuple(order.volume for order in apps),
        data,
        tuple(order.volume for order in pools),
    )


def taken(left: tuple[int, ...], place: int) -> tuple[int, ...]:
    return (*left[:place], left[place] - 1, *left[place + 1 :])


@settings(max_examples=100)
@given(
    apps=APPS,
    datasets=st.none() | DATASETS,
    pools=WORKERPOOLS,
    tag=TAGS,
    volume=st.integers(1, 4),
    budget=st.integers(0, 40) | st.just(10**6),
    members=st.frozensets(st.sampled_from(POOLS)),
)
def test_cheapest_fill__on_any_small_book__is_that_of_brute_force(
    apps: list[AppOrder],
    datasets: list[DatasetOrder] | None,
    pools: list[WorkerpoolOrder],
    tag: Tag,
    volume: int,
    budget: int,
    members: frozenset[str],
) -> None:
    request = RequestOrder(
        app=APP,
        appmaxprice=9,
        dataset=ZERO_ADDRESS if datasets is None else DATASET,
        datasetmaxprice=9,
        workerpoolmaxprice=9,
        requester=REQUESTER,
        beneficiary=REQUESTER,
        volume=volume,
        tag=tag,
        salt=bytes(32),
    )
    everything = [*apps, *(datasets or []), *pools]
    view = StaticChainView(
        domain=DOMAIN,
        owners={
            Asset.APP: {APP: OWNER},
            Asset.DATASET: {DATASET: OWNER},
            Asset.WORKERPOOL: dict.fromkeys(POOLS, OWNER),
        },
        presigners={order_hash(order, DOMAIN): OWNER for order in everything}
        | {order_hash(request, DOMAIN): REQUESTER},
        balances={REQUESTER: 10**9, OWNER: 10**9},
        groups={GROUP: members},
    )
    for enclave in (False, True):
        parts = cheapest_fill(
            offers([(order, order.appprice, order.workerpoolrestrict) for order in apps]),
            None
            if datasets is None
            else offers([(it, it.datasetprice, it.workerpoolrestrict) for it in datasets]),
            offers(
                [
                    (it, it.workerpoolprice, it.workerpool)
                    for it in pools
                    if not request.tag & ~it.tag
                ]
            ),
            volume=volume,
            budget=budget,
            tag=tag,
            enclave=enclave,
            admits=lambda group, pool: group == GROUP and pool in members,
        )
        expected = brute_force(
            apps,
            [NULL_DATASET_ORDER] if datasets is None else datasets,
            pools,
            request,
            view,
            budget,
            enclave,
        )
        assert (sum(part.volume for part in parts), -cost_of(parts)) == expected
        by_hash = {order_hash(order, DOMAIN).hex(): order for order in everything}
        for part in parts:
            data = NULL_DATASET_ORDER if part.dataset is None else by_hash[part.dataset.hash]
            chosen = (by_hash[part.app.hash], data, by_hash[part.workerpool.hash])
            assert why_not_match(*chosen, request, view) == []


def offers(found: list[tuple[object, int, str]]) -> list[Offer]:
    """What the book knows of orders, the cheapest first."""
    made = [
        Offer(order_hash(it, DOMAIN).hex(), price, it.volume, int(it.tag), pool)
        for it, price, pool in found
    ]
    return sorted(made, key=lambda offer: offer.price)


def test_cheapest_fill__gives_the_dear_pool_to_the_app_order_that_accepts_it() -> None:
    """Taking the cheapest of each kind would leave the restricted app order without a pool."""
    first, second = POOLS[:2]
    bound = Offer("bound", 1, 1, workerpool=first)
    free = Offer("free", 1, 1)
    cheap, dear = Offer("cheap", 1, 1, workerpool=first), Offer("dear", 5, 1, workerpool=second)
    parts = cheapest_fill(
        [free, bound],
        None,
        [cheap, dear],
        volume=2,
        budget=100,
        tag=0,
        enclave=False,
        admits=lambda *_: False,
    )
    pairs = {(part.app.hash, part.workerpool.hash) for part in parts}
    assert pairs == {("bound", "cheap"), ("free", "dear")}


def test_cheapest_fill__reads_no_further_than_it_must() -> None:
    def endless() -> object:
        number = 0
        while True:
            number += 1
            yield Offer(str(number), number, 10, workerpool=POOLS[0])

    parts = cheapest_fill(
        [Offer("app", 0, 100)],
        None,
        endless(),
        volume=25,
        budget=10**9,
        tag=0,
        enclave=False,
        admits=lambda *_: False,
    )
    assert [(part.workerpool.hash, part.volume) for part in parts] == [
        ("1", 10),
        ("2", 10),
        ("3", 5),
    ]


def test_sequence__with_a_deal_smaller_than_what_is_left__does_not_happen() -> None:
    app, pool = Offer("app", 0, 10), Offer("pool", 0, 10)
    parts = [Part(app, None, pool, 4)]
    left = {"app": 10, "pool": 10}
    assert happens_in_sequence(parts, 4, left)
    assert not happens_in_sequence(parts, 5, left)
