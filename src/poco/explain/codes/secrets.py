"""Why the secret service does not release secrets (spec offchain §4)."""

from __future__ import annotations

from poco.explain.codes.code import BUYER, EXPLAIN, OPERATOR, POOL, PROVIDER, Code

__all__ = ["SECRETS"]

_SERVICE = ("operator of the secret service",)
_HELP = "poco secrets serve --help"

SECRETS: dict[str, Code] = {
    "INVALID_AUTHORIZATION": Code(
        "the request for secrets is not signed by the worker that it is for",
        OPERATOR,
        "start the worker with the key of the account that the scheduler admitted",
        "poco worker --help",
    ),
    "INVALID_SIGNATURE": Code(
        "the leave is not signed by the deal's scheduler, or the broker of the hub",
        POOL,
        "run the scheduler with the account that owned the workerpool when the deal was made",
        "poco scheduler --help",
    ),
    "EMPTY_PARAMS_UNAUTHORIZED": Code(
        "the request holds no authorization",
        OPERATOR,
        "use a worker of poco's version, or send workerpoolAuthorization",
        "poco worker --help",
    ),
    "WORKER_NOT_ALLOWED": Code(
        "the operator of the secret service admits other workers only",
        _SERVICE,
        "add the worker to its list",
        _HELP,
    ),
    "WORKERPOOL_NOT_ALLOWED": Code(
        "the operator of the secret service serves other workerpools only",
        _SERVICE,
        "add the workerpool to its list",
        _HELP,
    ),
    "GET_CHAIN_TASK_FAILED": Code(
        "the secret service does not see the task on its chain",
        _SERVICE,
        "let it use a node of the same chain that is up to date, then ask again",
        EXPLAIN,
    ),
    "GET_CHAIN_DEAL_FAILED": Code(
        "the secret service does not see the deal on its chain",
        _SERVICE,
        "let it use a node of the same chain that is up to date, then ask again",
        "poco explain DEALID",
    ),
    "TASK_NOT_ACTIVE": Code(
        "secrets are released while a task is ACTIVE and can be contributed to, not later",
        remedy="nothing: nobody needs them any more",
        field="task.status",
    ),
    "SECURE_SESSION_NO_TEE_FRAMEWORK": Code(
        "the task demands an enclave, and none is enabled at the secret service",
        _SERVICE,
        "enable the simulated one, if that is good enough",
        "poco secrets serve --simulated",
        "deal.tag",
    ),
    "NO_MATCH_ONCHAIN_TYPE": Code(
        "the task has no TEE tag, and secrets for such tasks are not enabled",
        (*_SERVICE, "requester"),
        "sign orders with the tag tee, or enable secrets for software",
        "poco secrets serve --software",
        "deal.tag",
    ),
    "PRE_COMPUTE_GET_DATASET_SECRET_FAILED": Code(
        "the secret service has no key for the deal's dataset",
        PROVIDER,
        "push the key of the dataset",
        "poco dataset push-secret DATASET",
        "the dataset's key",
    ),
    "BULK_SLICE_NOT_FOUND": Code(
        "the secret service does not find the dataset orders of the task's slice in IPFS",
        BUYER,
        "publish the files of the bulk where its gateways find them, then buy again",
        "poco secrets serve --ipfs-gateway URL",
        "requestorder.params.bulk_cid",
    ),
    "POST_COMPUTE_GET_ENCRYPTION_TOKENS_FAILED_EMPTY_BENEFICIARY_KEY": Code(
        "the result is to be encrypted, and the beneficiary has pushed no public key",
        ("beneficiary",),
        "push the public key",
        "poco result push-encryption-key",
        "requestorder.beneficiary",
    ),
    "POST_COMPUTE_GET_STORAGE_TOKENS_FAILED": Code(
        "the result is to go to a storage for which the requester has pushed no token",
        BUYER,
        "push the token of the storage provider",
        "poco storage init",
        "requestorder.params.iexec_result_storage_provider",
    ),
    "POST_COMPUTE_GET_SIGNATURE_TOKENS_FAILED_EMPTY_PUBLIC_ENCLAVE_CHALLENGE": Code(
        "the task demands an enclave, the leave names no enclave challenge",
        POOL,
        "start the scheduler with its secret service and enclaves enabled",
        "poco scheduler --simulated-enclaves --secrets URL",
    ),
    "POST_COMPUTE_GET_SIGNATURE_TOKENS_FAILED_EMPTY_TEE_CHALLENGE": Code(
        "the enclave challenge of the leave was made by another secret service",
        POOL,
        "let scheduler and worker use the same secret service, and keep its database",
        "poco scheduler --secrets URL",
    ),
    "GET_TASK_DESCRIPTION_FAILED": Code(
        "the params of the deal cannot be read",
        BUYER,
        "sign a new request order with corrected params",
        "poco order sign --request",
        "requestorder.params",
    ),
}
"""By the code that the service answers with."""
