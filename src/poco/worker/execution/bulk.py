"""The datasets of a bulk: each is handled like a task's own, and all failures are told together.

An app finds them under their addresses, as in every confidential task (spec offchain §1.4, §5.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from poco.appio import ExecutionError
from poco.worker.execution.model import DatasetFile

__all__ = ["bulk_names", "each_of_bulk"]

_SHOWN = 10

T = TypeVar("T")
Result = TypeVar("Result")


def bulk_names(bulk: Sequence[DatasetFile | None] | None) -> tuple[str, ...] | None:
    """Return what the datasets are called for the app, empty for one that is not there."""
    return None if bulk is None else tuple(one.address.lower() if one else "" for one in bulk)


def each_of_bulk(
    datasets: Iterable[T], name: Callable[[T], str], act: Callable[[T], Result]
) -> list[Result]:
    """Do something with each dataset of a bulk, also when it fails with some.

    Args:
        datasets: the datasets.
        name: what the app calls one.
        act: what to do.

    Returns:
        What came of each.

    Raises:
        ExecutionError: it failed with some; the cause is that of the first, and it is permanent
            when that is true of all.
    """
    done: list[Result] = []
    failures: list[tuple[str, ExecutionError]] = []
    for dataset in datasets:
        try:
            done.append(act(dataset))
        except ExecutionError as failure:
            failures.append((name(dataset), failure))
    if failures:
        raise _together(failures)
    return done


def _together(failures: Sequence[tuple[str, ExecutionError]]) -> ExecutionError:
    listed = [f"{name}: {failure}" for name, failure in failures[:_SHOWN]]
    if len(failures) > _SHOWN:
        listed.append(f"and {len(failures) - _SHOWN} more")
    return ExecutionError(
        failures[0][1].cause,
        "; ".join(listed),
        field="params.bulk_cid",
        permanent=all(failure.permanent for _, failure in failures),
    )
