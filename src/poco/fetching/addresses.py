"""Read the addresses of files: web URLs, IPFS paths and multiaddresses of registry entries."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import httpx

__all__ = [
    "ForbiddenAddressError",
    "Source",
    "locate",
    "multiaddr_bytes",
    "multiaddr_text",
    "web_url",
]

_IPFS_CODE = b"\xa5\x03"  # the varint of multiaddress protocol 421
_RAW_SHA256 = b"\x01\x55\x12\x20"  # CIDv1, raw leaf, SHA-256, 32 bytes
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_CID_V0 = re.compile(r"/(?:ipfs|p2p)/(Qm[1-9A-HJ-NP-Za-km-z]{44})")
_CID = re.compile(r"[A-Za-z0-9]{46,128}")
_NUMERIC = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)")
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,254}}$){_LABEL}(\.{_LABEL})*\.?", re.IGNORECASE)
"""What can be the name of a host at all (RFC 1123, and underscores, which are seen)."""
_IPFS_PREFIXES = ("ipfs://", "/ipfs/", "/p2p/")


class ForbiddenAddressError(Exception):
    """An address that no worker may fetch; its text is the rule that it breaks."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file can be had.

    Args:
        urls: web URLs in the order of trial.
        is_gateway: whether they are the operator's gateways, whose hosts need not be public.
        sha256: digest of the file when its address is made of it.
    """

    urls: tuple[httpx.URL, ...]
    is_gateway: bool = False
    sha256: bytes | None = None


def multiaddr_text(multiaddr: bytes) -> str:
    """Return the address in a registry entry as text.

    The official client stores ``/ipfs/Qm…`` as a binary multiaddress and everything else as UTF-8
    (spec sdk §2.8). Bytes that are neither come back with replacement characters, as an address
    that nothing can fetch.
    """
    if multiaddr.startswith(_IPFS_CODE) and len(multiaddr) > 3:
        length, content = multiaddr[2], multiaddr[3:]
        if length == len(content):
            return f"/ipfs/{_base58(content)}"
    return multiaddr.decode(errors="replace")


def multiaddr_bytes(text: str) -> bytes:
    """Return an address the way the official client writes it into a registry (spec sdk §2.8).

    ``/ipfs/Qm…`` becomes a binary multiaddress; everything else is UTF-8, content ids of version 1
    as well, which a binary one would cut short.
    """
    found = _CID_V0.fullmatch(text)
    if found is None:
        return text.encode()
    number = 0
    for letter in found[1]:
        number = number * 58 + _BASE58.index(letter)
    content = number.to_bytes((number.bit_length() + 7) // 8)
    return _IPFS_CODE + bytes([len(content)]) + content


def locate(url: str, gateways: Sequence[str]) -> Source:
    """Find where to fetch an address.

    Args:
        url: ``http://…``, ``https://…``, ``ipfs://<cid>/…``, ``/ipfs/<cid>/…`` or ``/p2p/<cid>``.
        gateways: base URLs of IPFS gateways.

    Raises:
        ForbiddenAddressError: the address is malformed or of another kind.
    """
    for prefix in _IPFS_PREFIXES:
        if url.startswith(prefix):
            return _on_ipfs(url.removeprefix(prefix).removeprefix("ipfs/"), gateways)
    return Source((web_url(url),))


def web_url(url: str | httpx.URL) -> httpx.URL:
    """Check a web URL, also one that a server redirects to.

    Raises:
        ForbiddenAddressError: it is malformed, of another scheme, holds a user name, or spells an
            IP address in a way that programs read differently.
    """
    try:
        parsed = httpx.URL(url)
        host = parsed.host
    except (httpx.InvalidURL, UnicodeError) as error:  # the latter of text and hosts that are none
        raise ForbiddenAddressError(f"a URL must be well-formed: {error}") from error
    if parsed.scheme not in ("http", "https") or not host:
        raise ForbiddenAddressError("addresses begin with http://, https:// or ipfs://")
    if parsed.port is not None and not 0 < parsed.port < 2**16:
        raise ForbiddenAddressError("a URL must be well-formed: ports are 1 to 65535")
    if parsed.userinfo:
        raise ForbiddenAddressError("a URL must not hold a user name or a password")
    if _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]):
        try:
            ipaddress.ip_address(host)
        except ValueError as error:
            raise ForbiddenAddressError("an IPv4 address is four decimal numbers") from error
    elif ":" not in host and not _HOST.fullmatch(parsed.raw_host.decode("ascii")):
        raise ForbiddenAddressError(
            "a URL must be well-formed: letters, digits, hyphens and dots name a host"
        )
    return parsed


def _on_ipfs(path: str, gateways: Sequence[str]) -> Source:
    path = re.split(r"[?#]", path, maxsplit=1)[0]
    cid, _, inner = path.partition("/")
    if not _CID.fullmatch(cid) or not {".", ".."}.isdisjoint(unquote(inner).split("/")):
        raise ForbiddenAddressError("an IPFS address is /ipfs/<cid> or /ipfs/<cid>/<path>")
    return Source(
        tuple(web_url(f"{gateway.rstrip('/')}/ipfs/{path}") for gateway in gateways),
        is_gateway=True,
        sha256=None if inner else _raw_digest(cid),
    )


def _raw_digest(cid: str) -> bytes | None:
    """Return the SHA-256 that a CID of one raw block is made of; other CIDs hash a tree."""
    try:
        decoded = base64.b32decode(cid[1:].upper() + "=" * (-len(cid[1:]) % 8))
    except ValueError:
        return None
    is_raw = cid[0] == "b" and decoded.startswith(_RAW_SHA256) and len(decoded) == 36
    return decoded[4:] if is_raw else None


def _base58(data: bytes) -> str:
    number, text = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return _BASE58[0] * (len(data) - len(data.lstrip(b"\0"))) + text
