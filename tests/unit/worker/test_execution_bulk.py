"""The datasets of a bulk, from the download to the app; failures name each of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from support.scripted_runtime import TASK, URL, ScriptedRuntime, assert_error_result, writes

from poco.appio import Cause, ExecutionError
from poco.appio.encryption import encrypt_dataset, generate_dataset_key
from poco.fetching import Fetcher, FetchPolicy
from poco.http_server import serve_files
from poco.orders import checked_address
from poco.secret import Secret
from poco.services.secrets import BulkDataset
from poco.worker.downloads import Downloads
from poco.worker.execution import DatasetFile, TaskInputs, execute

FIRST, SECOND, THIRD = (
    checked_address("dataset", "0x" + digits * 20) for digits in ("aa", "bb", "cc")
)
BULK = '{"bulk_cid": "bafkrei"}'


def sealed(folder: Path, address: str, content: bytes) -> DatasetFile:
    """A dataset as it was downloaded."""
    plain, key = folder / "plain", generate_dataset_key()
    plain.write_bytes(content)
    encrypt_dataset(plain, folder / address, key)
    return DatasetFile(address, URL, folder / address, Secret(key))


@pytest.fixture
def task(tmp_path: Path) -> TaskInputs:
    """A task whose slice has a gap between two datasets."""
    bulk = (sealed(tmp_path, FIRST, b"one"), None, sealed(tmp_path, SECOND, b"two"))
    return replace(TASK, params=BULK, bulk=bulk, tee=True)


# WHAT THE APP FINDS


def test_bulk__datasets_and_a_gap__are_named_and_plain_for_the_app(
    tmp_path: Path, task: TaskInputs
) -> None:
    runtime = ScriptedRuntime(writes(r="42"))
    execution = execute(task, runtime, tmp_path / "work")
    assert execution.failure is None
    (spec,) = runtime.specs
    given = {
        name: it for name, it in spec.environment.items() if "BULK" in name or "_FILEN" in name
    }
    assert given == {
        "IEXEC_BULK_SLICE_SIZE": "3",
        "IEXEC_DATASET_1_FILENAME": FIRST.lower(),
        "IEXEC_DATASET_2_FILENAME": "",
        "IEXEC_DATASET_3_FILENAME": SECOND.lower(),
    }
    folder = spec.mounts[0].host
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert contents == {FIRST.lower(): b"one", SECOND.lower(): b"two"}
    assert "key" not in "".join(spec.environment).lower()


def test_bulk__the_same_dataset_twice__is_one_file(tmp_path: Path, task: TaskInputs) -> None:
    assert task.bulk is not None
    runtime = ScriptedRuntime(writes(r="42"))
    execute(replace(task, bulk=task.bulk[:1] * 2), runtime, tmp_path / "work")
    (spec,) = runtime.specs
    assert spec.environment["IEXEC_DATASET_1_FILENAME"] == FIRST.lower()
    assert spec.environment["IEXEC_DATASET_2_FILENAME"] == FIRST.lower()
    assert [path.name for path in spec.mounts[0].host.iterdir()] == [FIRST.lower()]


def test_bulk__input_file_with_the_name_of_a_dataset__gets_another(
    tmp_path: Path, task: TaskInputs
) -> None:
    url = f"https://example.com/{FIRST}"
    (tmp_path / "file").write_bytes(b"input")
    params = f'{{"bulk_cid": "bafkrei", "iexec_input_files": ["{url}"]}}'
    runtime = ScriptedRuntime(writes(r="42"))
    execute(
        replace(task, params=params, input_files={url: tmp_path / "file"}),
        runtime,
        tmp_path / "work",
    )
    (spec,) = runtime.specs
    name = "0x" + hashlib.sha256(url.encode()).hexdigest()
    assert spec.environment["IEXEC_INPUT_FILE_NAME_1"] == name
    assert (spec.mounts[0].host / FIRST.lower()).read_bytes() == b"one"


def test_bulk__of_a_standard_task__never_starts_the_app(tmp_path: Path) -> None:
    execution = execute(
        replace(TASK, params=BULK), ScriptedRuntime(writes(r="42")), tmp_path / "work"
    )
    text = "[IEXEC] START_FAILED TASK_DESCRIPTION_INVALID\n"
    assert_error_result(execution, Cause.TASK_DESCRIPTION_INVALID, text)
    assert "ask for the tag tee" in str(execution.failure)


def test_bulk__datasets_with_wrong_keys__are_all_named(tmp_path: Path, task: TaskInputs) -> None:
    assert task.bulk is not None
    wrong = tuple(one and replace(one, key=Secret("no key")) for one in task.bulk)
    execution = execute(
        replace(task, bulk=wrong), ScriptedRuntime(writes(r="42")), tmp_path / "work"
    )
    text = "[IEXEC] COMPUTE_FAILED PRE_COMPUTE_DATASET_DECRYPTION_FAILED\n"
    assert_error_result(execution, Cause.PRE_COMPUTE_DATASET_DECRYPTION_FAILED, text)
    message = str(execution.failure)
    for address in (FIRST, SECOND):
        assert f"{address.lower()}: PRE_COMPUTE_DATASET_DECRYPTION_FAILED" in message
    assert "no key" not in message


# DOWNLOADS


def offered(address: str, url: str, content: bytes = b"", *, checked: bool = True) -> BulkDataset:
    checksum = hashlib.sha256(content).digest() if checked else bytes(32)
    return BulkDataset(checked_address("dataset", address), url, checksum, Secret("key"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The URL below which the files ``one`` and ``two`` are."""
    with ExitStack() as stack:
        for name in ("one", "two"):
            (tmp_path / name).write_bytes(name.encode())
        files = stack.enter_context(serve_files({name: tmp_path / name for name in ("one", "two")}))
        yield files.url_of("one").removesuffix("one")


