"""Write the on-chain pointer to a result (spec offchain §1.14).

Clients parse it as JSON, but the original's spelling, spaces included, is what indexers have seen
for years, so it is kept to the byte.
"""

from __future__ import annotations

import json

__all__ = ["callback_link", "dropbox_link", "http_link", "ipfs_link"]


def ipfs_link(content_id: str) -> bytes:
    """Return the link to an archive on IPFS."""
    return _link(storage="ipfs", location=f"/ipfs/{content_id}")


def dropbox_link(task: bytes) -> bytes:
    """Return the link to the archive of a task in its requester's Dropbox."""
    return _link(storage="dropbox", location=f"/results/0x{task.hex()}")


def callback_link(callback: str) -> bytes:
    """Return the link of a result that was handed to a callback contract."""
    return _link(storage="ethereum", location=callback)


def http_link(url: str, archive_sha256: bytes) -> bytes:
    """Return the link to an archive at a result proxy, bound to the archive's SHA-256.

    This storage is an extension of poco for markets without IPFS.
    """
    return _link(storage="http", location=url, sha256=f"0x{archive_sha256.hex()}")


def _link(**fields: str) -> bytes:
    members = (
        f'"{name}": {json.dumps(value, ensure_ascii=False)}' for name, value in fields.items()
    )
    return f"{{ {', '.join(members)} }}".encode()
