"""Why a worker could not execute a task, or did not take it up (spec offchain, appendix A)."""

from __future__ import annotations

from poco.appio.causes import Cause
from poco.explain.codes.code import (
    BUYER,
    DEBUG,
    DEVELOPER,
    EXPLAIN,
    OPERATOR,
    POOL,
    PROVIDER,
    Code,
)

__all__ = ["EXECUTION", "WORKER"]

_TEST = "poco app test IMAGE"
_WORKER = "poco worker --help"

EXECUTION: dict[str, Code] = {
    Cause.TASK_DESCRIPTION_INVALID: Code(
        "a key of the deal's params has a value of the wrong type, or the argument line has an "
        "open quote",
        BUYER,
        "sign a new request order with corrected params; the deal's tasks end in an error result",
        "poco order sign --request",
        "requestorder.params",
    ),
    Cause.APP_IMAGE_DOWNLOAD_FAILED: Code(
        "the app's image or module could not be fetched from its multiaddr",
        DEVELOPER,
        "publish the image where workers reach it, and register it under that name",
        "poco app show APP",
        "app.multiaddr",
    ),
    Cause.APP_IMAGE_BAD_CHECKSUM: Code(
        "what was fetched has not the checksum that the app was registered with",
        DEVELOPER,
        "register the app anew with the digest of the image, and never push over a tag",
        "poco app show APP",
        "app.checksum",
    ),
    Cause.DATASET_FILE_DOWNLOAD_FAILED: Code(
        "the dataset could not be fetched from its multiaddr",
        PROVIDER,
        "put the file where workers reach it",
        "poco dataset show DATASET",
        "dataset.multiaddr",
    ),
    Cause.DATASET_FILE_BAD_CHECKSUM: Code(
        "the dataset that was fetched has not the checksum it was registered with",
        PROVIDER,
        "put the registered file back, or register the new one",
        "poco dataset show DATASET",
        "dataset.checksum",
    ),
    Cause.INPUT_FILES_DOWNLOAD_FAILED: Code(
        "an input file of the params could not be fetched within the time of the category",
        BUYER,
        "check that each URL answers, and sign a request with URLs that do",
        DEBUG,
        "requestorder.params.iexec_input_files",
    ),
    Cause.INPUT_URL_FORBIDDEN: Code(
        "an input file has an address that workers do not visit: a private one, or no HTTP",
        BUYER,
        "use public http or https addresses; in a private market the operator can allow others",
        "poco order sign --request",
        "requestorder.params.iexec_input_files",
    ),
    Cause.INPUT_TOO_LARGE: Code(
        "the input is larger than the worker takes",
        BUYER,
        "use smaller files, or ask the operator for more",
        DEBUG,
        "requestorder.params.iexec_input_files",
    ),
    Cause.INPUT_ARCHIVE_INVALID: Code(
        "the zip that the params name cannot be unpacked safely",
        BUYER,
        "make the archive anew, with plain files and relative names",
        DEBUG,
        "requestorder.params.dirinuri",
    ),
    Cause.PRE_COMPUTE_DATASET_DECRYPTION_FAILED: Code(
        "the dataset does not open with the key that its owner pushed",
        PROVIDER,
        "push the key that the file was encrypted with",
        "poco dataset push-secret DATASET",
        "the dataset's key",
    ),
    Cause.APP_COMPUTE_FAILED: Code(
        "the app ended with an exit code that is not 0, and left no valid result",
        DEVELOPER,
        "read what it wrote, and try it with the same arguments",
        DEBUG,
    ),
    Cause.APP_COMPUTE_TIMEOUT: Code(
        "the app did not end within the time of the category, and was killed",
        DEVELOPER,
        "request a longer category, or make the app faster",
        "poco category show CATEGORY",
        "requestorder.category",
    ),
    Cause.APP_OUT_OF_MEMORY: Code(
        "the app wanted more memory than the worker grants",
        (*DEVELOPER, "worker"),
        "use less memory, or find a pool whose workers have more; others may succeed",
        DEBUG,
    ),
    Cause.APP_OUTPUT_TOO_LARGE: Code(
        "the app wrote more than a result may hold",
        DEVELOPER,
        "write less, or store it elsewhere and give its address as the result",
        _TEST,
    ),
    Cause.OUTPUT_TREE_INVALID: Code(
        "the output holds what cannot be packed: a link out of it, a device, or too many files",
        DEVELOPER,
        "write plain files and folders below IEXEC_OUT",
        _TEST,
    ),
    Cause.POST_COMPUTE_TOO_LONG_RESULT_FILE_NAME: Code(
        "the name of a result file is too long",
        DEVELOPER,
        "use shorter names, 31 characters at most for confidential tasks",
        _TEST,
    ),
    Cause.DETERMINISM_HASH_NOT_FOUND: Code(
        "computed.json is missing or broken, or names a path that is not there",
        DEVELOPER,
        "write IEXEC_OUT/computed.json with deterministic-output-path or callback-data",
        _TEST,
        "computed.json",
    ),
    Cause.POST_COMPUTE_ENCRYPTION_FAILED: Code(
        "the result could not be encrypted for the beneficiary",
        ("beneficiary",),
        "push a public key that is RSA in PEM",
        "poco result push-encryption-key",
        "the beneficiary's key",
    ),
    Cause.ABORTED_BY_WORKER: Code(
        "the worker stopped the execution: its operator or its scheduler wanted it",
        OPERATOR,
        "nothing: another worker takes the task",
        EXPLAIN,
    ),
}
"""By `poco.appio.Cause`."""

