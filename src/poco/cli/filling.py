"""`poco order fill` and `poco order match`: buy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from poco.cli.order_sources import preflight, published_order, request_order, signed_order
from poco.cli.selling import force_option, preflight_option
from poco.cli.shell import Shell, chain_options, output_options, tx_options, wallet_options
from poco.errors import UserInputError

if TYPE_CHECKING:
    from poco.orders import RequestOrder

__all__ = ["fill", "match"]


@click.command(epilog="Example: poco order fill --app HASH --workerpool HASH --request HASH")
@click.option("--app", metavar="HASH", help="App order  [default: that of orders.json]")
@click.option("--dataset", metavar="HASH", help="Dataset order  [default: that of orders.json]")
@click.option("--workerpool", metavar="HASH", help="Pool order  [default: that of orders.json]")
@click.option("--request", metavar="HASH", help="Request order  [default: that of orders.json]")
@click.option("--params", metavar="JSON", help="Sign a request for the orders with these params.")
@preflight_option
@force_option
@wallet_options
@chain_options
@tx_options
@output_options
def fill(
    shell: Shell,
    /,
    params: str | None,
    skip_preflight_check: bool,
    force: bool,
    **hashes: str | None,
) -> None:
    """Make a deal of orders; nothing is sent when they do not match."""
    from poco.market.parameters import write_params
    from poco.market.publishing import fill_order
    from poco.market.purchase import Offer, require_match, sign_request
    from poco.orders import (
        NULL_DATASET_ORDER,
        ZERO_ADDRESS,
        AppOrder,
        DatasetOrder,
        OrderKind,
        WorkerpoolOrder,
        deal_tag,
    )

    def order(kind: OrderKind) -> Any:
        wanted = hashes[kind.removesuffix("order")]
        return (
            signed_order(shell, kind)
            if wanted is None
            else published_order(shell, kind, wanted).order
        )

    request: RequestOrder | None = None
    if params is None:
        request = order(OrderKind.REQUEST)
    elif hashes["request"] is not None:
        raise UserInputError(
            "a request has params of its own",
            field="--params",
            value=params,
            remedy="give either --params or --request",
        )
    app: AppOrder = order(OrderKind.APP)
    workerpool: WorkerpoolOrder = order(OrderKind.WORKERPOOL)
    dataset: DatasetOrder = NULL_DATASET_ORDER
    needed = request is not None and request.dataset != ZERO_ADDRESS
    if needed or hashes["dataset"] is not None:
        dataset = order(OrderKind.DATASET)
    offer = Offer(app=app, dataset=dataset, workerpool=workerpool)
    market = shell.market
    if request is None:
        text = write_params(params or "")
        request = sign_request(market, shell.account, offer, text, trust=0)
    if not skip_preflight_check:
        preflight(shell, request, deal_tag(app, dataset, request))
    if not force:  # nobody is asked about orders that do not match
        require_match(market, app, dataset, workerpool, request)
    shell.confirm(f"Buy from these orders, {offer.price} nRLC for each task?", force)
    with shell.progress("matching orders"):
        filled = fill_order(market, offer, request)
    dealid = f"0x{filled.dealid.hex()}"
    shell.done(
        {"dealid": dealid, "volume": str(filled.volume), "txHash": filled.transaction},
        f"{filled.volume} task(s) bought by deal {dealid}",
    )


@click.command(epilog="Example: poco order match --fill")
@click.option("--request", "wanted", metavar="HASH", help="Request order of the order book.")
@click.option("--volume", type=click.IntRange(1), help="Tasks  [default: what is left of it]")
@click.option("--fill", "buying", is_flag=True, help="Make the deals.")
@preflight_option
@force_option
@wallet_options
@chain_options
@tx_options
@output_options
def match(
    shell: Shell,
    wanted: str | None,
    volume: int | None,
    buying: bool,
    skip_preflight_check: bool,
    force: bool,
) -> None:
    """Propose the cheapest deals for a request, over all open orders.

    The request is that of orders.json or, unsigned, that of iexec.json. When nothing fits, the
    smallest set of changes is shown after which something would.
    """
    from poco.market.publishing import accept_proposal

    request = request_order(shell, wanted)
    with shell.progress("asking the order book"):
        proposal = shell.orderbook.match(request, volume)
    document: dict[str, Any] = {
        "volume": proposal.volume,
        "cost": str(proposal.cost),
        "inSequence": proposal.in_sequence,
        "matches": [found.to_json() for found in proposal.fills],
        "changes": [change.to_json() for change in proposal.changes],
        "missing": [str(kind) for kind in proposal.missing],
    }
    lines = [
        f"{found.volume} task(s) for {found.cost} nRLC of workerpool {found.workerpool.workerpool}"
        for found in proposal.fills
    ]
    if not proposal.fills:
        lines.append("nothing fits; what would help:")
        lines += [f"  {change}" for change in proposal.changes]
        lines += [f"  somebody publishes a {kind}" for kind in proposal.missing]
    if buying:
        if not skip_preflight_check:
            preflight(shell, request)
        if proposal.fills:
            total = f"{proposal.volume} task(s) for {proposal.cost} nRLC"
            shell.confirm("\n".join([*lines, f"Buy {total}?"]), force)
        document["deals"] = deals = []
        for filled in accept_proposal(shell.market, shell.account, proposal):
            deal = {"dealid": f"0x{filled.dealid.hex()}", "volume": str(filled.volume)}
            deals.append({**deal, "txHash": filled.transaction})
            lines.append(f"deal {deal['dealid']}: {filled.volume} task(s)")
    shell.done(document, "\n".join(lines))