def downloads(folder: Path, **limits: int) -> Downloads:
    fetcher = Fetcher(FetchPolicy(allow_private=True, retries=0, **limits))
    return Downloads(fetcher, folder / "downloads", fetcher.deadline(60))


def test_downloads__bulk__keeps_order_gaps_and_keys(tmp_path: Path, site: str) -> None:
    one = offered(FIRST, f"{site}one", b"one")
    two = offered(SECOND, f"{site}two", checked=False)
    found = downloads(tmp_path).bulk([two, None, one, two])
    assert [file and (file.address, file.path.read_bytes()) for file in found] == [
        (SECOND, b"two"),
        None,
        (FIRST, b"one"),
        (SECOND, b"two"),
    ]
    assert all(file.key == Secret("key") for file in found if file)


def test_downloads__several_datasets_fail__each_has_its_cause(tmp_path: Path, site: str) -> None:
    wanted = [
        offered(FIRST, f"{site}one", b"another"),
        offered(SECOND, f"{site}absent"),
        offered(THIRD, f"{site}two", b"two"),
    ]
    with pytest.raises(ExecutionError) as caught:
        downloads(tmp_path).bulk(wanted)
    error = caught.value
    assert (error.cause, error.permanent) == (Cause.DATASET_FILE_BAD_CHECKSUM, True)
    assert f"{FIRST.lower()}: DATASET_FILE_BAD_CHECKSUM" in error.rule
    assert f"{SECOND.lower()}: DATASET_FILE_DOWNLOAD_FAILED" in error.rule
    assert THIRD.lower() not in error.rule


def test_downloads__one_failure_may_pass__is_left_to_others(tmp_path: Path, site: str) -> None:
    wanted = [offered(FIRST, f"{site}absent"), offered(SECOND, "http://127.0.0.1:1/two")]
    with pytest.raises(ExecutionError) as caught:
        downloads(tmp_path).bulk(wanted)
    assert not caught.value.permanent


def test_downloads__many_failures__are_counted(tmp_path: Path, site: str) -> None:
    wanted = [offered(f"0x{number:040x}", f"{site}absent") for number in range(12)]
    with pytest.raises(ExecutionError, match="and 2 more"):
        downloads(tmp_path).bulk(wanted)


def test_downloads__bulk_over_the_limit_of_all_inputs__is_too_large(
    tmp_path: Path, site: str
) -> None:
    wanted = [offered(FIRST, f"{site}one", b"one"), offered(SECOND, f"{site}two", b"two")]
    with pytest.raises(ExecutionError, match=f"{SECOND.lower()}: INPUT_TOO_LARGE"):
        downloads(tmp_path, max_total_bytes=5).bulk(wanted)
