"""The client of a result store: uploads that survive a broken line, and the links they yield."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from eth_account.signers.local import LocalAccount

from poco.appio import stream_digest
from poco.contracts.nodes import shown_url
from poco.errors import PeerError
from poco.orders import TaskId
from poco.peers import json_object, peer_client
from poco.services.results.signatures import Leave, sign_upload

__all__ = ["ResultsClient"]

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_VERIFICATION = httpx.Timeout(60.0, connect=10.0, read=600.0)
_CHUNK_BYTES = 1024 * 1024
_MAX_ANSWER_BYTES = 1024 * 1024
_SMALL_BYTES = 256 * 1024
_ATTEMPTS = 4
_PAUSE_SECONDS = 0.5


class ResultsClient:
    """Talks to a result store. Safe to use from several threads.

    Args:
        url: root URL of the store.
        pause: seconds before the first new attempt of a broken upload; doubles each time.
    """

    def __init__(self, url: str, *, pause: float = _PAUSE_SECONDS) -> None:
        self._url = url.rstrip("/")
        self._pause = pause
        self._client = peer_client(_MAX_ANSWER_BYTES, timeout=_TIMEOUT, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def upload(
        self,
        taskid: TaskId,
        archive: Path,
        *,
        account: LocalAccount,
        assignment: Leave,
        digest: bytes,
        enclave_signature: bytes = b"",
    ) -> bytes:
        """Hand over the archive of a task; what the store has already is not sent again.

        Args:
            taskid: the task.
            archive: the zip, encrypted or not.
            account: the worker that contributes.
            assignment: its leave to contribute.
            digest: the result digest, 32 bytes.
            enclave_signature: the enclave's signature of result hash and seal, for TEE tasks.

        Returns:
            The result link to put on chain.

        Raises:
            PeerError: the store does not answer, or refuses the archive.
        """
        with archive.open("rb") as file:
            sha256 = stream_digest(file)
        size = archive.stat().st_size
        headers = {
            "Authorization": f"0x{sign_upload(account, taskid, sha256).hex()}",
            "Digest": f"sha-256={base64.b64encode(sha256).decode()}",
            "X-Poco-Result-Digest": f"0x{digest.hex()}",
            "X-Poco-Authorization": f"0x{assignment.authorization.hex()}",
            "X-Poco-Enclave": assignment.enclave_challenge,
            "X-Poco-Enclave-Signature": f"0x{enclave_signature.hex()}",
        }
        for attempt in range(_ATTEMPTS - 1):
            try:
                return self._send(taskid, archive, size, headers)
            except httpx.TransportError:
                time.sleep(self._pause * 2**attempt)
        with self._asking():
            return self._send(taskid, archive, size, headers)

    def find(self, taskid: TaskId, digest: bytes) -> bytes | None:
        """Return the result link of an archive that is stored; None when it is not.

        Args:
            taskid: the task.
            digest: the result digest, 32 bytes.

        Raises:
            PeerError: the store does not answer.
        """
        with self._asking():
            answer = self._client.get(
                self._path(taskid) + "/link", params={"digest": f"0x{digest.hex()}"}
            )
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        return self._accepted(answer).content

    def check(self) -> None:
        """Check that the store is there, before work that needs it begins.

        Raises:
            PeerError: it does not answer.
        """
        with self._asking():
            self._accepted(self._client.get(f"{self._url}/version"))

    def _send(self, taskid: TaskId, archive: Path, size: int, headers: dict[str, str]) -> bytes:
        """Send what is missing.

        Of a large archive the offset is asked first, so that neither a refusal nor what the store
        has already costs traffic. A small one is sent at once.
        """
        url = self._path(taskid)
        if size <= _SMALL_BYTES:
            answer = self._put(url, archive, 0, size, headers)
            if answer.status_code != HTTPStatus.CONFLICT:  # it has no part of it
                return self._accepted(answer).content
        question = headers | {"Content-Range": f"bytes */{size}"}
        asked = self._accepted(self._client.put(url, headers=question, timeout=_VERIFICATION))
        if asked.status_code == HTTPStatus.CREATED:
            return asked.content
        offset = _member(asked, "offset")
        if not isinstance(offset, int) or not 0 <= offset < size:
            raise PeerError(
                "the result store must say how much of the archive it has",
                field="results",
                value=shown_url(self._url),
                remedy="check that the URL is that of a result store",
            )
        return self._accepted(self._put(url, archive, offset, size, headers)).content

    def _put(
        self, url: str, archive: Path, offset: int, size: int, headers: dict[str, str]
    ) -> httpx.Response:
        span = {
            "Content-Range": f"bytes {offset}-{size - 1}/{size}",
            "Content-Length": str(size - offset),
            "Content-Type": "application/zip",
        }
        rest = _rest(archive, offset)
        return self._client.put(url, headers=headers | span, content=rest, timeout=_VERIFICATION)

    def _path(self, taskid: TaskId) -> str:
        return f"{self._url}/v2/results/0x{taskid.hex()}"

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            raise self._silent(error) from error

    def _silent(self, error: Exception) -> PeerError:
        return PeerError(
            f"the result store does not answer: {error or type(error).__name__}",
            field="results",
            value=shown_url(self._url),
            remedy="start it with `poco results serve`, or name its URL",
        )

    def _accepted(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            return answer
        raise PeerError(
            f"the result store refuses: {_member(answer, 'error')}",
            field="results",
            value=shown_url(self._url),
        )


def _member(answer: httpx.Response, name: str) -> Any:
    try:
        return json_object(answer)[name]
    except (ValueError, KeyError):
        return f"HTTP status {answer.status_code}"


def _rest(archive: Path, offset: int) -> Iterator[bytes]:
    with archive.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
