"""The HTTP face of the indexer: GraphQL at ``/subgraphs/name/poco``, as graph-node offers it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Body, FastAPI, Response
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    MaxIntrospectionDepthRule,
    execute,
    specified_rules,
    validate,
)
from prometheus_client import CollectorRegistry, Counter, Gauge
from pydantic import BaseModel, Field

from poco.errors import ChainError, InternalError, PocoError
from poco.services.indexer.follower import Follower, Head
from poco.services.indexer.limits import parse_query
from poco.services.indexer.loading import Session
from poco.services.indexer.schema import make_schema
from poco.web import AsciiResponse, application

__all__ = ["PATH", "Indexer", "indexer_app"]

PATH = "/subgraphs/name/poco"
"""Where GraphQL is; it is a part of the URL that clients are configured with."""

_MAX_BODY_BYTES = 256 * 1024
_MAX_ROWS = 20_000
_SECONDS = 10.0
_STALE_SECONDS = 60.0
_MAX_ERRORS = 5
_log = logging.getLogger(__name__)


class _Query(BaseModel):
    """A request in the form of GraphQL over HTTP."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: Annotated[str | None, Field(alias="operationName")] = None


class Indexer:
    """Answers queries about one market.

    Args:
        follower: of the market; it keeps the database up to date, here or elsewhere.
        max_rows: most entities that one query may load.
    """

    def __init__(self, follower: Follower, *, max_rows: int = _MAX_ROWS) -> None:
        self.follower = follower
        self._database = follower.database
        self._schema: GraphQLSchema = make_schema(follower.market_name)
        self._max_rows = max_rows

    def head(self) -> Head | None:
        """Return the block that answers are of; None before the first one."""
        with self._database.reading() as connection:
            return self.follower.head(connection)

    def answer(
        self,
        text: str,
        variables: Mapping[str, Any] | None = None,
        operation: str | None = None,
    ) -> dict[str, Any]:
        """Answer a query.

        Args:
            text: in GraphQL.
            variables: values of its variables.
            operation: which one, when the text has several.

        Returns:
            ``data``, and ``errors`` when there are some.

        Raises:
            ConfigurationError: the database does not answer.
        """
        try:
            document = parse_query(text)
            rules = [*specified_rules, MaxIntrospectionDepthRule]
            faults = validate(self._schema, document, rules, max_errors=_MAX_ERRORS)
            if faults:
                return {"errors": [fault.formatted for fault in faults]}
            result = self._execute(document, dict(variables or {}), operation)
        except GraphQLError as fault:
            return {"errors": [fault.formatted]}
        for found in result.errors or ():
            _raise_unforeseen(found)
        return dict(result.formatted)

    def _execute(
        self, document: DocumentNode, variables: dict[str, Any], operation: str | None
    ) -> ExecutionResult:
        with self._database.reading() as connection:
            session = Session(
                connection,
                self.follower.head(connection),
                history=self.follower.history,
                max_rows=self._max_rows,
                seconds=_SECONDS,
            )
            result = execute(
                self._schema,
                document,
                context_value=session,
                variable_values=variables,
                operation_name=operation,
            )
        assert isinstance(result, ExecutionResult)
        return result


def _raise_unforeseen(error: GraphQLError) -> None:
    """Raise what is not the fault of a query."""
    cause = error.original_error
    if isinstance(cause, PocoError):
        raise cause
    if cause is not None and not isinstance(cause, GraphQLError):
        _log.error("a query failed", exc_info=cause)
        raise InternalError("the query cannot be answered", remedy="please report this") from cause


def indexer_app(indexer: Indexer) -> FastAPI:
    """Make the application of an indexer."""
    registry = CollectorRegistry()
    queries = Counter("poco_indexer_queries", "Queries by outcome", ["outcome"], registry=registry)
    height = Gauge("poco_indexer_block", "Block that answers are of", registry=registry)
    height.set_function(lambda: _number(indexer.head()))
    app = application(
        "poco indexer",
        description="Answers GraphQL queries about a market.",
        registry=registry,
        healthy=lambda: _health(indexer),
        max_body=_MAX_BODY_BYTES,
    )

    @app.post(PATH, response_model=dict[str, Any])
    def graphql(query: Annotated[_Query, Body()]) -> Response:
        """Answer a query; the status is 200 whether or not there are errors in the answer."""
        answer = indexer.answer(query.query, query.variables, query.operation_name)
        queries.labels("refused" if "errors" in answer else "answered").inc()
        return AsciiResponse(answer)

    return app


def _number(head: Head | None) -> int:
    return -1 if head is None else head.number


def _health(indexer: Indexer) -> Mapping[str, object]:
    silence = indexer.follower.silence
    if silence > _STALE_SECONDS:
        raise ChainError(
            f"the view must follow the chain, but has not for {silence:.0f} s",
            remedy="look for the reason in the log",
        )
    return {"block": _number(indexer.head())}