WORKER: dict[str, Code] = {
    "TASK_DESCRIPTION_NOT_FOUND": Code(
        "the worker does not find task, deal or app on its chain",
        OPERATOR,
        "connect worker and scheduler to the same chain and hub",
        _WORKER,
    ),
    "WORKERPOOL_AUTHORIZATION_NOT_FOUND": Code(
        "the leave to contribute is for another worker, or not signed by the deal's scheduler",
        POOL,
        "run the scheduler with the account that owned the workerpool when the deal was made",
        "poco scheduler --help",
        "authorization.signature",
    ),
    "TRUST_NOT_1": Code(
        "the scheduler asked for one step, but the deal's trust is not 1",
        POOL,
        "update the scheduler: contribute and reveal are for such tasks",
        EXPLAIN,
        "deal.trust",
    ),
    "TASK_DESCRIPTION_INVALID": Code(
        "the result is to be encrypted, and the scheduler names no secret service",
        POOL,
        "start the scheduler with the URL of a secret service",
        "poco scheduler --secrets URL",
        "assignment.smsUrl",
    ),
    "TEE_NOT_SUPPORTED": Code(
        "the task demands an enclave and the worker has none",
        OPERATOR,
        "start workers that have one, or that play one",
        "poco worker --simulated-enclave",
        "deal.tag",
    ),
    "UNKNOWN_SMS": Code(
        "the task needs secrets, and the scheduler names no secret service",
        POOL,
        "start the scheduler with the URL of a secret service",
        "poco scheduler --secrets URL",
        "assignment.smsUrl",
    ),
    "GPU_NOT_SUPPORTED": Code(
        "the task demands a GPU and the worker offers none",
        OPERATOR,
        "start a worker on a host that has one",
        "poco worker --gpu",
        "deal.tag",
    ),
    "APP_TYPE_NOT_SUPPORTED": Code(
        "the worker does not run apps of this type",
        OPERATOR,
        "install the runtime, or let another worker of the pool do it",
        _WORKER,
        "app.type",
    ),
    "NOT_ENOUGH_DISK": Code(
        "the worker has less disk than a task must have",
        OPERATOR,
        "free some space, or give the worker another folder",
        _WORKER,
    ),
    "OUT_OF_GAS": Code(
        "the worker's account cannot pay for contribution and reveal",
        OPERATOR,
        "send it some of the chain's currency",
        "poco wallet show WORKER",
    ),
    "STAKE_TOO_LOW": Code(
        "the worker has less free stake in the hub than the task locks",
        OPERATOR,
        "deposit the difference from the worker's account",
        "poco account deposit AMOUNT",
        "account.stake",
    ),
    "CONSENSUS_REACHED": Code(
        "others agreed on a result before this worker contributed",
        remedy="nothing: its work was not needed any more",
    ),
    "CONTRIBUTION_TIMEOUT": Code(
        "the contribution deadline, 7 clocks of the category after the deal, has passed",
        (*BUYER, "anybody"),
        "claim the task from its final deadline on; request a longer category next time",
        "poco task claim TASKID",
        "task.contributionDeadline",
    ),
    "TASK_ALREADY_CONTRIBUTED": Code(
        "the task was to be done in one step, and somebody else contributed before",
        remedy="nothing: another worker has the task",
    ),
    "NOT_ENOUGH_TIME": Code(
        "what is left until the contribution deadline is less than the category's time",
        POOL,
        "run more workers, so that tasks begin sooner; claim the task from its final deadline on",
        "poco task claim TASKID",
        "task.contributionDeadline",
    ),
    "CONTRIBUTION_ALREADY_SET": Code(
        "this account contributed before, and the worker's journal does not know what",
        OPERATOR,
        "keep the journal when a worker moves; its stake is lost unless others reach no consensus",
        EXPLAIN,
    ),
    "CANNOT_REVEAL": Code(
        "consensus is on another result, or the round was opened again without this worker",
        (*DEVELOPER, "worker"),
        "check that the app gives equal results on all hosts; the stake of the worker is lost",
        "poco app test IMAGE",
        "computed.json",
    ),
    "REVEAL_TIMEOUT": Code(
        "the reveal deadline, 2 clocks after the consensus, passed before the reveal was mined",
        OPERATOR,
        "keep worker and node online, with enough gas; the stake of the worker is lost",
        EXPLAIN,
        "task.revealDeadline",
    ),
    "ENCLAVE_SIGNATURE_NOT_FOUND": Code(
        "the secret service gave no key of the enclave to sign the result with",
        POOL,
        "let scheduler and workers use the same secret service",
        "poco scheduler --secrets URL",
        "assignment.smsUrl",
    ),
}
"""Of `poco.worker`: why a task was not taken up, or given up."""
