"""Archives on an IPFS node, through the API of kubo.

The content id is computed here, so that the link can go on chain while the node is away: the
archive then waits in a folder of this host, is served from there, and is added later.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from poco.contracts.nodes import shown_url
from poco.errors import ConfigurationError
from poco.services.results.cids import ARCHIVE, Layout, layout_of, tree_of
from poco.services.results.folder import LocalFolder, usable_folder

__all__ = ["Kubo"]

_TIMEOUT = httpx.Timeout(60.0, connect=5.0, read=600.0)


class Kubo:
    """See `Storage`.

    Args:
        url: root of the API, for example ``http://127.0.0.1:5001``.
        folder: for archives that the node has not confirmed.

    Raises:
        ConfigurationError: the folder cannot be used.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = usable_folder(folder)
        self._url = url.rstrip("/")
        self._waiting = LocalFolder(folder / "waiting")
        self._client = httpx.Client(timeout=_TIMEOUT, trust_env=False)

    def name(self, file: Path, sha256: bytes) -> str:  # noqa: ARG002 (see `Storage`)
        """Return the content id that the node will give."""
        with file.open("rb") as stream:
            return tree_of(stream, ARCHIVE).cid

    def put(self, file: Path, cid: str) -> None:
        """Keep the file here, and hand it to the node if it answers; see `Storage.put`."""
        self._waiting.put(file, cid)
        try:
            self._add(cid)
        except ConfigurationError:
            return  # `settle` tries again

    def size(self, cid: str) -> int | None:
        """See `Storage.size`."""
        here = self._waiting.size(cid)
        if here is not None:
            return here
        with self._asking():
            # Offline: the node tells what it has, and does not search the network for the rest.
            answer = self._call("files/stat", {"arg": f"/ipfs/{cid}", "offline": "true"})
        return int(answer.json()["Size"]) if answer.is_success else None

    def read(self, cid: str, start: int, length: int) -> Iterator[bytes]:
        """See `Storage.read`."""
        if self._waiting.size(cid) is not None:
            yield from self._waiting.read(cid, start, length)
            return
        part = {"arg": cid, "offset": str(start), "length": str(length)}
        with (
            self._asking(),
            self._client.stream("POST", f"{self._url}/api/v0/cat", params=part) as answer,
        ):
            answer.raise_for_status()
            yield from answer.iter_bytes()

    def delete(self, cid: str) -> None:
        """Unpin the file; the node frees its blocks when it collects garbage."""
        self._waiting.delete(cid)
        with self._asking():
            answer = self._call("pin/rm", {"arg": cid})
            if not answer.is_success and "not pinned" not in answer.text:
                answer.raise_for_status()

    def settle(self) -> int:
        """Add what waits; see `Storage.settle`."""
        waiting = [path.name for path in self._waiting.folder.glob("*/*")]
        for done, cid in enumerate(waiting):
            try:
                self._add(cid)
            except ConfigurationError:
                return len(waiting) - done
        return 0

    def _add(self, cid: str) -> None:
        try:
            file = (self._waiting.folder / cid[-2:] / cid).open("rb")
        except FileNotFoundError:
            return  # another thread was faster
        with file, self._asking():
            layout = layout_of(file, cid)
            if layout is None:
                raise self._fault(f"the file that waits as {cid} is damaged")
            file.seek(0)
            answer = self._call("add", _options(layout), files={"file": (cid, file)})
            answer.raise_for_status()
            given = str(answer.json()["Hash"])
        if given != cid:
            raise self._fault(f"it names the file {given}, not {cid}")
        self._waiting.delete(cid)

    def _call(self, command: str, arguments: dict[str, str], **options: Any) -> httpx.Response:
        return self._client.post(f"{self._url}/api/v0/{command}", params=arguments, **options)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
            raise self._fault(str(error) or type(error).__name__) from error

    def _fault(self, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"the IPFS node must answer: {reason}",
            field="store",
            value=shown_url(self._url),
            remedy="start it, or check the URL of its API",
        )


def _options(layout: Layout) -> dict[str, str]:
    return {
        "cid-version": str(layout.version),
        "raw-leaves": str(layout.version == 1).lower(),
        "chunker": f"size-{layout.chunk}",
        "pin": "true",
        "progress": "false",
    }
