"""Queries as explorers and libraries send them to the PoCo subgraph, and such as nobody should."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import build_client_schema, get_introspection_query
from indexer_views import ask, contents
from market_day import Day
from sqlalchemy import event

from poco.database import Database
from poco.errors import ConfigurationError
from poco.services.indexer import TABLES, Follower, Indexer


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, lived_day: Day) -> Iterator[Database]:
    """A view of a market in which everything has happened."""
    url = "sqlite://" if request.param == "sqlite" else request.getfixturevalue("server")
    made = Database(url, TABLES)
    Follower(made, lived_day.market).follow()
    yield made
    with made.writing() as connection:
        TABLES.drop_all(connection)
    made.close()


@pytest.fixture
def indexer(database: Database, lived_day: Day) -> Indexer:
    return Indexer(Follower(database, lived_day.market, history=20))


def refusal(indexer: Indexer, query: str, **variables: Any) -> str:
    errors = indexer.answer(query, variables)["errors"]
    return str(errors[0]["message"])


def ids(entities: list[dict[str, str]]) -> list[str]:
    return [entity["id"] for entity in entities]


# WHAT THE ORIGINAL ANSWERS


def test_bulk_query_of_the_data_protector__has_its_shape(indexer: Indexer) -> None:
    (first, *_) = ask(indexer, "{deals {requestorder {id} tasks {id}}}")["deals"]
    found = ask(
        indexer,
        """query ($requestorder: String!) {
        deals(where: {requestorder: $requestorder}) {
        tasks { taskId: id bulkSlice { datasets { id } } } } }""",
        requestorder=first["requestorder"]["id"],
    )
    tasks = [{"taskId": task["id"], "bulkSlice": None} for task in first["tasks"]]
    assert found == {"deals": [{"tasks": tasks}]}


def test_page__first_skip_and_order__cut_the_same_list(indexer: Indexer) -> None:
    whole = ask(
        indexer, "{transfers(first: 1000, orderBy: value, orderDirection: desc) {id value}}"
    )
    values = [float(transfer["value"]) for transfer in whole["transfers"]]
    assert values == sorted(values, reverse=True)
    part = ask(
        indexer, "{transfers(first: 3, skip: 2, orderBy: value, orderDirection: desc) {id value}}"
    )
    assert part["transfers"] == whole["transfers"][2:5]


def test_page__of_a_relation__is_cut_for_each_parent(indexer: Indexer) -> None:
    found = ask(
        indexer,
        """{tasks {all: contributions(orderBy: worker) {id}
        last: contributions(first: 1, orderBy: worker, orderDirection: desc) {id}}}""",
    )["tasks"]
    assert max(len(task["all"]) for task in found) > 1
    for task in found:
        assert task["last"] == task["all"][-1:]


def test_order__missing_values__come_first(indexer: Indexer) -> None:
    found = ask(indexer, "{tasks(orderBy: revealDeadline) {revealDeadline}}")["tasks"]
    deadlines = [int(task["revealDeadline"] or 0) for task in found]
    assert deadlines == sorted(deadlines)
    assert deadlines[0] == 0


def test_interface__events_of_all_kinds__are_told_with_their_own_fields(indexer: Indexer) -> None:
    found = ask(
        indexer,
        """{tasks(where: {status: COMPLETED, contributions_: {status: REJECTED}}) {id}
        reopened: tasks(where: {events_: {timestamp_gt: 0}, status: FAILED}, orderBy: index) {
        events(orderBy: timestamp) {__typename id timestamp ... on TaskContribute {worker {id}}
        ... on TaskConsensus {consensus}}}
        taskEvents(first: 1000) {__typename task {id}}
        accountEvents(where: {account_: {score: 2}}) {__typename}}""",
    )
    kinds = [[event["__typename"] for event in task["events"]] for task in found["reopened"]]
    assert [
        "TaskInitialize",
        "TaskContribute",
        "TaskConsensus",
        "TaskReopen",
        "TaskClaimed",
    ] in [sorted(names, key=names.index) for names in kinds]
    for task in found["reopened"]:
        for told in task["events"]:
            assert ("worker" in told) == (told["__typename"] == "TaskContribute")
            assert ("consensus" in told) == (told["__typename"] == "TaskConsensus")
    assert {told["__typename"] for told in found["taskEvents"]} == {
        "TaskInitialize",
        "TaskContribute",
        "TaskConsensus",
        "TaskReveal",
        "TaskReopen",
        "TaskFinalize",
        "TaskClaimed",
    }
    assert "AccurateContribution" in {told["__typename"] for told in found["accountEvents"]}


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("{}", 5),
        ("{trust: 5}", 1),
        ("{trust_not: 5}", 4),
        ("{trust_gt: 1}", 2),
        ("{trust_gt: -1}", 5),
        ("{trust_lt: 10, trust_gte: 3}", 2),
        ("{trust_lte: 1}", 3),
        ("{trust_in: [3, 5]}", 2),
        ("{trust_in: []}", 0),
        ("{trust_not_in: [3, 5]}", 3),
        ("{dataset: null}", 1),
        ("{dataset_not: null}", 4),
        ('{workerpoolPrice: "10"}', 5),
        ("{workerpoolPrice: 10}", 5),
        ("{appPrice_gt: 0.0000009, appPrice_lt: 0.0000011}", 5),
        ('{params_contains: "iexec"}', 5),
        ('{params_contains: "IEXEC"}', 0),
        ('{params_contains_nocase: "IEXEC"}', 5),
        ('{params_not_contains: "iexec"}', 0),
        ('{params_starts_with: "{\\"iexec"}', 5),
        ('{params_starts_with: "%"}', 0),
        ('{params_ends_with: "2\\"}"}', 5),
        ('{params_ends_with: ""}', 5),
        ('{params_not_ends_with_nocase: "2\\"}"}', 0),
        ('{tag_contains: "00"}', 5),
        ('{app_: {name: "app", owner_: {balance_gt: "1"}}}', 5),
        ("{tasks_: {status: FAILED}}", 2),
        ("{tasks_: {status: FAILLED}}", 2),
        ("{bulk_: {}}", 0),
        ("{or: [{trust: 5}, {trust: 3}]}", 2),
        ("{and: [{trust: 5}, {botSize: 2}]}", 1),
        ("{and: []}", 5),
        ('{id: "nonsense\\u0000"}', 0),
    ],
)
def test_where__chooses_deals(indexer: Indexer, where: str, count: int) -> None:
    assert len(ask(indexer, f"{{deals(where: {where}) {{id}}}}")["deals"]) == count


def test_id__with_a_checksum__is_found(indexer: Indexer, lived_day: Day) -> None:
    found = ask(
        indexer,
        "query ($id: ID!, $key: String!) {app(id: $id) {id} deals(where: {app: $key}) {id}}",
        id=lived_day.app,
        key=lived_day.app,
    )
    assert found["app"] == {"id": lived_day.app.lower()}
    assert len(found["deals"]) == 5


def test_id__of_nothing__is_null(indexer: Indexer) -> None:
    assert ask(indexer, '{deal(id: "0x00") {id} resource: ressource(id: "x") {id}}') == {
        "deal": None,
        "resource": None,
    }


def test_block__looks_at_what_was(indexer: Indexer, database: Database, lived_day: Day) -> None:
    head = indexer.head()
    assert head is not None
    number = head.number - 15
    found = ask(
        indexer,
        f"""{{accounts(first: 1000, block: {{number: {number}}}) {{id}}
        _meta {{deployment hasIndexingErrors block {{number hash timestamp}}}}
        past: _meta(block: {{number: {number}}}) {{block {{number}}}}
        same: accounts(first: 1000, block: {{hash: "{head.hash}"}}) {{id}}
        later: accounts(first: 1000, block: {{number_gte: {number}}}) {{id}}}}""",
    )
    assert sorted(ids(found["accounts"])) == [
        row[0] for row in contents(database, block=number)["Account"]
    ]
    assert found["same"] == found["later"]
    assert found["_meta"] == {
        "deployment": f"{lived_day.chain.chain_id}-{lived_day.market.book.hub}",
        "hasIndexingErrors": False,
        "block": {"number": head.number, "hash": head.hash, "timestamp": head.timestamp},
    }
    assert found["past"] == {"block": {"number": number}}


def test_introspection__as_tools_do_it__gives_the_schema(indexer: Indexer) -> None:
    answer = ask(indexer, get_introspection_query())
    schema = build_client_schema(answer)
    names = set(schema.type_map)
    assert {"Deal", "Deal_filter", "Deal_orderBy", "Block_height", "TaskEvent"} <= names
    assert schema.query_type is not None
    assert {"categories", "ordersMatcheds", "bulkSlices"} <= set(schema.query_type.fields)


def test_statements__however_many_parents__are_one_for_each_field(
    indexer: Indexer, database: Database
) -> None:
    run: list[str] = []

    def note(*arguments: Any) -> None:
        run.append(arguments[2])

    engine = database._engine
    event.listen(engine, "before_cursor_execute", note)
    ask(indexer, "{deals {app {owner {id}} tasks {contributions {worker {id score}}}}}")
    event.remove(engine, "before_cursor_execute", note)
    assert len([text for text in run if "FROM blocks" not in text and "SELECT" in text]) == 6


# WHAT IT REFUSES


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("{", "Syntax Error"),
        ("{nothing}", "Cannot query field 'nothing'"),
        ("mutation {a}", "not supported"),
        ("{deals {id} " + "a: deals {id} " * 400 + "}", "may have 500 fields"),
        ("{" + "a " * 5_000 + "}", "more than 4000 tokens"),
        ("{deals " + "{app {usages " * 7 + "{id}" + "}}" * 7 + "}", "fields deep"),
        ("{a" * 1_500, "nested too deep"),
        (
            "{...A} fragment A on Query {...B} fragment B on Query {...A}",
            "may have 500 fields",
        ),
        (
            "{...F9} fragment F0 on Query {_meta {deployment}} "
            + " ".join(
                f"fragment F{n} on Query {{a{n}: _meta {{deployment}} ...F{n - 1} ...F{n - 1}}}"
                for n in range(1, 10)
            ),
            "may have 500 fields",
        ),
        (
            "{__schema {types {fields {type {fields {type {fields {type {fields {name}}}}}}}}}}",
            "introspection depth",
        ),
        ("{deals(where: {datasetorder_: {slice_: {}}}) {id}}", "unknown field 'slice_'"),
        ("{datasetOrders {slice}}", "Cannot query field 'slice'"),
        ("{deals(first: 1001) {id}}", "first must be 1 to 1000"),
        ("{deals(first: 0) {id}}", "first must be 1 to 1000"),
        ("{deals(skip: 5001) {id}}", "skip must be 0 to 5000"),
        ("{deals(skip: -1) {id}}", "skip must be 0 to 5000"),
        ("{deals(where: {trust_gt: null}) {id}}", "trust_gt needs a value"),
        ('{deals(where: {trust: "many"}) {id}}', "integer of at most 78 digits"),
        ("{deals(where: {trust: true}) {id}}", "number or a string"),
        ("{deals(where: {appPrice: 0.0000000001}) {id}}", "at most 9 decimals"),
        ("query ($tag: Bytes = [1]) {deals(where: {tag: $tag}) {id}}", "number or a string"),
        ("{deals(block: {number: 100000}) {id}}", "has not been read yet"),
        ("{deals(block: {number_gte: 100000}) {id}}", "has not been read yet"),
        ("{deals(block: {number: 0}) {id}}", "cannot be looked at any more"),
        ('{deals(block: {hash: "0x00"}) {id}}', "no such block"),
        (
            "{deals(where: {and: [{and: [{and: [{and: [{and: [{and: [{}]}]}]}]}]}]}) {id}}",
            "filters may nest 5 deep",
        ),
    ],
    ids=lambda value: value[:40],
)
def test_query__against_the_rules__is_refused_with_the_reason(
    indexer: Indexer, query: str, reason: str
) -> None:
    assert reason in refusal(indexer, query)


def test_filter__with_too_many_conditions_or_values__is_refused(indexer: Indexer) -> None:
    query = "query ($where: Deal_filter!) {deals(where: $where) {id}}"
    many = {"or": [{"trust": 1}] * 201}
    assert "may have 200 conditions" in refusal(indexer, query, where=many)
    assert "1000 values" in refusal(indexer, query, where={"trust_in": [1] * 1_001})
    deep: dict[str, Any] = {}
    for _ in range(3_000):
        deep = {"and": [deep]}
    assert "nested too deep" in refusal(indexer, query, where=deep)


def test_query__for_too_many_entities__is_refused(database: Database, lived_day: Day) -> None:
    small = Indexer(Follower(database, lived_day.market), max_rows=20)
    assert "may load 20 entities" in refusal(small, "{transfers(first: 100) {id}}")
    assert "may load 20 entities" in refusal(small, "{deals {app {id} tasks {events {id}}}}")


def test_query__that_takes_too_long__is_refused(
    indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poco.services.indexer.endpoint._SECONDS", -1.0)
    assert "takes too long" in refusal(indexer, "{deals {id}}")


def test_query__database_that_does_not_answer__is_no_answer(
    indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ConfigurationError("the database must answer")

    monkeypatch.setattr("poco.services.indexer.loading.Session.many", fail)
    with pytest.raises(ConfigurationError, match="must answer"):
        indexer.answer("{deals {id}}")
