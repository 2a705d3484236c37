"""Decide which addresses and sizes a worker accepts (spec offchain §1.6)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from poco.errors import ConfigurationError
from poco.fetching.addresses import ForbiddenAddressError, web_url

__all__ = ["PUBLIC_GATEWAYS", "FetchPolicy"]

PUBLIC_GATEWAYS = ("https://ipfs.io", "https://gateway.pinata.cloud")

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# What `is_global` lets pass, in some versions of Python or always.
_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "168.63.129.16/32",  # a public address, but the host of Azure's machines
            "192.0.0.0/24",  # protocols, and the metadata of some clouds
            "192.88.99.0/24",  # relays of 6to4
            "2001::/23",  # protocols, Teredo among them
            "2002::/16",  # 6to4
            "3fff::/20",  # documentation
        ),
    )
)


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What a worker fetches for strangers.

    Args:
        allow_private: whether every address may be reached; for markets on one machine, because
            the requester chooses the address.
        allowed_networks: networks that may be reached although they are not public, in CIDR
            notation, for example ``10.1.2.0/24``.
        gateways: base URLs of IPFS gateways, in the order of trial. They are the operator's
            choice, so their addresses need not be public.
        max_bytes: longest file.
        max_total_bytes: longest sum of the input files of one task.
        max_redirects: most redirects on the way to a file.
        connect_seconds: longest wait for a connection.
        stall_seconds: longest silence of a server.
        total_seconds: longest time for one file, retries included.
        retries: how often a broken transfer is taken up again.

    Raises:
        ConfigurationError: a network or a gateway cannot be read.
    """

    allow_private: bool = False
    allowed_networks: tuple[str, ...] = ()
    gateways: tuple[str, ...] = PUBLIC_GATEWAYS
    max_bytes: int = 1024**3
    max_total_bytes: int = 4 * 1024**3
    max_redirects: int = 5
    connect_seconds: float = 10.0
    stall_seconds: float = 60.0
    total_seconds: float = 1800.0
    retries: int = 3

    def __post_init__(self) -> None:
        for network in self.allowed_networks:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise ConfigurationError(
                    f"must be a network: {error}",
                    field="allowed_networks",
                    value=network,
                    remedy="write it like 10.1.2.0/24",
                ) from error
        for gateway in self.gateways:
            try:
                web_url(gateway)
            except ForbiddenAddressError as error:
                raise ConfigurationError(
                    f"must be the base URL of an IPFS gateway: {error}",
                    field="gateways",
                    value=gateway,
                    remedy="write it like http://127.0.0.1:8080",
                ) from error

    def permits(self, address: str) -> bool:
        """Return whether a connection to an IP address, given as text, is allowed."""
        if self.allow_private:
            return True
        ip = _plain(address)
        if any(ip in ipaddress.ip_network(network) for network in self.allowed_networks):
            return True
        is_unicast = ip in _GLOBAL_UNICAST if isinstance(ip, IPv6Address) else not ip.is_multicast
        return is_unicast and ip.is_global and not any(ip in network for network in _NOT_PUBLIC)


def _plain(address: str) -> IPv4Address | IPv6Address:
    """Return the address that packets will reach: embedded IPv4 addresses are taken out."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            return ip.ipv4_mapped
        if ip in _NAT64:
            return IPv4Address(ip.packed[-4:])
    return ip
