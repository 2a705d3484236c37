"""Choose the runtimes that work on this host."""

from __future__ import annotations

from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

from poco.errors import ConfigurationError
from poco.fetching import Fetcher
from poco.runtimes.docker import DockerRuntime
from poco.runtimes.image_cache import ImageCache
from poco.runtimes.pulling import PullPolicy
from poco.runtimes.spec import Runtime
from poco.runtimes.wasm import WasmRuntime

__all__ = ["available_runtime", "available_runtimes"]


def available_runtimes(
    *,
    allow_files: bool = False,
    fetcher: Fetcher | None = None,
    cache: Path | None = None,
    pulls: PullPolicy | None = None,
    network: Collection[str] = (),
    images: ImageCache | None = None,
) -> dict[str, Runtime]:
    """Return the runtimes that work here by app type, the preferred one first.

    Docker comes first when an engine answers, because most apps are images; WASM needs nothing but
    its Python package.

    Args:
        allow_files: whether a WASM module may be a file on this host; see `WasmRuntime`.
        fetcher: downloads WASM modules; see `WasmRuntime`.
        cache: where WASM modules are kept; see `WasmRuntime`.
        pulls: what images may be pulled; see `DockerRuntime`.
        network: what containers may reach; see `DockerRuntime`.
        images: makes room for images that are pulled; None keeps all.
    """
    runtimes: dict[str, Runtime] = {}
    container = DockerRuntime(pulls=pulls, network=network, cache=images)
    if container.answers():
        runtimes[container.app_type] = container
    if find_spec("wasmtime"):
        module = WasmRuntime(fetcher, cache, allow_files=allow_files)
        runtimes[module.app_type] = module
    return runtimes


def available_runtime(app_type: str | None = None, *, allow_files: bool = False) -> Runtime:
    """Return the preferred runtime of this host, or the one for a type of app.

    Args:
        app_type: ``DOCKER`` or ``WASM``, None for the best there is.
        allow_files: whether a WASM module may be a file on this host; see `WasmRuntime`.

    Raises:
        ConfigurationError: when there is none.
    """
    runtimes = available_runtimes(allow_files=allow_files)
    if app_type is None and runtimes:
        return next(iter(runtimes.values()))
    if app_type in runtimes:
        return runtimes[app_type]
    raise ConfigurationError(
        f"this host runs {' and '.join(runtimes) or 'no apps at all'}",
        field="app type",
        value=app_type,
        remedy="DOCKER needs an engine that answers, WASM the Python package wasmtime",
    )
