"""What apps may reach over the network, in the operator's words."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from poco.errors import ConfigurationError

__all__ = ["AllowList"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class AllowList:
    """Hosts and networks with their ports.

    Attributes:
        hosts: pairs of a host name and a port; a name that begins with ``*.`` stands for all below
            it.
        networks: pairs of a network and a port.
    """

    hosts: frozenset[tuple[str, int]] = frozenset()
    networks: frozenset[tuple[Network, int]] = frozenset()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> AllowList:
        """Read entries like ``example.org:443``, ``*.example.org:443``, ``203.0.113.0/24:443``.

        Raises:
            ConfigurationError: when one is none of these.
        """
        hosts, networks = set(), set()
        for entry in entries:
            place, _, port = entry.rpartition(":")
            if not place or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
                raise _invalid(entry)
            try:
                networks.add((ipaddress.ip_network(place.strip("[]")), int(port)))
            except ValueError as error:
                if "/" in place or not place.removeprefix("*.").replace("-", "a")[:1].isalnum():
                    raise _invalid(entry) from error
                hosts.add((place.lower(), int(port)))
        return cls(frozenset(hosts), frozenset(networks))

    def __bool__(self) -> bool:
        return bool(self.hosts or self.networks)

    def names(self, host: str, port: int) -> bool:
        """Return whether a host's name is on the list."""
        labels = host.lower().rstrip(".").split(".")
        names = {".".join(labels), *(f"*.{'.'.join(labels[i:])}" for i in range(1, len(labels)))}
        return any((name, port) in self.hosts for name in names)

    def admits(self, address: Address, host: str, port: int) -> bool:
        """Return whether a connection may be made.

        A name on the list leads to public addresses only, whatever its owner says; others must be
        on the list themselves.

        Args:
            address: to which it would be made.
            host: name or address that the app has asked for.
            port: its port.
        """
        if any(address in network and port == allowed for network, allowed in self.networks):
            return True
        return address.is_global and self.names(host, port)


def _invalid(entry: str) -> ConfigurationError:
    return ConfigurationError(
        "must be a host name, or a network, with a port",
        field="network allow-list",
        value=entry,
        remedy="write example.org:443, *.example.org:443 or 203.0.113.0/24:443",
    )
