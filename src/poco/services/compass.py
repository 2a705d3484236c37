"""The compass: tells where the scheduler of a workerpool answers (spec sdk §6.1)."""

from __future__ import annotations

from collections.abc import Callable

from eth_typing import ChecksumAddress
from fastapi import APIRouter

from poco.orders import checked_address
from poco.web import HttpError

__all__ = ["compass_router"]


def compass_router(chain_id: int, find: Callable[[ChecksumAddress], str | None]) -> APIRouter:
    """Make the route of a compass.

    Args:
        chain_id: the market's chain.
        find: returns the URL of a workerpool's scheduler; None when it is unknown.
    """
    router = APIRouter(tags=["compass"])

    @router.get(f"/{chain_id}/workerpools/{{address}}")
    def workerpool(address: str) -> dict[str, str]:
        """Return the URL of the scheduler; it has an origin of its own."""
        url = find(checked_address("address", address))
        if url is None:
            raise HttpError(
                404, "the workerpool must be known here", field="address", value=address
            )
        return {"apiUrl": url}

    return router
