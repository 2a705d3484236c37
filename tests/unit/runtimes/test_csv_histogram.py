"""The sample app on every runtime: same bytes, sane on odd input."""

from __future__ import annotations

import csv
import json
import statistics
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_bench import HISTOGRAM, Bench

from poco.runtimes import RunLimits
from poco.worker.execution import AppReference, DatasetFile, Execution, TaskInputs, execute

ORDERS = HISTOGRAM / "samples" / "orders.csv"
REGIONS = HISTOGRAM / "samples" / "regions.txt"
URL = "https://example.com/orders.csv"
PRICE_DIGEST = "095e9175f66bc04e6dc52fd6298e606e23bfa3c00dbcfec752cd7e6e0fa560b1"
PRICE_ARCHIVE = "6b9409df21bb458a"


@pytest.fixture
def compute(bench: Bench, tmp_path: Path) -> Callable[..., Execution]:
    def run(
        line: str, table: bytes | Path, keys: bytes | Path | None = None, index: int = 0
    ) -> Execution:
        def local(name: str, content: bytes | Path) -> Path:
            if isinstance(content, Path):
                return content
            (tmp_path / name).write_bytes(content)
            return tmp_path / name

        dataset = keys and DatasetFile("0x" + "12" * 20, "/ipfs/regions.txt", local("keys", keys))
        task = TaskInputs(
            task_id=bytes([index + 1]) * 32,
            deal_id=bytes(32),
            index=index,
            bot_first=0,
            bot_size=2,
            app=AppReference(*bench.histogram, bench.runtime.app_type),
            params=json.dumps({"iexec_args": line, "iexec_input_files": [URL]}),
            limits=RunLimits(seconds=60),
            dataset=dataset or None,
            input_files={URL: local("table.csv", table)},
        )
        return execute(task, bench.runtime, tmp_path / "work")

    return run


def result(execution: Execution) -> dict[str, object]:
    assert execution.failure is None, execution.stderr.decode()
    assert execution.archive is not None
    path = execution.archive.with_name("iexec_out") / "result" / "statistics.json"
    parsed: dict[str, object] = json.loads(path.read_text(), parse_float=Decimal)
    return parsed


def test_sample__digest_and_archive__are_the_same_on_every_runtime(
    compute: Callable[..., Execution],
) -> None:
    execution = compute("--column price,quantity --key region --bins 8", ORDERS, REGIONS)
    assert execution.stdout == b"price: 119 of 240 rows, mean 5.352437, median 5.45\n"
    assert execution.digest is not None
    assert execution.digest.hex() == PRICE_DIGEST
    assert execution.archive_digest.hex().startswith(PRICE_ARCHIVE)


def test_sample__statistics__are_those_of_the_admitted_rows(
    compute: Callable[..., Execution],
) -> None:
    with ORDERS.open() as stream:
        prices = [
            Decimal(row["price"])
            for row in csv.DictReader(stream)
            if row["region"] in ("north", "south") and row["price"] not in ("", "n/a")
        ]
    found = result(compute("--column price --key region", ORDERS, REGIONS))
    assert found["sum"] == sum(prices)
    assert found["median"] == statistics.median(prices)
    assert [found["firstQuartile"], found["thirdQuartile"]] == statistics.quantiles(
        prices, n=4, method="inclusive"
    )[::2]
    assert abs(float(found["deviation"]) - statistics.pstdev(map(float, prices))) < 2e-6  # type: ignore[arg-type]


def test_bag__each_task__takes_a_column_of_the_list(compute: Callable[..., Execution]) -> None:
    columns = [
        result(compute("--column price,quantity", ORDERS, index=i))["column"] for i in (0, 1)
    ]
    assert columns == ["price", "quantity"]


