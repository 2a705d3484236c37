"""Fetch the result of a task from where the chain says it is, and check that it is the one."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from poco.contracts import Market, TaskStatus
from poco.errors import PeerError, UserInputError
from poco.orders import ZERO_ADDRESS, TaskId
from poco.result_archive import MAX_ARCHIVE_BYTES, ResultLink, inspect_archive, parse_link

__all__ = ["collect_result", "require_writable_folder"]

_TIMEOUT_SECONDS = 30.0


def collect_result(market: Market, taskid: TaskId, folder: Path) -> Path:
    """Download the result of a completed task and check that it is the one agreed on.

    Args:
        market: the market.
        taskid: the task.
        folder: where to put ``<taskid>.zip``; made when missing.

    Returns:
        The archive. It appears complete or not at all.

    Raises:
        PeerError: the task is not completed, the link is not of HTTP, the archive cannot be had or
            is another one.
        UserInputError: the folder cannot be written.
        ChainError: the node does not answer.
    """
    task = market.hub.task(taskid)
    name = f"0x{taskid.hex()}"
    if task.status is not TaskStatus.COMPLETED:
        raise PeerError(
            "only a completed task has a result",
            field="task",
            value=name,
            remedy=f"it is {task.status.name}: wait, or claim it after its final deadline",
        )
    link = parse_link(task.results)
    if link.storage != "http" or urlsplit(link.location).scheme not in ("http", "https"):
        raise PeerError(
            "this client downloads results from http storage",
            field="results.storage",
            value=link.storage,
            remedy=f"fetch it yourself from {link.location}",
        )
    deal = market.hub.deal(task.dealid)
    has_callback = deal is not None and deal.callback != ZERO_ADDRESS
    target = folder / f"{name}.zip"
    partial = target.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _download(link, partial)
            found = inspect_archive(partial, has_callback=has_callback).digest
            if found != task.digest:
                raise PeerError(
                    f"the archive has the digest 0x{found.hex()}, not the one agreed on",
                    field="results.location",
                    value=link.location,
                    remedy="ask the operator of the workerpool for the result",
                )
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return target


def require_writable_folder(folder: Path) -> None:
    """Check that results can be written, before anything is bought.

    Raises:
        UserInputError: they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> UserInputError:
    return UserInputError(
        f"the results folder cannot be written: {error.strerror}",
        field="results",
        value=str(folder),
        remedy="choose a folder that you may write to",
    )


def _download(link: ResultLink, target: Path) -> None:
    digest = hashlib.sha256()
    size = 0
    try:
        with (
            httpx.stream("GET", link.location, timeout=_TIMEOUT_SECONDS, trust_env=False) as answer,
            target.open("wb") as file,
        ):
            answer.raise_for_status()
            for chunk in answer.iter_bytes():
                size += len(chunk)
                if size > MAX_ARCHIVE_BYTES:
                    raise _bad_link(link, f"an archive may have {MAX_ARCHIVE_BYTES} bytes")
                digest.update(chunk)
                file.write(chunk)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _bad_link(link, f"the archive cannot be downloaded: {error}") from error
    if link.sha256 is not None and digest.digest() != link.sha256:
        raise _bad_link(
            link, f"the SHA-256 of the archive is 0x{digest.hexdigest()}, not that on chain"
        )


def _bad_link(link: ResultLink, rule: str) -> PeerError:
    return PeerError(
        rule,
        field="results.location",
        value=link.location,
        remedy="ask the operator of the workerpool for the result",
    )
