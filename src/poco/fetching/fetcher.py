"""Download files from addresses that strangers chose (spec offchain §1.6)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from ssl import SSLContext

import httpcore
import httpx

from poco import __version__
from poco.appio import Cause, ExecutionError
from poco.fetching.addresses import ForbiddenAddressError, locate, web_url
from poco.fetching.connection import Clock, Connector, Resolve, resolve
from poco.fetching.part import PartialFile
from poco.fetching.policy import FetchPolicy
from poco.new_file import new_file

__all__ = ["FetchedFile", "Fetcher", "Progress"]

Progress = Callable[[int, int | None], None]
"""Told how many bytes of a file are here, and how many it has if the server says so."""

_GONE = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_REDIRECTS = (301, 302, 303, 307, 308)
_REMEDY = "publish the file where every worker can fetch it"
_TRANSPORT_ERRORS = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)
_BAD_CHECKSUM = {
    Cause.APP_IMAGE_DOWNLOAD_FAILED: Cause.APP_IMAGE_BAD_CHECKSUM,
    Cause.DATASET_FILE_DOWNLOAD_FAILED: Cause.DATASET_FILE_BAD_CHECKSUM,
}


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file that has been downloaded.

    Args:
        path: where it is.
        sha256: its digest, 32 bytes.
        size: bytes.
    """

    path: Path
    sha256: bytes
    size: int


@dataclass(frozen=True, slots=True)
class _Job:
    """One file to fetch: how it is called in errors, and its limits."""

    url: str
    cause: Cause
    max_bytes: int
    deadline: float
    progress: Progress | None = None

    def error(
        self, rule: str, *, permanent: bool = False, cause: Cause | None = None
    ) -> ExecutionError:
        return ExecutionError(
            cause or self.cause,
            rule,
            field="url",
            value=self.url,
            remedy=_REMEDY,
            permanent=permanent,
        )

    def forbidden(self, reason: ForbiddenAddressError) -> ExecutionError:
        return self.error(
            str(reason), permanent=True, cause=self._unless_app(Cause.INPUT_URL_FORBIDDEN)
        )

    def too_large(self) -> ExecutionError:
        rule = f"the file may have {self.max_bytes} bytes"
        return self.error(rule, permanent=True, cause=self._unless_app(Cause.INPUT_TOO_LARGE))

    def _unless_app(self, cause: Cause) -> Cause:
        is_app = self.cause is Cause.APP_IMAGE_DOWNLOAD_FAILED
        return self.cause if is_app else cause


class _TransferError(Exception):
    """A transfer that broke in a way that the next trial may mend; its text says how."""


