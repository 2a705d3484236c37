"""The secret service as an HTTP application, compatible with the original's (spec sdk §4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from poco import __version__
from poco.fetching import PUBLIC_GATEWAYS, Fetcher
from poco.services.secrets import owner_routes, task_routes
from poco.services.secrets.bulk import bulk_fetcher
from poco.services.secrets.gate import Gate, RefusedError
from poco.services.secrets.store import SecretStore
from poco.web import application
from poco.web_limits import RateLimit

__all__ = ["SecretsService", "secrets_application"]

_MAX_BODY = 64 * 1024


@dataclass(frozen=True)
class SecretsService:
    """What the routes work with.

    Args:
        gate: who may have what.
        store: the secrets.
        fetcher: gets the files of bulks from IPFS, while a worker waits.
        per_peer: requests per IP address.
        per_address: signed requests per account.
        legacy_updates: whether settings may be replaced as the official client does it, with a
            signature that can be replayed.
    """

    gate: Gate
    store: SecretStore
    fetcher: Fetcher = field(default_factory=lambda: bulk_fetcher(PUBLIC_GATEWAYS))
    per_peer: RateLimit = field(default_factory=lambda: RateLimit(1200))
    per_address: RateLimit = field(default_factory=lambda: RateLimit(1200))
    legacy_updates: bool = True

    @property
    def banner(self) -> str:
        """What the service protects, and what it does not, in a line."""
        kinds = [
            name
            for name, enabled in (
                ("SIMULATED ENCLAVE", self.gate.simulated),
                ("SOFTWARE SECRETS", self.gate.software),
            )
            if enabled
        ]
        if not kinds:
            return "secrets are stored and never released: neither simulated nor software enabled"
        return (
            f"{' and '.join(kinds)}: secrets reach only tasks of deals that name them, but whoever "
            "runs the worker, the pool or this service can read them; there is no hardware enclave"
        )


def secrets_application(service: SecretsService) -> FastAPI:
    """Make the application. It needs an origin of its own: the official client drops paths.

    Args:
        service: what it works with.
    """

    def healthy() -> Mapping[str, object]:
        service.gate.market.chain.block_number()
        service.store.ping()
        return {"secrets": service.banner}

    app = application(
        "poco secrets",
        description=service.banner,
        version=f"{__version__} ({service.banner})",
        healthy=healthy,
        max_body=_MAX_BODY,
    )
    metrics = _Metrics(service)

    @app.exception_handler(RefusedError)
    async def _refused(_: Request, error: RefusedError) -> Response:
        metrics.refused.labels(error.code).inc()
        return JSONResponse({"error": error.code, "message": error.rule}, error.status)

    def counted(request: Request) -> None:
        service.per_peer.take(task_routes.peer(request))

    router = APIRouter(dependencies=[Depends(counted)])
    owner_routes.add(router, service)
    task_routes.add(router, service, metrics.released.inc)
    app.include_router(router)

    @app.get("/up", response_class=PlainTextResponse)
    def up() -> str:
        """Return 200 while the process runs; `/health` asks database and node, too."""
        return "UP"

    @app.get("/metrics", responses={200: {"content": {"text/plain": {}}}})
    def show_metrics(request: Request) -> Response:
        """Return metrics for Prometheus, or as the original's JSON if that is asked for."""
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse(metrics.to_json())
        return Response(metrics.to_prometheus(), media_type="text/plain; version=0.0.4")

    return app


class _Metrics:
    """What the service has done.

    Args:
        service: the service.
    """

    def __init__(self, service: SecretsService) -> None:
        self._service = service
        self._initial = service.store.counts()
        self._registry = CollectorRegistry()
        names = ("poco_secrets_stored", "Secrets in the database.", ["kind"])
        self._stored = Gauge(*names, registry=self._registry)
        enabled = Gauge(
            "poco_secrets_enabled", "What is released, to whom.", ["mode"], registry=self._registry
        )
        enabled.labels("simulated").set(service.gate.simulated)
        enabled.labels("software").set(service.gate.software)
        self.released = Counter(
            "poco_secrets_sessions", "Tasks whose secrets were released.", registry=self._registry
        )
        self.refused = Counter(
            "poco_secrets_refused", "Refused sessions.", ["code"], registry=self._registry
        )

    def to_prometheus(self) -> bytes:
        for kind, count in self._service.store.counts().items():
            self._stored.labels(kind).set(count)
        return generate_latest(self._registry)

    def to_json(self) -> dict[str, Any]:
        counts = self._service.store.counts()
        kinds = {
            kind: {
                "secretsType": kind,
                "initialCount": self._initial[kind],
                "storedCount": count,
                "addedSinceStartCount": count - self._initial[kind],
                "cachedSecretsCount": 0,
            }
            for kind, count in counts.items()
        }
        return {"secretsMetrics": kinds, "mode": self._service.banner}
