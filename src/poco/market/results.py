"""Fetch the result of a task from where the chain says it is, and check that it is the one."""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from poco.appio.encryption import decrypt_result
from poco.contracts import Market, Task, TaskStatus
from poco.errors import PeerError, UserInputError
from poco.orders import ZERO_ADDRESS, TaskId
from poco.peers import peer_client
from poco.result_archive import MAX_ARCHIVE_BYTES, ResultLink, inspect_archive, parse_link
from poco.services.results.cids import layout_of, raw_cid
from poco.services.results.inspection import is_sealed

__all__ = ["collect_result", "require_writable_folder"]

_TIMEOUT_SECONDS = 30.0
_GATEWAY = "POCO_IPFS_GATEWAY"
_IPFS_LOCATION = re.compile(r"/(?:ipfs|p2p)/[0-9A-Za-z]+")


def collect_result(
    market: Market,
    taskid: TaskId,
    folder: Path,
    *,
    name: str | None = None,
    gateway: str | None = None,
    private_key: bytes | None = None,
) -> Path:
    """Download the result of a completed task and check that it is the one agreed on.

    Args:
        market: the market.
        taskid: the task.
        folder: where to put the archive; made when missing.
        name: its name without ``.zip``; by default the task's id.
        gateway: URL of the result store, or of another IPFS gateway; by default the variable
            POCO_IPFS_GATEWAY.
        private_key: the beneficiary's, PEM, for a result that is encrypted; without it the archive
            stays encrypted.

    Returns:
        The archive. It appears complete or not at all.

    Raises:
        PeerError: the task is not completed, the link is of another storage, the archive cannot be
            had or is another one.
        UserInputError: the folder cannot be written, the gateway is not known, or the key is not
            the beneficiary's.
        ChainError: the node does not answer.
    """
    task = market.hub.task(taskid)
    identity = f"0x{taskid.hex()}"
    if task.status is not TaskStatus.COMPLETED:
        raise PeerError(
            "only a completed task has a result",
            field="task",
            value=identity,
            remedy=f"it is {task.status.name}: wait, or claim it after its final deadline",
        )
    link = parse_link(task.results)
    url = _url(link, taskid, gateway or os.environ.get(_GATEWAY, ""))
    deal = market.hub.deal(task.dealid)
    has_callback = deal is not None and deal.callback != ZERO_ADDRESS
    target = folder / f"{name or identity}.zip"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".poco-", dir=folder) as work:
            archive = Path(work) / target.name
            _download(url, link, archive)
            if is_sealed(archive) and private_key is not None:
                plain = archive.with_suffix(".plain")
                decrypt_result(archive, plain, private_key)
                archive = plain
            if is_sealed(archive):
                _check_name(archive, link)
            else:
                _check_digest(archive, link, task, has_callback=has_callback)
            archive.replace(target)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return target


def _url(link: ResultLink, taskid: TaskId, gateway: str) -> str:
    """Return where the archive is."""
    if link.storage == "http" and urlsplit(link.location).scheme in ("http", "https"):
        return link.location
    path = link.location
    if link.storage == "ethereum":  # the callback got its data; the store has the whole
        path = f"/v2/results/0x{taskid.hex()}"
    elif link.storage != "ipfs" or _IPFS_LOCATION.fullmatch(path) is None:
        raise PeerError(
            "this client downloads results from ipfs and http storage",
            field="results.storage",
            value=link.storage,
            remedy=f"fetch it yourself from {link.location}",
        )
    if urlsplit(gateway).scheme not in ("http", "https"):
        raise UserInputError(
            "the URL of the result store, or of another IPFS gateway, is needed",
            field="gateway",
            value=gateway,
            remedy=f"set {_GATEWAY} to it",
        )
    return gateway.rstrip("/") + path


def _check_digest(archive: Path, link: ResultLink, task: Task, *, has_callback: bool) -> None:
    found = inspect_archive(archive, has_callback=has_callback).digest
    if found != task.digest:
        raise _bad_link(link, f"the archive has the digest 0x{found.hex()}, not the one agreed on")


def _check_name(archive: Path, link: ResultLink) -> None:
    """Check an archive that nobody but the beneficiary can look into by its content id."""
    with archive.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").digest()
        cid = link.location.rpartition("/")[2]
        is_named = cid == raw_cid(sha256) or layout_of(stream, cid) is not None
    if not is_named and link.sha256 != sha256:
        raise _bad_link(
            link,
            "the archive is encrypted, and its content is not what the link names",
            "give the beneficiary's private key, so that its content can be checked",
        )


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
        remedy="make room, or choose a folder that you may write to",
    )


@cache
def _tls() -> ssl.SSLContext:
    """Return what TLS connections are checked with; to load it takes longer than a download."""
    return httpx.create_ssl_context(trust_env=False)


def _download(url: str, link: ResultLink, target: Path) -> None:
    digest = hashlib.sha256()
    try:
        with (
            peer_client(
                MAX_ARCHIVE_BYTES, timeout=_TIMEOUT_SECONDS, trust_env=False, verify=_tls()
            ) as client,
            client.stream("GET", url, follow_redirects=link.storage == "ipfs") as answer,
            target.open("wb") as file,
        ):
            answer.raise_for_status()
            for chunk in answer.iter_bytes():
                digest.update(chunk)
                file.write(chunk)
    except httpx.HTTPError as error:
        raise _bad_link(link, f"the archive cannot be downloaded: {error}") from error
    if link.sha256 is not None and digest.digest() != link.sha256:
        raise _bad_link(
            link, f"the SHA-256 of the archive is 0x{digest.hexdigest()}, not that on chain"
        )


def _bad_link(
    link: ResultLink,
    rule: str,
    remedy: str = "ask the operator of the workerpool for the result",
) -> PeerError:
    return PeerError(rule, field="results.location", value=link.location, remedy=remedy)
