"""What the app finds when it starts (spec offchain §1.4)."""

from __future__ import annotations

import pytest

from poco.appio import ExecutionError, Generation, TaskContext, environment, file_names
from poco.secret import Secret

FALLBACK = "0xeaa77839e918f7c911a88a2338d98f90e51b9b35a9e328b336a8e5f2e24a4787"


def context(**changes: object) -> TaskContext:
    values: dict[str, object] = {
        "task_id": b"\x11" * 32,
        "deal_id": b"\x33" * 32,
        "index": 7,
        "bot_first": 5,
        "bot_size": 3,
    }
    return TaskContext(**{**values, **changes})  # type: ignore[arg-type]


def test_environment__no_dataset_and_no_input__is_the_whole_and_only_set() -> None:
    assert environment(context()) == {
        "IEXEC_TASK_ID": "0x" + "11" * 32,
        "IEXEC_DEAL_ID": "0x" + "33" * 32,
        "IEXEC_TASK_INDEX": "7",
        "IEXEC_IN": "/iexec_in",
        "IEXEC_OUT": "/iexec_out",
        "IEXEC_BOT_SIZE": "3",
        "IEXEC_BOT_FIRST_INDEX": "5",
        "IEXEC_BOT_TASK_INDEX": "7",
        "IEXEC_DATASET_ADDRESS": "0x" + "00" * 20,
        "IEXEC_INPUT_FILES_FOLDER": "/iexec_in",
        "IEXEC_INPUT_FILES_NUMBER": "0",
        "IEXEC_NB_INPUT_FILES": "0",
    }


def test_environment__dataset_and_inputs__are_named_for_the_app() -> None:
    given = environment(
        context(
            dataset_address="0x" + "Ab" * 20, dataset_file="keys.txt", input_files=("a.csv", "b")
        )
    )
    assert {
        name: value for name, value in given.items() if "FILE" in name or "DATASET" in name
    } == {
        "IEXEC_DATASET_ADDRESS": "0x" + "ab" * 20,
        "IEXEC_DATASET_FILENAME": "keys.txt",
        "IEXEC_INPUT_FILES_FOLDER": "/iexec_in",
        "IEXEC_INPUT_FILES_NUMBER": "2",
        "IEXEC_NB_INPUT_FILES": "2",
        "IEXEC_INPUT_FILE_NAME_1": "a.csv",
        "IEXEC_INPUT_FILE_NAME_2": "b",
    }


def test_environment__bulk__has_a_name_for_each_dataset_that_is_there() -> None:
    given = environment(context(bulk_files=("0xaa", "")))
    assert {
        name: value for name, value in given.items() if "FILENAME" in name or "BULK" in name
    } == {
        "IEXEC_BULK_SLICE_SIZE": "2",
        "IEXEC_DATASET_1_FILENAME": "0xaa",
        "IEXEC_DATASET_2_FILENAME": "",
    }
    assert environment(context(bulk_files=()))["IEXEC_BULK_SLICE_SIZE"] == "0"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.com/file-A.txt", "file-A.txt"),
        ("https://example.com/a/b/c.csv?version=2#top", "c.csv"),
        ("https://example.com/my%20file%2F1.txt", "my_file_1.txt"),
        ("https://example.com/r%C3%A9sum%C3%A9.txt", "r_sum_.txt"),
        ("/ipfs/QmDataset", "QmDataset"),
        ("https://example.com/" + "n" * 200, "n" * 120),
    ],
)
def test_file_names__base_name_of_the_url__is_kept_and_made_safe(url: str, name: str) -> None:
    assert file_names([url]) == (name,)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "https://example.com",
        "https://example.com/a/..",
        "https://example.com/%2E",
        "http://[broken/x",
    ],
)
def test_file_names__nothing_left_of_the_name__is_the_hash_of_the_url(url: str) -> None:
    (name,) = file_names([url])
    assert name.startswith("0x")
    assert len(name) == 66


def test_file_names__collision_in_any_case__is_the_hash_of_the_later_url() -> None:
    assert file_names(["https://other.org/FILE-a.txt", "https://example.com/file-A.txt"]) == (
        "FILE-a.txt",
        FALLBACK,
    )


def test_file_names__url_named_after_anothers_hash__is_refused() -> None:
    urls = [
        "https://other.org/file-A.txt",
        f"https://evil.org/{FALLBACK}",
        "https://example.com/file-A.txt",
    ]
    with pytest.raises(ExecutionError, match="must not share the file name"):
        file_names(urls)


def test_file_names__same_url_three_times__is_one_file_under_its_names() -> None:
    url = "https://example.com/file-A.txt"
    assert file_names([url, url, url]) == ("file-A.txt", FALLBACK, FALLBACK)


def test_environment__of_v2__has_one_folder_and_the_variables_of_its_entry() -> None:
    variables = environment(
        context(app_variables={"XWDOCKERIMAGE": "org/app", "IEXEC_OUT": "/forged"}), Generation.V2
    )
    folders = ("IEXEC_IN", "IEXEC_OUT", "IEXEC_INPUT_FILES_FOLDER", "XWDIRIN", "XWSCRATCHPATH")
    assert {variables[name] for name in folders} == {"/iexec"}
    assert (variables["XWJOBUID"], variables["XWDOCKERIMAGE"]) == ("0x" + "11" * 32, "org/app")


def test_environment__secrets__are_revealed_to_the_app_alone() -> None:
    given = context(app_secret=Secret("mine"), requester_secrets={2: Secret("yours")})
    variables = environment(given)
    assert variables["IEXEC_APP_DEVELOPER_SECRET"] == "mine"
    assert variables["IEXEC_APP_DEVELOPER_SECRET_1"] == "mine"
    assert variables["IEXEC_REQUESTER_SECRET_2"] == "yours"
    assert "mine" not in repr(given)
    assert "yours" not in repr(given)


def test_file_names__reserved_name__is_not_given_again() -> None:
    assert file_names(["https://example.com/file-A.txt"], ["FILE-a.txt"]) == (FALLBACK,)
