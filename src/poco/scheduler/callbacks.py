"""What a callback contract gets, taken out of the archive that proves it (spec offchain §5.6)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import httpx

from poco.contracts.nodes import shown_url
from poco.errors import PeerError
from poco.orders import TaskId
from poco.peers import peer_client
from poco.result_archive import MAX_ARCHIVE_BYTES, inspect_archive

__all__ = ["callback_data"]

_TIMEOUT_SECONDS = 60.0


def callback_data(results_url: str, taskid: TaskId, digest: bytes) -> bytes:
    """Fetch the archive of a revealed task and return what its digest is the hash of.

    Args:
        results_url: root of the result store.
        taskid: the task.
        digest: the revealed digest, 32 bytes.

    Raises:
        PeerError: the store does not answer, or has another result.
    """
    url = f"{results_url.rstrip('/')}/v2/results/0x{taskid.hex()}"
    try:
        with tempfile.TemporaryDirectory(prefix="poco-callback-") as folder:
            archive = Path(folder) / "result.zip"
            _download(url, archive)
            content = inspect_archive(archive, has_callback=True)
    except httpx.HTTPError as error:
        raise _fault(url, f"the archive cannot be read: {error}") from error
    if content.digest != digest:
        raise _fault(url, f"the archive must have the digest 0x{digest.hex()}")
    return content.callback_data


def _download(url: str, target: Path) -> None:
    with (
        peer_client(MAX_ARCHIVE_BYTES, timeout=_TIMEOUT_SECONDS, trust_env=False) as client,
        client.stream("GET", url) as answer,
        target.open("wb") as file,
    ):
        answer.raise_for_status()
        for piece in answer.iter_bytes():
            file.write(piece)


def _fault(url: str, rule: str) -> PeerError:
    return PeerError(rule, field="results", value=shown_url(url), remedy="check the result store")
