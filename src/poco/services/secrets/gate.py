"""Who may have the secrets of a task: what the chain says, checked in order (offchain §4.4-4.7)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from http import HTTPStatus

from eth_typing import ChecksumAddress

from poco.contracts import Deal, Market, Task, TaskStatus
from poco.orders import ZERO_ADDRESS, TaskId, is_valid_signature
from poco.services.secrets.authorization import WorkerpoolAuthorization, challenge_digest
from poco.web import HttpError

__all__ = ["Gate", "RefusedError"]


class RefusedError(HttpError):
    """A request for the secrets of a task that is refused.

    Args:
        code: the original service's word for it.
        rule: what must hold, as a sentence.
        status: HTTP status.
    """

    def __init__(self, code: str, rule: str, status: int = HTTPStatus.UNAUTHORIZED) -> None:
        self.code = code
        super().__init__(status, rule)


@dataclass(frozen=True)
class Gate:
    """Checks requests against the chain; the caller's word counts for nothing but signatures.

    Args:
        market: the market.
        simulated: whether tasks with the TEE tag are served, by a simulated enclave.
        software: whether tasks without it are served.
        workers: the only workers to serve; empty for all that a pool's owner admits.
        workerpools: the only pools whose owners are believed; empty for all.
    """

    market: Market
    simulated: bool = False
    software: bool = False
    workers: AbstractSet[ChecksumAddress] = frozenset()
    workerpools: AbstractSet[ChecksumAddress] = frozenset()

    def signed(self, account: ChecksumAddress, digest: bytes, signature: bytes) -> bool:
        """Return whether a signature is that of an account; contracts are asked (ERC-1271).

        Raises:
            ChainError: the node does not answer.
        """
        return is_valid_signature(account, digest, signature) or (
            account != ZERO_ADDRESS
            and is_valid_signature(account, digest, signature, self.market.view())
        )

    def admit_scheduler(self, taskid: TaskId, signature: bytes) -> tuple[Task, Deal]:
        """Check that the owner of a task's pool asks for its enclave challenge.

        Args:
            taskid: the task.
            signature: of `challenge_digest`.

        Raises:
            RefusedError: 401.
            ChainError: the node does not answer.
        """
        task, deal = self._open(taskid)
        self._require_signed(deal.scheduler, challenge_digest(taskid), signature, "challenge")
        self._require_enabled(deal)
        return task, deal

    def admit_worker(
        self, authorization: WorkerpoolAuthorization, digest: bytes, signature: bytes
    ) -> tuple[Task, Deal]:
        """Check that a worker may have the secrets of a task.

        Args:
            authorization: the leave of the pool's owner.
            digest: what the worker signed.
            signature: the worker's.

        Raises:
            RefusedError: 401.
            ChainError: the node does not answer.
        """
        worker = authorization.worker
        if not self.signed(worker, digest, signature):
            raise RefusedError("INVALID_AUTHORIZATION", f"worker {worker} must sign the request")
        task, deal = self._open(authorization.taskid)
        signer = self._admitting(deal, authorization)
        self._require_signed(
            signer, authorization.digest, authorization.authorization, "authorization"
        )
        if self.workers and worker not in self.workers:
            raise RefusedError(
                "WORKER_NOT_ALLOWED", f"the operator's list of workers must name {worker}"
            )
        self._require_enabled(deal)
        return task, deal

    def _open(self, taskid: TaskId) -> tuple[Task, Deal]:
        """Return a task that can still be contributed to, and its deal."""
        hub, chain = self.market.hub, self.market.chain
        task = hub.task(taskid)
        if task.status is TaskStatus.UNSET:
            raise RefusedError(
                "GET_CHAIN_TASK_FAILED", f"task 0x{taskid.hex()} must be on chain; the node may lag"
            )
        if task.status is not TaskStatus.ACTIVE or chain.timestamp() >= task.contribution_deadline:
            raise RefusedError(
                "TASK_NOT_ACTIVE",
                f"a task must be ACTIVE and before its contribution deadline, 0x{taskid.hex()} is "
                f"{task.status.name}, its deadline {task.contribution_deadline}",
            )
        deal = hub.deal(task.dealid)
        if deal is None:
            raise RefusedError(
                "GET_CHAIN_DEAL_FAILED", f"deal 0x{task.dealid.hex()} must be on chain"
            )
        if self.workerpools and deal.workerpool.pointer not in self.workerpools:
            raise RefusedError(
                "WORKERPOOL_NOT_ALLOWED",
                f"the operator's list of workerpools must name {deal.workerpool.pointer}",
            )
        return task, deal

    def _admitting(self, deal: Deal, authorization: WorkerpoolAuthorization) -> ChecksumAddress:
        """Return whose authorization the contracts ask for (spec contracts §4.3)."""
        if authorization.enclave_challenge != ZERO_ADDRESS:
            broker: ChecksumAddress = self.market.hub.read("teebroker")
            if broker != ZERO_ADDRESS:
                return broker
        return deal.scheduler

    def _require_signed(
        self, signer: ChecksumAddress, digest: bytes, signature: bytes, what: str
    ) -> None:
        if not self.signed(signer, digest, signature):
            raise RefusedError("INVALID_SIGNATURE", f"the {what} must be signed by {signer}")

    def _require_enabled(self, deal: Deal) -> None:
        if deal.tag.is_tee and not self.simulated:
            raise RefusedError(
                "SECURE_SESSION_NO_TEE_FRAMEWORK",
                "there is no enclave here, and the operator has not enabled a simulated one "
                "(--simulated)",
            )
        if not deal.tag.is_tee and not self.software:
            raise RefusedError(
                "NO_MATCH_ONCHAIN_TYPE",
                "secrets are for tasks with the TEE tag; the operator has not enabled software "
                "secrets (--software)",
            )
