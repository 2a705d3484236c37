"""Find the one container image that a registered checksum names (spec offchain §1.3)."""

from __future__ import annotations

import docker
from docker.errors import APIError, ImageNotFound, NotFound
from docker.models.images import Image

from poco.appio import Cause, ExecutionError

__all__ = ["ImageStore"]

_HUB = "registry.hub.docker.com/"


class ImageStore:
    """Resolve registered images to image ids, pulling what is missing.

    A checksum is the digest of the image's registry manifest (what ``docker pull`` prints). An
    image that was built on this host and never pushed has no manifest, so its image id, the
    SHA-256 of its configuration, is accepted as well: both bind every byte of the image.

    Args:
        client: a client of the engine.
    """

    def __init__(self, client: docker.DockerClient) -> None:
        self._images = client.images

    def resolve(self, image: str, checksum: bytes) -> str:
        """Return the id, ``sha256:`` and 64 hex digits, of the registered image.

        Args:
            image: the app's multiaddr as text, ``registry.hub.docker.com/`` meaning Docker Hub.
            checksum: 32 bytes as registered; when zero the tag decides.

        Raises:
            ExecutionError: ``APP_IMAGE_DOWNLOAD_FAILED`` or ``APP_IMAGE_BAD_CHECKSUM``; permanent
                only when the registry has answered that there is no such image.
        """
        reference = image.removeprefix(_HUB)
        local = self._local(reference)
        if not any(checksum):
            return _id(local or self._pull(reference, image, stale=None))
        digest = f"sha256:{checksum.hex()}"
        if local and _has_digest(local, digest):
            return _id(local)
        by_id = self._local(digest)  # the tag has moved on, the image is still here
        if by_id:
            return _id(by_id)
        return _id(self._pull(f"{self.repository(reference)}@{digest}", image, stale=local))

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
            return self._images.pull(reference)
        except APIError as error:
            missing = isinstance(error, NotFound)
            reason = str(error.explanation or error)
        if stale:
            raise ExecutionError(
                Cause.APP_IMAGE_BAD_CHECKSUM,
                f"checksum mismatch: no image {reference} can be had, and the local one is "
                f"{_id(stale)}",
                field="app.multiaddr",
                value=image,
                remedy=f"register the app again with the image's digest; {reason}",
                permanent=missing,
            )
        raise ExecutionError(
            Cause.APP_IMAGE_DOWNLOAD_FAILED,
            "image must be on this host or in a registry this host can reach",
            field="app.multiaddr",
            value=image,
            remedy=reason,
            permanent=missing,
        )


def _id(image: Image) -> str:
    return str(image.id)


def _has_digest(image: Image, digest: str) -> bool:
    pushed = image.attrs.get("RepoDigests") or []
    return image.id == digest or any(name.endswith(f"@{digest}") for name in pushed)
