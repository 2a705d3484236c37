"""How a container is locked up (spec offchain §1.7)."""

from __future__ import annotations

import resource
from collections.abc import Collection
from typing import Any

from docker.types import DeviceRequest, LogConfig, Ulimit
from docker.types import Mount as BindMount

from poco.runtimes.egress import Access
from poco.runtimes.spec import MIB, RunLimits, RunSpec

__all__ = ["container_options"]

_OPEN_FILES = 65_536
_HOST_NAME = "iexec"
_SCRATCH = f"rw,nosuid,nodev,noexec,size={64 * MIB}"
_LOG_FILES = 2


def container_options(
    spec: RunSpec, volumes: Collection[str] = (), access: Access | None = None
) -> dict[str, Any]:
    """Return the options with which a run's container is created.

    No network but the loopback device unless there is access, a read-only root with a small
    ``/tmp`` in memory, no capabilities and no way to gain privileges; memory without swap,
    processors and processes are limited. The engine keeps the end of the log, for a worker that
    starts again.

    Args:
        spec: what to run.
        volumes: the folders that the image declares as volumes. They are small and in memory, too:
            a volume would be room on the host's disk that nobody measures.
        access: how it is connected; by default not at all.
    """
    access = access or Access()
    limits = spec.limits
    mounted = {mount.guest for mount in spec.mounts}
    return {
        "command": list(spec.arguments) or None,
        "name": spec.name,
        "labels": dict(spec.labels),
        "environment": {**spec.environment, **access.environment},
        "mounts": [
            BindMount(mount.guest, str(mount.host), type="bind", read_only=mount.read_only)
            for mount in spec.mounts
        ],
        "hostname": _HOST_NAME,
        # Without the engine's networking the container still has a network namespace of its own,
        # and starts in half the time.
        "network_mode": access.network or "none",
        "network_disabled": not access.network,
        "read_only": True,
        "tmpfs": dict.fromkeys({"/tmp", *volumes} - mounted, _SCRATCH),  # noqa: S108
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": limits.memory,
        "memswap_limit": limits.memory,
        "nano_cpus": int(limits.cpus * 1_000_000_000),
        "pids_limit": limits.processes,
        "ulimits": [
            Ulimit(name="nofile", soft=_open_files(), hard=_open_files()),
            Ulimit(name="core", soft=0, hard=0),
        ],
        "log_config": _log(limits),
        "device_requests": [DeviceRequest(count=-1, capabilities=[["gpu"]])] if spec.gpu else [],
        "init": True,
    }


def _log(limits: RunLimits) -> LogConfig:
    """Return a log that holds the ends of both streams, however they take turns."""
    size = 2 * (limits.log_head + limits.log_tail)
    return LogConfig(
        type="local",
        config={"max-size": str(max(size, MIB)), "max-file": str(_LOG_FILES), "compress": "false"},
    )


def _open_files() -> int:
    """Return how many files an app may hold open: no limit can be raised over the host's own."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
