"""`poco task`: look at a task, download its result, find out why it does not move."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poco.cli.beneficiary import beneficiary_options, private_key
from poco.cli.downloading import download_result
from poco.cli.groups import LazyGroup
from poco.cli.shell import (
    Shell,
    chain_options,
    output_options,
    rendered,
    tx_options,
    wallet_options,
)
from poco.cli.watching import watch_task
from poco.errors import PocoError

if TYPE_CHECKING:
    from poco.market.reports import AppLogs, Reporter, TaskReport
    from poco.market.states import TaskState
    from poco.orders import TaskId

__all__ = ["command"]


@click.group(cls=LazyGroup)
def command() -> None:
    """Look at tasks, download results, find out why a task does not move."""


@command.command(epilog="Example: poco task show TASKID --watch --download result")
@click.argument("taskid")
@click.option("--watch", is_flag=True, help="Wait until it is over; fail when it fails.")
@click.option(
    "--download",
    is_flag=False,
    flag_value="",
    metavar="[NAME]",
    help="Download the result, when there is one, to NAME.zip  [default: TASKID.zip]",
)
@click.option("--decrypt", is_flag=True, help="Decrypt the result.")
@beneficiary_options
@wallet_options
@chain_options
@output_options
def show(
    shell: Shell,
    taskid: str,
    watch: bool,
    download: str | None,
    decrypt: bool,
    beneficiary_keystoredir: Path,
    beneficiary_key_file: str | None,
) -> None:
    """Show a task."""
    from poco.market.following import parse_task_id, task_state

    identity = parse_task_id(taskid)
    state = watch_task(shell, identity) if watch else task_state(shell.reader, identity)
    document: dict[str, Any] = {"task": state.to_json(), "claimable": state.is_timed_out}
    if download is not None and state.is_completed:
        key = None
        if decrypt:
            key = private_key(shell, beneficiary_keystoredir, beneficiary_key_file)
        target = Path.cwd() / (download.removesuffix(".zip") or f"0x{identity.hex()}")
        document["resultPath"] = str(download_result(shell, identity, target, key))
    failed = watch and state.trouble
    shell.done(document, failures=[f"task {taskid}: {state.trouble}"] if failed else [])


@command.command(epilog="Example: poco task claim TASKID")
@click.argument("taskid")
@wallet_options
@chain_options
@tx_options
@output_options
def claim(shell: Shell, taskid: str) -> None:
    """Claim a task that was not completed in time: its price is refunded."""
    from poco.market.claiming import claim_task
    from poco.market.following import parse_task_id

    identity = parse_task_id(taskid)
    market = shell.market
    with shell.progress("claiming the task"):
        done = claim_task(market, identity)
    shell.done({"txHash": done.transaction_hash}, f"task {taskid} is claimed")


@command.command(epilog="Example: poco task debug TASKID --logs")
@click.argument("taskid")
@click.option("--logs", is_flag=True, help="Show what the app wrote; for its requester only.")
@wallet_options
@chain_options
@output_options
def debug(shell: Shell, taskid: str, logs: bool) -> None:
    """Show what the chain and the workerpool know of a task, and why it waits."""
    from poco.market.following import parse_task_id, task_state
    from poco.market.reports import Reporter

    identity = parse_task_id(taskid)
    state = task_state(shell.reader, identity)
    document: dict[str, Any] = {"onchainData": state.to_json()}
    url = _scheduler(shell, state)
    if url is not None:
        with Reporter(url) as reporter:
            report = _report(shell, reporter, identity)
            if report is not None:
                document["offchainData"] = report.to_json()
            if logs and (found := _logs(shell, reporter, state)):
                document["appLogs"] = [entry.to_json() for entry in found]
    if state.trouble:
        shell.say(f"task {taskid}: {state.trouble}")
    elif url is not None and report is not None and report.blocked_reason:
        shell.say(f"it waits: {report.blocked_reason}")
    shell.done(document, rendered(document))


def _scheduler(shell: Shell, state: TaskState) -> str | None:
    """Return where the task's scheduler answers; what is wrong with it is a warning."""
    from poco.market.reports import find_scheduler

    pool = state.deal.workerpool.pointer
    if shell.compass is None:
        shell.warn('chain.json has no "compass": nobody to ask for the scheduler of the task')
        return None
    try:
        url = find_scheduler(shell.compass, shell.chain.id, pool)
    except PocoError as error:
        shell.warn(str(error))
        return None
    if url is None:
        shell.warn(f"the compass does not know the scheduler of workerpool {pool}")
    return url


def _report(shell: Shell, reporter: Reporter, taskid: TaskId) -> TaskReport | None:
    try:
        found = reporter.report(taskid)
    except PocoError as error:
        shell.warn(str(error))
        return None
    if found is None:
        shell.warn("the scheduler does not know the task (yet)")
    return found


def _logs(shell: Shell, reporter: Reporter, state: TaskState) -> tuple[AppLogs, ...]:
    """Return what the app wrote, if anything; a scheduler shows it to the requester only."""
    requester = state.deal.requester
    if shell.address != requester:
        shell.warn(f"only the requester of the task, {requester}, can read its logs")
        return ()
    try:
        found = reporter.logs(state.taskid, shell.account, shell.chain.id)
    except PocoError as error:
        shell.warn(str(error))
        return ()
    if not found:
        shell.warn("the scheduler has no logs of the task")
    return found
