"""One task's computation, from the leave to the stored result; what a slot of a worker does.

Nothing of it reaches the chain. Every fault ends in the journal: a permanent one of the app as an
error result that will be contributed, any other as a failure that another worker may not have.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from poco import appio
from poco.appio import ExecutionError
from poco.database import storable
from poco.errors import ChainError, PeerError
from poco.fetching import Fetcher, multiaddr_text
from poco.orders import GPU, TaskId
from poco.runtimes import RunLimits, Runtime
from poco.scheduler.protocol import MAX_LOG_CHARACTERS, Assignment, TaskLogs
from poco.scheduler.statuses import SECRETS_REFUSED, ReplicateStatus
from poco.services.secrets import SecretsClient, SecretsRefusedError, TaskSecrets
from poco.worker.admission import Admission
from poco.worker.checks import Refusal
from poco.worker.confidential import (
    enclave_address,
    enclave_signature,
    open_session,
    result_key,
)
from poco.worker.downloads import Downloads
from poco.worker.durations import Durations
from poco.worker.execution import (
    AppReference,
    Execution,
    TaskInputs,
    error_execution,
    execute,
    run_name,
)
from poco.worker.execution.folders import TaskFolders
from poco.worker.journal import Entry, Journal, TaskResult
from poco.worker.steps import UNFINISHED
from poco.worker.terms import Terms

__all__ = ["Computation", "Equipment"]


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a worker computes with.

    Args:
        runtimes: what it runs, by app type.
        fetcher: downloads datasets and input files.
        workdir: folder for its work, its own.
        memory: bytes for each task.
        cpus: processors for each task.
        secrets: makes the client of a secret service, given its URL.
        falsify: what a cheat commits to in the place of a digest; for demonstrations only.
    """

    runtimes: Mapping[str, Runtime]
    fetcher: Fetcher
    workdir: Path
    memory: int = 1024**3
    cpus: float = 1.0
    secrets: Callable[[str], SecretsClient] = SecretsClient
    falsify: Callable[[bytes], bytes] = lambda digest: digest


