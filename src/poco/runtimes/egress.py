"""Let an app reach what the operator allows, and nothing else (spec offchain §1.7, §6.2).

The container is alone on a bridge that leads nowhere. At the bridge's own address a proxy of the
worker listens, and a firewall rule shuts every other port of the host to the container. The app
finds the proxy in ``HTTPS_PROXY``.
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import docker
from docker.errors import NotFound
from docker.models.networks import Network

from poco.errors import ConfigurationError
from poco.runtimes.allowlist import AllowList
from poco.runtimes.proxy import serving_proxy
from poco.runtimes.spec import RunSpec

__all__ = ["Access", "opened", "remove_network"]

_PORT = 3128
_BRIDGE = "com.docker.network.bridge.name"


@dataclass(frozen=True, slots=True)
class Access:
    """How a container is connected.

    Attributes:
        network: name of its network, empty for none.
        environment: what tells the app where the proxy is.
    """

    network: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def opened(client: docker.DockerClient, spec: RunSpec, allowed: AllowList) -> Iterator[Access]:
    """Connect a run for as long as it lasts, in the same way when it is resumed.

    Args:
        client: a client of the engine.
        spec: what is run.
        allowed: what may be reached; when empty there is no network at all.

    Raises:
        ConfigurationError: when this process may not set the host's firewall.
    """
    if not allowed:
        yield Access()
        return
    network = _network(client, spec)
    try:
        gateway = str(network.attrs["IPAM"]["Config"][0]["Gateway"])
        with _shut(network.attrs["Options"][_BRIDGE]), serving_proxy(gateway, _PORT, allowed):
            proxy = f"http://{gateway}:{_PORT}"
            yield Access(str(network.name), {"HTTPS_PROXY": proxy, "https_proxy": proxy})
    finally:
        remove_network(network)


def remove_network(network: Network) -> None:
    """Remove a run's network, its firewall rules, and what is still connected to it."""
    with contextlib.suppress(NotFound):
        network.reload()
        for container in network.containers:
            container.remove(v=True, force=True)
        network.remove()
        _open(network.attrs["Options"][_BRIDGE])


def _network(client: docker.DockerClient, spec: RunSpec) -> Network:
    """Return the network of a run, its own or the one of the run that is resumed."""
    for network in client.networks.list(names=[spec.name]):
        if network.name == spec.name and spec.labels.items() <= network.attrs["Labels"].items():
            return network
    bridge = f"poco{hashlib.sha256(spec.name.encode()).hexdigest()[:10]}"
    network = client.networks.create(
        spec.name,
        driver="bridge",
        internal=True,
        labels=dict(spec.labels),
        options={_BRIDGE: bridge},
    )
    network.reload()
    return network


@contextlib.contextmanager
def _shut(bridge: str) -> Iterator[None]:
    """Shut the host to what comes over a bridge, but for the proxy."""
    _open(bridge)  # a worker that was killed has left its rules
    try:
        for rule in _rules(bridge):  # the last one comes first in the chain
            _iptables("-I", *rule)
        yield
    finally:
        _open(bridge)


def _open(bridge: str) -> None:
    """Remove the rules for a bridge, as far as there are any."""
    for rule in _rules(bridge):
        with contextlib.suppress(ConfigurationError):
            _iptables("-D", *rule)


def _rules(bridge: str) -> list[list[str]]:
    return [
        ["INPUT", "-i", bridge, "-j", "DROP"],
        ["INPUT", "-i", bridge, "-p", "tcp", "--dport", str(_PORT), "-j", "ACCEPT"],
    ]


def _iptables(*arguments: str) -> None:
    command = ["iptables", "--wait", *arguments]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else error
        raise ConfigurationError(
            "a network for apps needs a firewall between them and this host",
            field="command",
            value=" ".join(command),
            remedy=f"{reason}; run the worker as root with iptables, or allow apps no network",
        ) from error