def test_no_dataset__all_rows_count(compute: Callable[..., Execution]) -> None:
    found = result(compute("--column quantity", ORDERS))
    assert (found["rows"], found["filtered"], found["count"]) == (240, 0, 240)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (b"v\n1\n\n \n2\n", {"rows": 2, "count": 2, "sum": 3}),
        (b"v\r\n1\r\n2\r\n", {"rows": 2, "sum": 3}),
        (b"v\r1\r2", {"rows": 2, "sum": 3}),
        (b"\xef\xbb\xbfv\n1\n", {"column": "v", "sum": 1}),
        (b'"v"\n"1"\n"2"', {"sum": 3}),
        (b'a,v\n"x, ""y""\nz",4\n', {"rows": 1, "sum": 4}),
        (b"v,w\n,1\nNA,1\nnull,1\n - ,1\n5,1\n", {"missing": 4, "count": 1, "sum": 5}),
        (b"v\n1\nten\n0x10\n1e\n1.2.3\n", {"invalid": 4, "count": 1}),
        (b"v\n1\n1e12\n-1000000000000\n1e999999999\n", {"tooLarge": 3, "sum": 1}),
        (b"v\n1\n" + b"9" * 60_000 + b"\n", {"tooLarge": 1, "sum": 1}),
        (b"v\n999999999999.999999\n-999999999999.999999\n", {"count": 2, "sum": 0, "mean": 0}),
        (b"v\n0.0000005\n0.0000004\n-0.0000005\n2.5e-6\n", {"sum": Decimal("0.000003")}),
        (b"v\n+1\n.5\n1.\n1E2\n-0\n", {"sum": Decimal("102.5"), "minimum": 0}),
        (b"v\n7\n7\n", {"deviation": 0, "histogram": [{"from": 7, "to": 7, "count": 2}]}),
    ],
    ids=["blank", "crlf", "cr", "bom", "quoted", "quotes", "missing", "invalid", "huge", "endless",
         "wide", "rounding", "forms", "constant"],
)  # fmt: skip
def test_odd_input__is_counted_sanely(
    compute: Callable[..., Execution], table: bytes, expected: dict[str, object]
) -> None:
    found = result(compute("--column v", table))
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (b"", "orders.csv is empty"),
        (b"a,b\n1,2\n", 'no column is called "v", the first one is "a"'),
        (b"v,w\n1,2\n3\n", "orders.csv line 3: has 1 fields, the header has 2"),
        (b'v\n"1\n2\n', "orders.csv line 2: a quote is not closed"),
        (b'v\n"1"2\n', "line 2: text follows a closing quote"),
        (b'v\n1"2\n', "line 2: a quote stands inside an unquoted field"),
        (b"v\n1\x002\n", "line 2: holds a NUL byte"),
        (b"v\n" + b"1" * 70_000, "line 2: record is longer than 65536 bytes"),
        (b"v" + b"," * 1024 + b"\n", "line 1: record has more than 1024 fields"),
        (b"v\nNA\n", 'column "v" has no number'),
    ],
    ids=["empty", "column", "width", "open", "after", "inside", "nul", "long", "fields", "none"],
)
def test_malformed_input__is_refused_with_file_and_line(
    compute: Callable[..., Execution], table: bytes, message: str
) -> None:
    execution = compute("--column v", table)
    assert execution.exit_code == 2
    assert message in execution.stderr.decode()
    assert execution.failure is not None


@pytest.mark.parametrize(
    "line",
    ["", "--column", "--bins 5", "--column v --bins 0", "--column v --bins 1001",
     "--column v --bins x", "--column v --wrong 1", "--column v --separator ab"],
)  # fmt: skip
def test_bad_arguments__are_refused(compute: Callable[..., Execution], line: str) -> None:
    execution = compute(line, b"v\n1\n")
    assert (execution.exit_code, execution.stdout) == (2, b"")
    assert execution.stderr.startswith(b"csv-histogram: ")


def test_dataset__comments_blanks_and_quotes__are_understood(
    compute: Callable[..., Execution],
) -> None:
    table = b'k,v\na,1\n"b, c",2\n#,4\nd,8\n'
    found = result(compute("--column v", table, keys=b'# keys\n\n a \n"b, c"\n'))
    assert (found["sum"], found["filtered"]) == (3, 2)


def test_dataset__without_any_key__is_refused(compute: Callable[..., Execution]) -> None:
    execution = compute("--column v", b"v\n1\n", keys=b"# nothing\n")
    assert b"the dataset names no key" in execution.stderr


def test_separator__semicolon__is_understood(compute: Callable[..., Execution]) -> None:
    assert result(compute("--column v --separator ;", b"k;v\na,b;3\n"))["sum"] == 3


@settings(max_examples=12)
@given(
    st.lists(
        st.integers(-(10**18) + 1, 10**18 - 1) | st.integers(-(10**7), 10**7),
        min_size=1,
        max_size=50,
    ),
    st.integers(1, 20),
)
def test_any_numbers__statistics__are_exact(
    compute: Callable[..., Execution], millionths: list[int], bins: int
) -> None:
    values = [Decimal(number) / 10**6 for number in millionths]
    table = "v\n" + "".join(f"{value:f}\n" for value in values)
    found = result(compute(f"--column v --bins {bins}", table.encode()))
    total = sum(millionths)
    mean = (abs(total) * 2 + len(values)) // (2 * len(values)) * (-1 if total < 0 else 1)
    squares = sum((number - mean) ** 2 for number in millionths) // len(values)
    assert [found[name] for name in ("sum", "minimum", "maximum", "mean")] == [
        Decimal(total) / 10**6,
        min(values),
        max(values),
        Decimal(mean) / 10**6,
    ]
    deviation = int(found["deviation"] * 10**6)  # type: ignore[operator]
    assert deviation**2 <= squares < (deviation + 1) ** 2
    histogram: list[dict[str, int]] = found["histogram"]  # type: ignore[assignment]
    counts = [0] * len(histogram)
    span = max(millionths) - min(millionths)
    for number in millionths:
        place = (number - min(millionths)) * bins // span if span else 0
        counts[min(place, bins - 1)] += 1
    assert [row["count"] for row in histogram] == counts