class Computation:
    """Computes tasks. Safe to use from several threads, one for each slot.

    Args:
        journal: where tasks and results are written down.
        admission: decides about them.
        account: the worker.
        equipment: what it computes with.
        report: called with a line about each thing done.
        crash_point: called after each step that lasts, for tests that die there.

    Attributes:
        durations: how long the last tasks took.
    """

    def __init__(
        self,
        journal: Journal,
        admission: Admission,
        account: LocalAccount,
        equipment: Equipment,
        *,
        report: Callable[[str], None],
        crash_point: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._admission = admission
        self._account = account
        self._equipment = equipment
        self._report = report
        self._crash_point = crash_point
        self.durations = Durations()

    def run(self, entry: Entry) -> None:
        """Check a task, compute it, and store what came of it.

        Args:
            entry: its row, unfinished.

        Raises:
            ChainError: the node does not answer or is behind; to be tried again.
            PeerError: the secret service does not answer; likewise.
            Exception: this host cannot work; the journal says so, too.
        """
        leave = entry.assignment
        terms = self._admission.admit(entry)
        if isinstance(terms, Refusal):
            self._fail(leave, ReplicateStatus.START_FAILED, terms.cause, terms.message)
        if not isinstance(terms, Terms):
            return
        self._crash_point("started")
        try:
            self._compute(leave, terms, resume=entry.status is not ReplicateStatus.CREATED)
        except SecretsRefusedError as error:
            cause = f"{SECRETS_REFUSED}{error.code}"
            self._fail(leave, ReplicateStatus.START_FAILED, cause, str(error))
        except (ChainError, PeerError):
            raise
        except Exception as error:
            self._fail(leave, ReplicateStatus.COMPUTE_FAILED, "UNKNOWN", str(error))
            raise
        finally:
            if not self._is_wanted(leave):
                self._remove_inputs(leave)

    def _compute(self, leave: Assignment, terms: Terms, resume: bool) -> None:
        secrets = open_session(leave, self._account, self._equipment.secrets)
        if enclave_address(secrets) != leave.enclave_challenge:
            rule = f"the secret service must hold the key of {leave.enclave_challenge}"
            failed = ReplicateStatus.START_FAILED
            self._fail(leave, failed, "ENCLAVE_SIGNATURE_NOT_FOUND", rule)
            return
        execution = self._execute(leave, terms, secrets, resume)
        self._crash_point("executed")
        logs = _logs(leave.taskid, execution, secrets.withheld)
        if execution.digest is None or execution.archive is None:
            failure = execution.failure
            assert failure is not None
            status = ReplicateStatus(str(failure.cause.status))
            self._fail(leave, status, failure.cause, str(failure), logs)
            return
        digest = self._equipment.falsify(execution.digest)
        values: dict[str, Any] = {}
        if execution.failure is not None:
            values = {"cause": str(execution.failure.cause), "message": str(execution.failure)}
        result = TaskResult(
            digest=digest,
            callback_data=execution.callback_data,
            archive=execution.archive,
            archive_sha256=execution.archive_digest,
            archive_size=execution.archive.stat().st_size,
            enclave_signature=enclave_signature(secrets, self._account, leave.taskid, digest),
        )
        with self._journal.writing() as connection:
            kept = self._journal.move(
                connection,
                leave.taskid,
                UNFINISHED,
                ReplicateStatus.COMPUTED,
                result=result,
                exit_code=execution.exit_code,
                **values,
            )
            if kept:
                self._journal.keep_logs(connection, logs)
        if kept:
            self._tell(leave, f"computed in {execution.seconds:.2f} s, 0x{digest.hex()}")
            if execution.failure is not None:
                self._tell(leave, f"no result but an error, {execution.failure}")
            self._crash_point("computed")

    def _execute(
        self, leave: Assignment, terms: Terms, secrets: TaskSecrets, resume: bool
    ) -> Execution:
        begun = time.monotonic()
        try:
            urls = appio.parse_params(terms.deal.params).downloads
        except ExecutionError:
            urls = ()  # the execution meets the same fault and makes it an error result
        inputs = self._inputs(leave, terms, secrets)
        try:
            inputs = replace(inputs, result_key=result_key(secrets))
            if urls or terms.dataset is not None or secrets.bulk is not None:
                self._mark(leave, ReplicateStatus.DATA_DOWNLOADING)
                inputs = self._fetch(leave, terms, urls, secrets, inputs)
        except ExecutionError as failure:
            return error_execution(inputs, failure, self._equipment.workdir)
        self._mark(leave, ReplicateStatus.COMPUTING)
        self._crash_point("computing")
        runtime = self._equipment.runtimes[inputs.app.app_type]
        started = time.monotonic()
        execution = execute(
            inputs,
            runtime,
            self._equipment.workdir,
            resume=resume,
            is_wanted=lambda: self._is_wanted(leave),
        )
        rest = time.monotonic() - started - execution.seconds
        self.durations.add(started - begun, execution.seconds, rest)
        return execution

    def _inputs(self, leave: Assignment, terms: Terms, secrets: TaskSecrets) -> TaskInputs:
        deal, app = terms.deal, terms.app
        multiaddr = multiaddr_text(app.multiaddr)
        return TaskInputs(
            task_id=leave.taskid,
            deal_id=deal.dealid,
            index=leave.index,
            bot_first=deal.bot_first,
            bot_size=deal.bot_size,
            app=AppReference(multiaddr, app.checksum, appio.runtime_of(app.type, multiaddr)),
            params=deal.params,
            limits=RunLimits(
                seconds=terms.clock, memory=self._equipment.memory, cpus=self._equipment.cpus
            ),
            callback=deal.callback,
            trust=deal.trust,
            tee=deal.tag.is_tee,
            gpu=bool(deal.tag & GPU),
            app_secret=secrets.app_secret,
            requester_secrets=secrets.requester_secrets,
            worker=self._account.address,
        )

    def _fetch(
        self,
        leave: Assignment,
        terms: Terms,
        urls: tuple[str, ...],
        secrets: TaskSecrets,
        inputs: TaskInputs,
    ) -> TaskInputs:
        fetcher = self._equipment.fetcher
        deadline = fetcher.deadline(min(terms.clock, fetcher.policy.total_seconds))
        downloads = Downloads(fetcher, self._downloads(leave), deadline)
        files, entry = downloads.input_files(urls), terms.dataset
        return replace(
            inputs,
            input_files=files,
            dataset=None if entry is None else downloads.dataset(entry, secrets.dataset_key),
            bulk=None if secrets.bulk is None else downloads.bulk(secrets.bulk),
        )

    def stop(self, taskid: TaskId) -> None:
        """End the run of a task's app, if there is one; whatever comes of it is dropped."""
        for runtime in self._equipment.runtimes.values():
            runtime.stop(run_name(taskid, self._equipment.workdir))

    # THE JOURNAL

    def _is_wanted(self, leave: Assignment) -> bool:
        """Return whether the task was not given up since it was begun."""
        entry = self._journal.entry(leave.taskid)
        return entry is not None and entry.status in UNFINISHED

    def _mark(self, leave: Assignment, status: ReplicateStatus) -> None:
        with self._journal.writing(lasting=False) as connection:
            self._journal.move(connection, leave.taskid, UNFINISHED, status)

    def _fail(
        self,
        leave: Assignment,
        status: ReplicateStatus,
        cause: str,
        message: str,
        logs: TaskLogs | None = None,
    ) -> None:
        with self._journal.writing() as connection:
            moved = self._journal.move(
                connection, leave.taskid, UNFINISHED, status, cause=str(cause), message=message
            )
            if moved and logs is not None:
                self._journal.keep_logs(connection, logs)
        if moved:
            self._tell(leave, f"{status}, {cause}: {message}")
            self._crash_point("failed")

    def _remove_inputs(self, leave: Assignment) -> None:
        """Delete what was fetched: it may be confidential, and decrypted by now."""
        inputs = TaskFolders.find(self._equipment.workdir, leave.taskid).input
        for folder in (self._downloads(leave), inputs):
            shutil.rmtree(folder, ignore_errors=True)

    def _downloads(self, leave: Assignment) -> Path:
        return self._equipment.workdir / "downloads" / f"0x{leave.taskid.hex()}"

    def _tell(self, leave: Assignment, text: str) -> None:
        self._report(f"task 0x{leave.taskid.hex()[:8]}…: {text}")


def _logs(taskid: TaskId, execution: Execution, withheld: tuple[str, ...]) -> TaskLogs:
    """Return the tails of what the app wrote, remarks for the requester last."""
    remarks = storable(
        "".join(f"[worker] {remark}\n" for remark in (*execution.warnings, *withheld))
    )
    stdout, stderr = (
        stream.decode(errors="replace") for stream in (execution.stdout, execution.stderr)
    )
    return TaskLogs(
        task_id=taskid,
        stdout=stdout[-MAX_LOG_CHARACTERS:],
        stderr=(stderr + remarks)[-MAX_LOG_CHARACTERS:],
        exit_code=execution.exit_code,
    )
