"""The result store: keeps the archives of tasks, and hands them out by the link on chain.

`Results` is the store, `results_app` its HTTP face, `ResultsClient` the client of that. The whole
is told in ``docs/results.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poco.lazy import lazy_names

if TYPE_CHECKING:
    from poco.services.results.client import ResultsClient
    from poco.services.results.endpoint import results_app, results_router
    from poco.services.results.node import NodePolicy, node_router
    from poco.services.results.proxy import ResultProxy, proxy_router
    from poco.services.results.quotas import Quotas
    from poco.services.results.results import Pruned, Results, ResultsPort
    from poco.services.results.signatures import Leave, sign_upload
    from poco.services.results.storage import Storage, open_storage
    from poco.services.results.tables import TABLES

__all__ = [
    "TABLES",
    "Leave",
    "NodePolicy",
    "Pruned",
    "Quotas",
    "ResultProxy",
    "Results",
    "ResultsClient",
    "ResultsPort",
    "Storage",
    "node_router",
    "open_storage",
    "proxy_router",
    "results_app",
    "results_router",
    "sign_upload",
]

__getattr__ = lazy_names(
    __name__,
    {
        "tables": ("TABLES",),
        "client": ("ResultsClient",),
        "endpoint": ("results_app", "results_router"),
        "node": ("NodePolicy", "node_router"),
        "proxy": ("ResultProxy", "proxy_router"),
        "quotas": ("Quotas",),
        "results": ("Pruned", "Results", "ResultsPort"),
        "signatures": ("Leave", "sign_upload"),
        "storage": ("Storage", "open_storage"),
    },
)
