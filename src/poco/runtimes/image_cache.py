"""Which images this worker has pulled, and which of them go when there are too many (spec §1.3).

The engine's other images are never touched: what was here before, has a tag of somebody else's, or
has a container.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from docker.errors import APIError, ImageNotFound
from docker.models.images import Image, ImageCollection

from poco.errors import ConfigurationError

__all__ = ["ImageCache"]

_NOTED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Pulled:
    """An image that was pulled here: its tags, its bytes, and its last use in s since 1970."""

    tags: list[str]
    size: int
    used: float


class ImageCache:
    """Keeps the images that were used last. Safe to use from several threads.

    Args:
        file: where it is written down what was pulled; made when missing.
        budget: bytes of all these images, each counted whole.
        clock: seconds since 1970.

    Raises:
        ConfigurationError: the file is not such a record.
    """

    def __init__(self, file: Path, budget: int, *, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._budget = budget
        self._clock = clock
        self._lock = threading.Lock()
        self._pulled = _read(file)

    def used(self, image: str) -> None:
        """Note the use of an image, by its id."""
        with self._lock:
            known, now = self._pulled.get(image), self._clock()
            if known is not None and now >= known.used + _NOTED_SECONDS:
                self._pulled[image] = replace(known, used=now)
                self._write()

    def pulled(self, images: ImageCollection, image: Image, reference: str) -> None:
        """Note an image that was pulled, and make room for it.

        Args:
            images: of the engine.
            image: the image.
            reference: what was pulled, by tag or digest.
        """
        if len(image.tags) > (0 if "@" in reference else 1):
            return  # it was here by another name
        with self._lock:
            mine = _Pulled(image.tags, int(image.attrs["Size"]), self._clock())
            self._pulled[str(image.id)] = mine
            kept = mine.size
            by_use = sorted(self._pulled, key=lambda one: self._pulled[one].used, reverse=True)
            for other in by_use:
                if other == image.id:
                    continue
                kept += self._pulled[other].size
                if kept > self._budget and _is_gone(images, other, self._pulled[other].tags):
                    kept -= self._pulled.pop(other).size
            self._write()

    def _write(self) -> None:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps({one: asdict(known) for one, known in self._pulled.items()}))
        draft.replace(self._file)


def _is_gone(images: ImageCollection, image: str, tags: list[str]) -> bool:
    """Remove an image unless it is in use or somebody else's; return whether it is no concern."""
    try:
        if not set(images.get(image).tags) <= set(tags):
            return True
        images.remove(image)
    except ImageNotFound:
        return True
    except APIError as error:
        if error.is_client_error():  # a container needs it, or another name
            return False
        raise
    return True


def _read(file: Path) -> dict[str, _Pulled]:
    try:
        return {one: _Pulled(**known) for one, known in json.loads(file.read_text()).items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"the record of pulled images must be readable: {error}",
            field="image cache",
            value=str(file),
            remedy="delete it; the images that it named then stay until `docker image rm`",
        ) from error
