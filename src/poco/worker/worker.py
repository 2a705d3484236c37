"""A worker: asks a scheduler for tasks, executes them, commits to the result and reveals it.

It believes the chain, not the scheduler: deal, app, dataset and deadlines are read there, and the
leave to contribute is checked before any work is done.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from poco import appio
from poco.appio import Cause
from poco.contracts import ContributionStatus, Deal, Market, Task, TaskStatus
from poco.errors import ConfigurationError, ContractError, PeerError, PocoError, UserInputError
from poco.orders import (
    ZERO_ADDRESS,
    TaskId,
    authorization_digest,
    recover_signer,
    result_hash,
    result_seal,
    task_id,
)
from poco.runtimes import RunLimits, Runtime
from poco.scheduler.protocol import Assignment, SchedulerPort, sign_upload
from poco.worker.downloads import Downloads
from poco.worker.execution import AppReference, DatasetFile, Execution, TaskInputs, execute

__all__ = ["Job", "Worker", "other_digest"]


@dataclass(frozen=True, slots=True)
class Job:
    """A task that this worker has computed.

    Args:
        assignment: the leave to contribute.
        execution: what came of it.
        digest: what the worker commits to, 32 bytes.
    """

    assignment: Assignment
    execution: Execution
    digest: bytes


class Worker:
    """One worker of one workerpool; not to be shared by threads.

    Args:
        market: acting as the worker.
        account: its key.
        scheduler: whom to ask for work.
        runtimes: what it can run, by app type.
        workdir: folder for its work, its own.
        downloads: fetches datasets and input files.
        report: called with a line about each thing done.
        falsify: what a cheat commits to in the place of the digest; for demonstrations only.
    """

    def __init__(
        self,
        market: Market,
        account: LocalAccount,
        scheduler: SchedulerPort,
        runtimes: Mapping[str, Runtime],
        workdir: Path,
        *,
        downloads: Downloads | None = None,
        report: Callable[[str], None] = lambda _: None,
        falsify: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self.address = account.address
        self.jobs: dict[TaskId, Job] = {}
        self._market = market
        self._hub = market.hub
        self._account = account
        self._scheduler = scheduler
        self._runtimes = runtimes
        self._workdir = workdir
        self._downloads = downloads or Downloads()
        self._report = report
        self._falsify = falsify or (lambda digest: digest)
        self._open: set[TaskId] = set()

    def step(self) -> int:
        """Advance the open tasks, then take up one more.

        Returns:
            How many transactions were sent.

        Raises:
            PocoError: what went wrong; the next step goes on.
        """
        sent = sum(self._advance(taskid) for taskid in tuple(self._open))
        assignment = self._scheduler.ask(self.address)
        return sent if assignment is None else sent + self._take_up(assignment)

    def run(self, stop: threading.Event, pause: float = 0.5) -> None:
        """Step until told to stop; what goes wrong is reported and does not end it.

        Args:
            stop: set to end.
            pause: seconds between two steps when there is nothing to do.

        Raises:
            ConfigurationError: this host cannot work.
        """
        told = ""
        while not stop.is_set():
            try:
                if self.step():
                    continue
                told = ""
            except ConfigurationError:
                raise
            except PocoError as error:
                if str(error) != told:
                    told = str(error)
                    self._report(told)
            stop.wait(pause)

    # ONE TASK

    def _take_up(self, assignment: Assignment) -> int:
        """Compute a task and commit to the result."""
        deal = self._check(assignment)
        name = _short(assignment.taskid)
        execution = self._compute(assignment, deal)
        if execution.digest is None or execution.archive is None:
            assert execution.failure is not None
            raise execution.failure
        if execution.failure is not None:
            self._report(f"task {name}: no result but an error, {execution.failure}")
        job = Job(assignment, execution, self._falsify(execution.digest))
        self.jobs[assignment.taskid] = job
        self._report(f"task {name}: computed in {execution.seconds:.2f} s, 0x{job.digest.hex()}")
        if assignment.in_one_step:
            self._complete(job)
        else:
            self._contribute(job)
        return 1

    def _check(self, assignment: Assignment) -> Deal:
        """Refuse to work for an assignment that could not be paid (spec offchain §2.5)."""
        taskid = assignment.taskid
        deal = self._hub.deal(assignment.dealid)
        if deal is None or task_id(assignment.dealid, assignment.index) != taskid:
            raise _bad_assignment(taskid, "the assignment must be of a task on this chain")
        signed = authorization_digest(self.address, taskid, ZERO_ADDRESS)
        if recover_signer(signed, assignment.authorization) != deal.scheduler:
            raise _bad_assignment(taskid, f"the scheduler {deal.scheduler} must have signed it")
        if self._hub.task(taskid).status is not TaskStatus.ACTIVE:
            raise _bad_assignment(taskid, "the task must be open")
        if assignment.in_one_step and deal.trust != 1:
            raise _bad_assignment(taskid, "only tasks of trust 1 can be done in one step")
        stake = self._hub.account(self.address).stake
        if not assignment.in_one_step and stake < deal.worker_stake:
            raise UserInputError(
                f"the worker stakes {deal.worker_stake} nRLC for this task",
                field="stake",
                value=stake,
                remedy="deposit the difference, for example with `ape run worker --deposit`",
            )
        return deal

    def _compute(self, assignment: Assignment, deal: Deal) -> Execution:
        app = self._market.apps.view(deal.app.pointer)
        runtime = self._runtimes.get(app.type)
        if runtime is None:
            raise ConfigurationError(
                f"this worker runs {' and '.join(self._runtimes) or 'no'} apps",
                field="app.type",
                value=app.type,
                remedy="start the engine, or work for another pool",
            )
        folder = self._workdir / "downloads" / f"0x{assignment.taskid.hex()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = {}
        for number, url in enumerate(dict.fromkeys(_input_files(deal.params))):
            files[url] = folder / f"input-{number}"
            self._downloads.fetch(url, files[url], Cause.INPUT_FILES_DOWNLOAD_FAILED)
        inputs = TaskInputs(
            task_id=assignment.taskid,
            deal_id=deal.dealid,
            index=assignment.index,
            bot_first=deal.bot_first,
            bot_size=deal.bot_size,
            app=AppReference(app.multiaddr.decode(errors="replace"), app.checksum, app.type),
            params=deal.params,
            limits=RunLimits(seconds=self._hub.category(deal.category).clock),
            dataset=self._dataset(deal, folder),
            input_files=files,
            callback=deal.callback,
        )
        return execute(inputs, runtime, self._workdir)

    def _dataset(self, deal: Deal, folder: Path) -> DatasetFile | None:
        if deal.dataset.pointer == ZERO_ADDRESS:
            return None
        entry = self._market.datasets.view(deal.dataset.pointer)
        url = entry.multiaddr.decode(errors="replace")
        path = folder / "dataset"
        found = self._downloads.fetch(url, path, Cause.DATASET_FILE_DOWNLOAD_FAILED)
        if any(entry.checksum) and found != entry.checksum:
            raise appio.ExecutionError(
                Cause.DATASET_FILE_BAD_CHECKSUM,
                f"the dataset must have the registered SHA-256 0x{entry.checksum.hex()}",
                field="dataset",
                value=f"0x{found.hex()}",
                remedy="the dataset's owner must publish the registered file",
            )
        return DatasetFile(entry.address, url, path)

    # THE CHAIN

    def _complete(self, job: Job) -> None:
        """Contribute, reveal and finalize at once, with the result stored beforehand."""
        taskid = job.assignment.taskid
        self._hub.contribute_and_finalize(
            taskid,
            job.digest,
            self._upload(job),
            job.assignment.authorization,
            callback_data=job.execution.callback_data,
        )
        self._report(f"task {_short(taskid)}: contributed and finalised in one transaction")

    def _contribute(self, job: Job) -> None:
        taskid = job.assignment.taskid
        self._hub.contribute(
            taskid,
            result_hash(taskid, job.digest),
            result_seal(self.address, taskid, job.digest),
            job.assignment.authorization,
        )
        self._open.add(taskid)
        self._report(f"task {_short(taskid)}: contributed")

    def _advance(self, taskid: TaskId) -> int:
        """Reveal and upload where it is due; nobody has to tell (spec offchain §3.6)."""
        task = self._hub.task(taskid)
        job = self.jobs[taskid]
        if task.status is TaskStatus.REVEALING:
            if task.consensus != result_hash(taskid, job.digest):
                self._open.discard(taskid)
                self._report(f"task {_short(taskid)}: consensus is on another result")
                return 0
            return self._reveal(taskid, task, job)
        if task.status >= TaskStatus.COMPLETED:
            self._open.discard(taskid)
        return 0

    def _reveal(self, taskid: TaskId, task: Task, job: Job) -> int:
        sent = 0
        if self._hub.contribution(taskid, self.address).status is ContributionStatus.CONTRIBUTED:
            try:
                self._hub.reveal(taskid, job.digest)
            except ContractError as error:
                self._open.discard(taskid)
                raise PeerError(
                    f"the reveal came too late: {error}",
                    field="task",
                    value=f"0x{taskid.hex()}",
                    remedy=f"reveal before {task.reveal_deadline}",
                ) from error
            self._report(f"task {_short(taskid)}: revealed")
            sent = 1
        if not self._scheduler.has_result(taskid):
            self._upload(job)
        self._open.discard(taskid)
        return sent

    def _upload(self, job: Job) -> bytes:
        assert job.execution.archive is not None
        taskid = job.assignment.taskid
        signature = sign_upload(self._account, taskid, job.execution.archive_digest)
        return self._scheduler.upload(taskid, job.execution.archive, signature)


def other_digest(digest: bytes) -> bytes:
    """Return what a worker commits to that would rather not compute; see `Worker`."""
    return keccak(b"some other result" + digest)


def _input_files(params: str) -> tuple[str, ...]:
    try:
        return appio.parse_params(params).input_files
    except appio.ExecutionError:
        return ()  # the execution meets the same fault and makes it an error result


def _bad_assignment(taskid: TaskId, rule: str) -> PeerError:
    return PeerError(
        rule,
        field="task",
        value=f"0x{taskid.hex()}",
        remedy="ask the operator of the workerpool",
    )


def _short(identity: bytes) -> str:
    return f"0x{identity.hex()[:8]}…"
