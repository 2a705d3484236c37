"""Error results hold shared names only, so that workers agree on them (spec offchain §1.6)."""

from __future__ import annotations

import pytest

from poco.appio import Cause, ExecutionError, error_text


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (Cause.APP_IMAGE_DOWNLOAD_FAILED, "APP_DOWNLOAD_FAILED APP_IMAGE_DOWNLOAD_FAILED"),
        (Cause.DATASET_FILE_BAD_CHECKSUM, "DATA_DOWNLOAD_FAILED DATASET_FILE_BAD_CHECKSUM"),
        (Cause.INPUT_FILES_DOWNLOAD_FAILED, "DATA_DOWNLOAD_FAILED INPUT_FILES_DOWNLOAD_FAILED"),
        (Cause.APP_COMPUTE_TIMEOUT, "COMPUTE_FAILED APP_COMPUTE_TIMEOUT"),
        (Cause.TASK_DESCRIPTION_INVALID, "START_FAILED TASK_DESCRIPTION_INVALID"),
    ],
)
def test_error_text__is_canonical(cause: Cause, text: str) -> None:
    assert error_text(cause) == f"[IEXEC] {text}\n".encode()


def test_error__limit_of_this_worker__is_not_permanent() -> None:
    assert not ExecutionError(Cause.APP_OUT_OF_MEMORY, "needs more").permanent
    assert ExecutionError(Cause.APP_COMPUTE_FAILED, "exit code 1").permanent


def test_error__message__names_cause_field_value_rule_and_remedy() -> None:
    error = ExecutionError(Cause.APP_COMPUTE_FAILED, "must be 0", field="f", value=1, remedy="r")
    assert str(error) == "APP_COMPUTE_FAILED: f = 1: must be 0 (r)"
