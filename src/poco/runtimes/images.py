"""Find the one container image that a registered checksum names (spec offchain §1.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import docker
from docker.errors import ImageNotFound
from docker.models.images import Image

from poco.appio import Cause, ExecutionError
from poco.runtimes.image_cache import ImageCache
from poco.runtimes.pulling import PullPolicy, pull

__all__ = ["ImageStore"]

_HUB = "registry.hub.docker.com/"
_MOST_SHOWN = 300
_REFERENCE = re.compile(
    r"(?=[^@]{1,255}(?:@|$))"
    r"(?:(?=localhost|[^/]*[.:])[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+|/)[a-z0-9]+)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
    r"(?:@sha256:[0-9a-f]{64})?",
    re.ASCII,
)
"""Registry, repository, tag and digest, as the engine reads them, and nothing that means more in a
URL of its API: a stranger chooses what an image is called."""


class ImageStore:
    """Resolve registered images to image ids, pulling what is missing.

    A checksum is the digest of the image's registry manifest (what ``docker pull`` prints). An
    image that was built on this host and never pushed has no manifest, so its image id, the
    SHA-256 of its configuration, is accepted as well: both bind every byte of the image.

    Args:
        client: a client of the engine.
        policy: what may be pulled.
        cache: makes room for what is pulled; None keeps all.
    """

    def __init__(
        self,
        client: docker.DockerClient,
        policy: PullPolicy | None = None,
        cache: ImageCache | None = None,
    ) -> None:
        self._client = client
        self._images = client.images
        self._policy = policy or PullPolicy()
        self._cache = cache

    def resolve(self, image: str, checksum: bytes) -> str:
        """Return the id, ``sha256:`` and 64 hex digits, of the registered image.

        Args:
            image: the app's multiaddr as text, ``registry.hub.docker.com/`` meaning Docker Hub.
            checksum: 32 bytes as registered; when zero the tag decides.

        Raises:
            ExecutionError: ``APP_IMAGE_DOWNLOAD_FAILED`` or ``APP_IMAGE_BAD_CHECKSUM``; permanent
                only when the registry has answered that there is no such image, or when this
                cannot be the name of one.
        """
        found = _id(self._resolve(image, checksum))
        if self._cache:
            self._cache.used(found)
        return found

    def _resolve(self, image: str, checksum: bytes) -> Image:
        reference = _reference(image)
        local = self._local(reference)
        if not any(checksum):
            return local or self._pull(reference, image, stale=None)
        digest = f"sha256:{checksum.hex()}"
        if local and _has_digest(local, digest):
            return local
        by_id = self._local(digest)  # the tag has moved on, the image is still here
        if by_id:
            return by_id
        return self._pull(f"{self.repository(reference)}@{digest}", image, stale=local)

    def checksum(self, image: str) -> bytes | None:
        """Return what to register for an image of this host, 32 bytes; None when it is not here.

        That is the digest of its registry manifest, or its id when it was never pushed.

        Raises:
            ExecutionError: ``APP_IMAGE_DOWNLOAD_FAILED`` when this is no name of an image.
        """
        reference = _reference(image)
        local = self._local(reference)
        if local is None:
            return None
        pushed = (
            name.partition("@")[2]
            for name in local.attrs.get("RepoDigests") or []
            if self.repository(name) == self.repository(reference)
        )
        return bytes.fromhex(next(pushed, _id(local)).removeprefix("sha256:"))

    def volumes(self, image: str) -> tuple[str, ...]:
        """Return the folders that an image of this host declares as volumes, by its id."""
        return tuple(self._images.get(image).attrs["Config"].get("Volumes") or ())

    def labels(self, image: str) -> Mapping[str, str]:
        """Return the labels of an image of this host by its id."""
        return dict(self._images.get(image).labels)

    @staticmethod
    def repository(reference: str) -> str:
        """Return a reference without its tag or digest; a port is not a tag."""
        name = reference.partition("@")[0]
        head, colon, tail = name.rpartition(":")
        return head if colon and "/" not in tail else name

    def _local(self, reference: str) -> Image | None:
        try:
            return self._images.get(reference)
        except ImageNotFound:
            return None

    def _pull(self, reference: str, image: str, *, stale: Image | None) -> Image:
        try:
            pulled = pull(self._client, reference, image, self._policy)
        except ExecutionError as error:
            if not stale:
                raise
            raise ExecutionError(
                Cause.APP_IMAGE_BAD_CHECKSUM,
                f"checksum mismatch: no image {reference} can be had, and the local one is "
                f"{_id(stale)}",
                field="app.multiaddr",
                value=image,
                remedy=f"register the app again with the image's digest; {error.remedy}",
                permanent=error.permanent,
            ) from error
        if self._cache:
            self._cache.pulled(self._images, pulled, reference)
        return pulled


def _reference(image: str) -> str:
    """Return the reference of an image, if it is one."""
    reference = image.removeprefix(_HUB)
    if not _REFERENCE.fullmatch(reference):
        raise ExecutionError(
            Cause.APP_IMAGE_DOWNLOAD_FAILED,
            "must be the reference of an image: [registry/]repository[:tag][@sha256:digest]",
            field="app.multiaddr",
            value=image[:_MOST_SHOWN],
            remedy="register the app again under a name that docker pull understands",
        )
    return reference


def _id(image: Image) -> str:
    return str(image.id)


def _has_digest(image: Image, digest: str) -> bool:
    pushed = image.attrs.get("RepoDigests") or []
    return image.id == digest or any(name.endswith(f"@{digest}") for name in pushed)
