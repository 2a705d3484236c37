"""The secret service: who may know what of a task.

A worker's side (architecture: `SecretsClient`)::

    client = SecretsClient("http://127.0.0.1:13300")
    enclave = client.challenge(taskid, scheduler)        # scheduler: address for the assignment
    secrets = client.session(assignment, worker)         # worker: TaskSecrets
    secrets.variables()                                  # {"IEXEC_APP_DEVELOPER_SECRET": ***}

The service, in this process or in one of its own (``poco secrets serve``)::

    store = SecretStore("sqlite:///secrets.sqlite", KeyRing.load(Path("master.key")))
    service = SecretsService(Gate(market, simulated=True), store)
    with serving(secrets_application(service)) as url: ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poco.lazy import lazy_names

if TYPE_CHECKING:
    from poco.services.secrets.authorization import Authorization, WorkerpoolAuthorization
    from poco.services.secrets.bulk import bulk_fetcher
    from poco.services.secrets.challenges import RESULT_KEY_NAME, SecretKind, SecretName
    from poco.services.secrets.client import SecretsClient, SecretsRefusedError
    from poco.services.secrets.gate import Gate
    from poco.services.secrets.keys import KeyFile, KeyRing
    from poco.services.secrets.service import SecretsService, secrets_application
    from poco.services.secrets.store import SecretStore
    from poco.services.secrets.tables import Release
    from poco.services.secrets.task_secrets import BulkDataset, TaskSecrets

__all__ = [
    "RESULT_KEY_NAME",
    "Authorization",
    "BulkDataset",
    "Gate",
    "KeyFile",
    "KeyRing",
    "Release",
    "SecretKind",
    "SecretName",
    "SecretStore",
    "SecretsClient",
    "SecretsRefusedError",
    "SecretsService",
    "TaskSecrets",
    "WorkerpoolAuthorization",
    "bulk_fetcher",
    "secrets_application",
]

__getattr__ = lazy_names(
    __name__,
    {
        "authorization": ("Authorization", "WorkerpoolAuthorization"),
        "bulk": ("bulk_fetcher",),
        "challenges": ("RESULT_KEY_NAME", "SecretKind", "SecretName"),
        "client": ("SecretsClient", "SecretsRefusedError"),
        "gate": ("Gate",),
        "keys": ("KeyFile", "KeyRing"),
        "service": ("SecretsService", "secrets_application"),
        "store": ("SecretStore",),
        "tables": ("Release",),
        "task_secrets": ("BulkDataset", "TaskSecrets"),
    },
)
