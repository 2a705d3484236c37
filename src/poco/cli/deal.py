"""`poco deal`: look at deals, and get the money back for what was not computed."""

from __future__ import annotations

from typing import Any

import click

from poco.cli.groups import LazyGroup
from poco.cli.shell import Shell, chain_options, output_options, tx_options, wallet_options
from poco.cli.watching import watch_deal

__all__ = ["command"]


@click.group(cls=LazyGroup)
def command() -> None:
    """Look at deals, and claim what was not computed in time."""


@command.command(epilog="Example: poco deal show DEALID --watch")
@click.argument("dealid")
@click.option("--watch", is_flag=True, help="Wait for its tasks; fail when one fails.")
@wallet_options
@chain_options
@output_options
def show(shell: Shell, dealid: str, watch: bool) -> None:
    """Show a deal and its tasks."""
    from poco.market.following import deal_state, parse_deal_id

    identity = parse_deal_id(dealid)
    if not watch:
        shell.done({"deal": deal_state(shell.reader, identity).to_json()})
        return
    state = watch_deal(shell, identity)
    document: dict[str, Any] = {
        "tasksCount": len(state.tasks),
        "completedTasksCount": len(state.completed),
        "failedTasksCount": len(state.failed),
        "deal": state.to_json(),
        "tasks": [task.to_json() for task in state.tasks],
        "failedTasks": [task.to_json() for task in state.failed],
    }
    shell.done(document, failures=state.troubles)


@command.command(epilog="Example: poco deal claim DEALID")
@click.argument("dealid")
@wallet_options
@chain_options
@tx_options
@output_options
def claim(shell: Shell, dealid: str) -> None:
    """Claim all tasks of a deal that were not completed in time: their price is refunded."""
    from poco.market.claiming import claim_deal
    from poco.market.following import parse_deal_id

    identity = parse_deal_id(dealid)
    claimed: dict[str, str] = {}
    transactions: list[dict[str, str]] = []
    market = shell.market
    with shell.progress("claiming tasks") as tell:
        for done in claim_deal(market, identity):
            claimed |= {str(index): f"0x{taskid.hex()}" for index, taskid in done.tasks.items()}
            transactions.append({"txHash": done.transaction_hash, "type": done.kind})
            tell(f"claimed {len(claimed)} tasks")
    shell.done(
        {"claimed": claimed, "transactions": transactions},
        f"claimed {len(claimed)} task(s) of deal {dealid}",
    )