class Fetcher:
    """Downloads under a policy; safe to use from several threads.

    Args:
        policy: what may be fetched.
        resolve: finds the IP addresses of a host.
        clock: seconds of a clock that only goes forward.
        sleep: waits some seconds before a retry.
        tls: what servers must prove; by default a certificate of a public authority.
    """

    def __init__(
        self,
        policy: FetchPolicy | None = None,
        *,
        resolve: Resolve = resolve,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        tls: SSLContext | None = None,
    ) -> None:
        self.policy = policy or FetchPolicy()
        self._resolve = resolve
        self._clock = clock
        self._sleep = sleep
        self._tls = tls or httpx.create_ssl_context(trust_env=False)

    def deadline(self, seconds: float) -> float:
        """Return when so many seconds are over, on the fetcher's clock."""
        return self._clock() + seconds

    def fetch(
        self,
        url: str,
        target: Path,
        *,
        cause: Cause,
        checksum: bytes | None = None,
        deadline: float | None = None,
        max_bytes: int | None = None,
        progress: Progress | None = None,
    ) -> FetchedFile:
        """Download a file.

        Args:
            url: ``http``, ``https`` or ``ipfs`` URL, or an IPFS path like ``/ipfs/<cid>``.
            target: where to put it, in an existing folder; it appears complete or not at all.
            cause: what to call a failure.
            checksum: SHA-256 that the file must have, 32 bytes; none or zero means any.
            deadline: when to give up, see `deadline`; the policy's limit holds as well.
            max_bytes: longest file, when it is less than the policy allows.
            progress: called after each chunk.

        Raises:
            ExecutionError: the file cannot be had; permanent when every worker would fail alike:
                a forbidden address, a file that is gone, too large or not the registered one.
        """
        end = self._clock() + self.policy.total_seconds
        job = _Job(
            url,
            cause,
            self.policy.max_bytes if max_bytes is None else min(max_bytes, self.policy.max_bytes),
            end if deadline is None else min(end, deadline),
            progress,
        )
        try:
            source = locate(url, self.policy.gateways)
        except ForbiddenAddressError as reason:
            raise job.forbidden(reason) from reason
        failures = [job.error("this worker has no IPFS gateway")] if not source.urls else []
        for address in source.urls:
            try:
                with new_file(target) as file:
                    part = PartialFile(file)
                    self._download(job, address, part, trusted=source.is_gateway)
                    if source.sha256 not in (None, part.sha256):
                        raise job.error(f"{address.host} must serve the file of this CID")
                    _check(job, part.sha256, checksum)
                return FetchedFile(target, part.sha256, part.size)
            except ExecutionError as failure:
                failures.append(failure)
            except OSError as error:
                raise job.error(f"the file cannot be written: {error.strerror or error}") from error
        if source.is_gateway:  # another worker may ask other gateways
            failures[-1].permanent = all(failure.permanent for failure in failures)
        raise failures[-1]

    def fetch_all(
        self,
        urls: Sequence[str],
        folder: Path,
        *,
        cause: Cause = Cause.INPUT_FILES_DOWNLOAD_FAILED,
        deadline: float | None = None,
    ) -> dict[str, FetchedFile]:
        """Download the input files of a task, within the policy's limit for their sum.

        Args:
            urls: their addresses; one that is repeated is fetched once.
            folder: where to put them, as ``input-0``, ``input-1`` and so on.
            cause: what to call a failure.
            deadline: see `fetch`; for all together.

        Returns:
            The files by address.

        Raises:
            ExecutionError: see `fetch`.
        """
        files: dict[str, FetchedFile] = {}
        left = self.policy.max_total_bytes
        for number, url in enumerate(dict.fromkeys(urls)):
            target = folder / f"input-{number}"
            files[url] = self.fetch(url, target, cause=cause, deadline=deadline, max_bytes=left)
            left -= files[url].size
        return files

    def _download(self, job: _Job, url: httpx.URL, part: PartialFile, *, trusted: bool) -> None:
        """Fetch into the partial file, taking a broken transfer up again."""
        for trial in range(self.policy.retries + 1):
            left = job.deadline - self._clock()
            if trial and left > 0:
                self._sleep(min(2.0 ** (trial - 1), left))
            try:
                return self._request(job, url, part, trusted=trusted)
            except ForbiddenAddressError as reason:
                raise job.forbidden(reason) from reason
            except (*_TRANSPORT_ERRORS, _TransferError) as error:
                failure = error
            if self._clock() >= job.deadline:
                raise job.error("the file must come in time") from failure
        text = str(failure) or type(failure).__name__
        raise job.error(f"the file cannot be downloaded: {text}") from failure

    def _request(self, job: _Job, url: httpx.URL, part: PartialFile, *, trusted: bool) -> None:
        """Ask once, following redirects; each is checked like the first address."""
        headers: dict[bytes | str, bytes | str] = {
            "Accept-Encoding": "identity",
            "User-Agent": f"poco/{__version__}",
        }
        if part.size and part.validator:
            headers["Range"] = f"bytes={part.size}-"
            headers["If-Range"] = part.validator
        for _ in range(self.policy.max_redirects + 1):
            permits = (lambda _address: True) if trusted else self.policy.permits
            connector = Connector(permits, self._resolve, self._clock, job.deadline)
            with (
                httpcore.ConnectionPool(self._tls, network_backend=connector) as pool,
                pool.stream(
                    "GET", _wire_url(url), headers=headers, extensions={"timeout": self._timeouts()}
                ) as response,
            ):
                location = _header(response, b"location")
                if response.status not in _REDIRECTS or not location:
                    return _receive(job, response, part)
            target = _redirected(url, location)
            trusted = trusted and _origin(target) == _origin(url)
            url = target
        rule = f"a file may be {self.policy.max_redirects} redirects away"
        raise job.error(rule, permanent=True)

    def _timeouts(self) -> dict[str, float]:
        stall = self.policy.stall_seconds
        return {"connect": self.policy.connect_seconds, "read": stall, "write": stall}


def _receive(job: _Job, response: httpcore.Response, part: PartialFile) -> None:
    """Append the body of an answer to the partial file."""
    status = response.status
    if status == HTTPStatus.PARTIAL_CONTENT:
        if not _header(response, b"content-range").startswith(b"bytes %d-" % part.size):
            part.restart()
            raise _TransferError("the server resumes at another place")
    elif status == HTTPStatus.OK:
        part.restart(_validator(response))
    elif status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        part.restart()
        raise _TransferError("the server cannot resume")
    else:
        rule = f"the server answers with status {status}"
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _TransferError(rule)
        raise job.error(rule, permanent=status in _GONE)
    length = _header(response, b"content-length")
    total = part.size + int(length) if length else None
    if total is not None and total > job.max_bytes:
        raise job.too_large()
    for chunk in response.iter_stream():
        part.write(chunk)
        if part.size > job.max_bytes:
            raise job.too_large()
        if job.progress:
            job.progress(part.size, total)


def _check(job: _Job, found: bytes, checksum: bytes | None) -> None:
    if checksum and any(checksum) and found != checksum:
        raise job.error(
            f"the file must have the SHA-256 0x{checksum.hex()}, and has 0x{found.hex()}",
            permanent=True,
            cause=_BAD_CHECKSUM.get(job.cause),
        )


def _redirected(url: httpx.URL, location: bytes) -> httpx.URL:
    place = location.decode(errors="replace")
    try:
        target = web_url(url.join(place))
    except (httpx.InvalidURL, ForbiddenAddressError) as error:
        raise ForbiddenAddressError(f"it redirects to {place!r}, but {error}") from error
    if url.scheme == "https" and target.scheme == "http":
        raise ForbiddenAddressError(f"it redirects to {place!r}, but must not leave https")
    return target


def _wire_url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _header(response: httpcore.Response, name: bytes) -> bytes:
    """Return a header's value, empty when the server does not send it."""
    return next((value for key, value in response.headers if key.lower() == name), b"")


def _validator(response: httpcore.Response) -> bytes:
    """Return what tells versions of a file apart: a strong entity tag, or the date of change."""
    tag = _header(response, b"etag")
    is_strong = tag and not tag.startswith(b"W/")
    return tag if is_strong else _header(response, b"last-modified")
