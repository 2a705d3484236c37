"""Errors with the texts of the market API, which some users compare literally (spec sdk §3.1)."""

from __future__ import annotations

from http import HTTPStatus

from poco.web import HttpError

__all__ = ["RefusedError", "invalid", "not_found", "refused"]


class RefusedError(HttpError):
    """A request that is refused; the answer holds the text as it is.

    Args:
        status: HTTP status.
        text: what the caller reads.
    """

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(status, text)


def invalid(text: str) -> RefusedError:
    """Return the error for a query or body that breaks the schema."""
    return RefusedError(HTTPStatus.BAD_REQUEST, text)


def refused(text: str) -> RefusedError:
    """Return the error for what the caller may not do."""
    return RefusedError(HTTPStatus.FORBIDDEN, text)


def not_found(what: str) -> RefusedError:
    """Return the error for what does not exist."""
    return RefusedError(HTTPStatus.NOT_FOUND, f"{what} not found")
