"""Pull images from registries: with which credentials, how much, and for how long (spec §1.3)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import docker
import requests
from docker.errors import APIError, NotFound
from docker.models.images import Image
from docker.utils import parse_repository_tag

from poco.appio import Cause, ExecutionError
from poco.runtimes.spec import GIB
from poco.secret import Secret

__all__ = ["Credentials", "Progress", "PullPolicy", "pull", "registry_of"]

DOCKER_HUB = "docker.io"
_CLOSED = ("denied", "unauthorized", "authentication", "no basic auth")

Progress = Callable[[str, int, int], None]
"""Told an image, the bytes that are here and the bytes known to come."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account at a registry.

    Attributes:
        username: its name.
        password: its password or token.
    """

    username: str
    password: Secret


@dataclass(frozen=True, slots=True)
class PullPolicy:
    """What may be pulled, and how.

    Attributes:
        credentials: accounts by registry host, with the port if it has one; ``docker.io`` is
            Docker Hub. Without an entry those of ``docker login`` apply.
        registries: the hosts that may be asked; None for all.
        max_bytes: longest download of one image, packed as it is.
        seconds: longest time for one image.
        progress: called as the download goes on.
    """

    credentials: Mapping[str, Credentials] = field(default_factory=lambda: MappingProxyType({}))
    registries: frozenset[str] | None = None
    max_bytes: int = 20 * GIB
    seconds: float = 1800.0
    progress: Progress | None = None


def registry_of(reference: str) -> str:
    """Return the registry host of an image reference; a bare name is one of Docker Hub."""
    host, slash, _ = reference.partition("/")
    is_host = slash and ("." in host or ":" in host or host == "localhost")
    return host if is_host else DOCKER_HUB


def pull(client: docker.DockerClient, reference: str, image: str, policy: PullPolicy) -> Image:
    """Pull an image.

    Args:
        client: a client of the engine.
        reference: what to pull, by tag or digest.
        image: the app's multiaddr, for errors.
        policy: what may be pulled.

    Raises:
        ExecutionError: ``APP_IMAGE_DOWNLOAD_FAILED``; permanent only when the registry has answered
            that there is no such image, and not that it is closed to this worker.
    """
    registry = registry_of(reference)
    if policy.registries is not None and registry not in policy.registries:
        raise _failure(image, f"this worker does not pull from {registry}")
    account = policy.credentials.get(registry)
    repository, tag = parse_repository_tag(reference)
    try:
        events = client.api.pull(
            repository,
            tag=tag or "latest",
            stream=True,
            decode=True,
            auth_config=_login(account) if account else None,
        )
        _follow(events, image, policy)
        return client.images.get(reference)
    except APIError as error:
        reason = str(error.explanation or error)
        closed = any(word in reason.lower() for word in _CLOSED)
        gone = isinstance(error, NotFound) and not closed
        raise _failure(image, reason, permanent=gone) from error
    except requests.RequestException as error:
        raise _failure(image, f"the registry or the engine is silent: {error}") from error


def _login(account: Credentials) -> dict[str, Any]:
    return {"username": account.username, "password": account.password.reveal()}


def _follow(events: Iterable[dict[str, Any]], image: str, policy: PullPolicy) -> None:
    """Watch a download to its end; leaving early makes the engine give it up."""
    deadline = time.monotonic() + policy.seconds
    done: dict[str, int] = {}
    total: dict[str, int] = {}
    for event in events:
        if "error" in event:
            raise _failure(image, str(event["error"]))
        if time.monotonic() > deadline:
            raise _failure(image, f"an image must come within {policy.seconds:g} s")
        detail = event.get("progressDetail") or {}
        if event.get("status") != "Downloading" or "total" not in detail:
            continue
        done[event["id"]], total[event["id"]] = detail["current"], detail["total"]
        if sum(total.values()) > policy.max_bytes:
            raise _failure(image, f"an image may have {policy.max_bytes} bytes")
        if policy.progress:
            policy.progress(image, sum(done.values()), sum(total.values()))


def _failure(image: str, reason: str, *, permanent: bool = False) -> ExecutionError:
    return ExecutionError(
        Cause.APP_IMAGE_DOWNLOAD_FAILED,
        "image must be on this host or in a registry this host can reach",
        field="app.multiaddr",
        value=image,
        remedy=reason,
        permanent=permanent,
    )
