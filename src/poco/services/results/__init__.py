"""The result store: keeps the archives of tasks, and hands them out by the link on chain.

`Results` is the store, `results_app` its HTTP face, `ResultsClient` the client of that. The whole
is told in ``docs/results.md``.
"""

from poco.services.results.catalog import TABLES
from poco.services.results.client import ResultsClient
from poco.services.results.endpoint import results_app, results_router
from poco.services.results.quotas import Quotas
from poco.services.results.results import Pruned, Results, ResultsPort
from poco.services.results.signatures import Leave, sign_upload
from poco.services.results.storage import Storage, open_storage

__all__ = [
    "TABLES",
    "Leave",
    "Pruned",
    "Quotas",
    "Results",
    "ResultsClient",
    "ResultsPort",
    "Storage",
    "open_storage",
    "results_app",
    "results_router",
    "sign_upload",
]
