"""What a task may know: a rule for each secret, all from the deal (spec offchain §4.5)."""

from __future__ import annotations

from http import HTTPStatus

from poco.appio import DealParams, parse_params
from poco.appio.causes import ExecutionError
from poco.contracts import Deal, Task
from poco.orders import ZERO_ADDRESS
from poco.secret import Secret
from poco.services.secrets.authorization import WorkerpoolAuthorization
from poco.services.secrets.bulk import BulkEntry, BulkSlices
from poco.services.secrets.challenges import RESULT_KEY_NAME, SecretName
from poco.services.secrets.gate import RefusedError
from poco.services.secrets.store import SecretStore
from poco.services.secrets.task_secrets import BulkDataset, TaskSecrets

__all__ = ["collect", "require_readable"]

_DROPBOX_TOKEN = "iexec-result-dropbox-token"  # noqa: S105 (a name)
_IPFS_TOKEN = "iexec-result-iexec-ipfs-token"  # noqa: S105


def collect(
    store: SecretStore,
    bulks: BulkSlices,
    task: Task,
    deal: Deal,
    authorization: WorkerpoolAuthorization,
) -> tuple[TaskSecrets, list[str]]:
    """Collect the secrets of a task whose worker was admitted.

    Parameters that nobody can read name no secrets. The worker meets the same fault, and says so
    in its contribution, with the enclave's signature: the pool does not pay for the requester.

    Args:
        store: where they are.
        bulks: finds the datasets of bulks.
        task: the task.
        deal: the task's.
        authorization: for the worker.

    Returns:
        The secrets, and what the audit calls them.

    Raises:
        RefusedError: 500 with the original's code, when something is missing that the deal needs;
            503 when it may come yet.
        ConfigurationError: the database does not answer, or was changed.
        ChainError: the node does not answer.
    """
    shelf = _Shelf(store, bulks, deal.tag.is_tee)
    return shelf.collect(task, deal, authorization), shelf.names


class _Shelf:
    """Takes secrets out of the store and remembers which.

    Args:
        store: where they are.
        bulks: finds the datasets of bulks.
        is_tee: whether the deal has the TEE tag; without it, owners must allow software.
    """

    def __init__(self, store: SecretStore, bulks: BulkSlices, is_tee: bool) -> None:
        self._store = store
        self._bulks = bulks
        self._is_tee = is_tee
        self.names: list[str] = []
        self._withheld: list[str] = []

    def collect(
        self, task: Task, deal: Deal, authorization: WorkerpoolAuthorization
    ) -> TaskSecrets:
        try:
            params = parse_params(deal.params)
        except ExecutionError:
            return TaskSecrets(enclave_key=self._enclave_key(authorization))
        requester = {
            number: self._take(SecretName.requester(deal.requester, name))
            for number, name in sorted(params.secrets.items())
        }
        return TaskSecrets(
            dataset_key=self._dataset_key(deal),
            app_secret=self._take(SecretName.app(deal.app.pointer)),
            requester_secrets={n: value for n, value in requester.items() if value is not None},
            result_public_key=self._result_key(deal, params),
            storage_token=self._storage_token(deal, params, authorization),
            enclave_key=self._enclave_key(authorization),
            bulk=self._bulk(params, task, deal),
            withheld=tuple(self._withheld),
        )

    def _take(self, name: SecretName, *, for_anybody: bool = False) -> Secret | None:
        found = self._store.get(name)
        if found is None:
            return None
        if not (self._is_tee or found.software or for_anybody):
            self._withheld.append(f"{name}: its owner did not allow software")
            return None
        self.names.append(str(name))
        return found.value

    def _dataset_key(self, deal: Deal) -> Secret | None:
        if deal.dataset.pointer == ZERO_ADDRESS:
            return None
        key = self._take(SecretName.dataset(deal.dataset.pointer))
        if key is None and self._is_tee:
            raise _missing(
                "PRE_COMPUTE_GET_DATASET_SECRET_FAILED",
                f"the owner of dataset {deal.dataset.pointer} must push its key",
            )
        return key

    def _bulk(
        self, params: DealParams, task: Task, deal: Deal
    ) -> tuple[BulkDataset | None, ...] | None:
        """Return what the task's slice has; a dataset that cannot be had leaves a gap (§4.5)."""
        if params.bulk_cid is None or not self._is_tee:
            return None
        found = self._bulks.find(params.bulk_cid, task, deal)
        return tuple(self._of_bulk(number, entry) for number, entry in enumerate(found, start=1))

    def _of_bulk(self, number: int, entry: BulkEntry | str) -> BulkDataset | None:
        if isinstance(entry, str):
            self._withheld.append(f"dataset {number} of the bulk: {entry}")
            return None
        key = self._take(SecretName.dataset(entry.address))
        if key is None:
            reason = f"the owner of {entry.address} must push its key"
            self._withheld.append(f"dataset {number} of the bulk: {reason}")
            return None
        return BulkDataset(entry.address, entry.multiaddr, entry.checksum, key)

    def _result_key(self, deal: Deal, params: DealParams) -> str | None:
        if not params.result_encryption:
            return None
        name = SecretName.setting(deal.beneficiary, RESULT_KEY_NAME)
        key = self._take(name, for_anybody=True)
        if key is None:
            raise _missing(
                "POST_COMPUTE_GET_ENCRYPTION_TOKENS_FAILED_EMPTY_BENEFICIARY_KEY",
                f"beneficiary {deal.beneficiary} must push the key to encrypt results for",
            )
        return key.reveal()

    def _storage_token(
        self, deal: Deal, params: DealParams, authorization: WorkerpoolAuthorization
    ) -> Secret | None:
        if deal.callback != ZERO_ADDRESS:
            return None
        if params.result_storage_provider == "dropbox":
            token = self._take(SecretName.setting(deal.requester, _DROPBOX_TOKEN))
            if token is None:
                raise _missing(
                    "POST_COMPUTE_GET_STORAGE_TOKENS_FAILED",
                    f"requester {deal.requester} must push a token of the storage provider",
                )
            return token
        own = self._take(SecretName.setting(authorization.worker, _IPFS_TOKEN), for_anybody=True)
        return own or self._take(SecretName.setting(deal.requester, _IPFS_TOKEN))

    def _enclave_key(self, authorization: WorkerpoolAuthorization) -> Secret | None:
        if authorization.enclave_challenge == ZERO_ADDRESS:
            if self._is_tee:
                raise _missing(
                    "POST_COMPUTE_GET_SIGNATURE_TOKENS_FAILED_EMPTY_PUBLIC_ENCLAVE_CHALLENGE",
                    "the authorization of a task with the TEE tag must name an enclave challenge",
                )
            return None
        found = self._store.enclave_key(authorization.taskid)
        if found is None or found[0] != authorization.enclave_challenge:
            raise _missing(
                "POST_COMPUTE_GET_SIGNATURE_TOKENS_FAILED_EMPTY_TEE_CHALLENGE",
                f"enclave challenge {authorization.enclave_challenge} must be of this service",
            )
        self.names.append(f"enclave key {authorization.enclave_challenge}")
        return found[1]


def require_readable(deal: Deal) -> None:
    """Check the parameters of a deal as the original does.

    Raises:
        RefusedError: 500 with the original's code.
    """
    try:
        parse_params(deal.params)
    except ExecutionError as error:
        raise _missing("GET_TASK_DESCRIPTION_FAILED", str(error)) from error


def _missing(code: str, rule: str) -> RefusedError:
    return RefusedError(code, rule, HTTPStatus.INTERNAL_SERVER_ERROR)
