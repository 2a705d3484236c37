"""Archives in a bucket of an S3-compatible service."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from poco.errors import ConfigurationError
from poco.services.results.cids import raw_cid
from poco.services.results.folder import usable_folder
from poco.services.results.storage import CHUNK_BYTES

try:
    import urllib3
    from minio import Minio
    from minio.error import MinioException, S3Error
except ImportError as missing:
    raise ConfigurationError(
        "S3 needs the package minio", field="store", remedy="pip install 'poco[s3]'"
    ) from missing

__all__ = ["S3"]

_CONNECT_SECONDS, _READ_SECONDS, _RETRIES = 5.0, 60.0, 2


class S3:
    """See `Storage`. The keys are ``AWS_ACCESS_KEY_ID`` and ``AWS_SECRET_ACCESS_KEY``.

    Args:
        url: ``https://host/bucket/prefix``; the bucket exists.
        folder: for uploads that are under way.

    Raises:
        ConfigurationError: the URL names no bucket, or the bucket is not there.
    """

    def __init__(self, url: str, folder: Path) -> None:
        parts = urlsplit(url)
        self._bucket, _, prefix = parts.path.strip("/").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self.folder = usable_folder(folder)
        self._client = Minio(
            parts.netloc,
            access_key=os.environ.get("AWS_ACCESS_KEY_ID"),
            secret_key=os.environ.get("AWS_SECRET_ACCESS_KEY"),
            region=os.environ.get("AWS_REGION"),
            secure=parts.scheme == "https",
            http_client=urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
                retries=urllib3.Retry(_RETRIES, backoff_factor=0.2),
            ),
        )
        with self._asking():
            if not self._client.bucket_exists(self._bucket):
                raise self._fault(f"there is no bucket {self._bucket!r}")

    def name(self, file: Path, sha256: bytes) -> str:  # noqa: ARG002 (see `Storage`)
        """Return the content id of the whole file."""
        return raw_cid(sha256)

    def put(self, file: Path, cid: str) -> None:
        """See `Storage.put`."""
        with self._asking():
            self._client.fput_object(
                self._bucket, self._prefix + cid, str(file), content_type="application/zip"
            )
        file.unlink()

    def size(self, cid: str) -> int | None:
        """See `Storage.size`."""
        with self._asking():
            try:
                return self._client.stat_object(self._bucket, self._prefix + cid).size
            except S3Error as error:
                if error.code in ("NoSuchKey", "NoSuchObject"):
                    return None
                raise

    def read(self, cid: str, start: int, length: int) -> Iterator[bytes]:
        """See `Storage.read`."""
        with self._asking():
            answer = self._client.get_object(
                self._bucket, self._prefix + cid, offset=start, length=length
            )
            try:
                yield from answer.stream(CHUNK_BYTES)
            finally:
                answer.close()
                answer.release_conn()

    def delete(self, cid: str) -> None:
        """See `Storage.delete`."""
        with self._asking():
            self._client.remove_object(self._bucket, self._prefix + cid)

    def settle(self) -> int:
        """See `Storage.settle`."""
        return 0

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except (MinioException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise self._fault(str(error)) from error

    def _fault(self, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"the bucket must answer: {reason}",
            field="store",
            value=self._shown,
            remedy="check the URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
