"""Orders that commands are about: of orders.json, of iexec.json, of the order book."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poco.errors import UserInputError

if TYPE_CHECKING:
    from poco.cli.shell import Shell
    from poco.orders import AnyOrder, OrderKind, RequestOrder, Tag
    from poco.services.orderbook.answers import PublishedOrder

__all__ = ["preflight", "published_order", "request_order", "signed_order"]


def signed_order(shell: Shell, kind: OrderKind) -> AnyOrder:
    """Return the order of a kind in orders.json.

    Raises:
        UserInputError: there is none for the chain.
    """
    order: AnyOrder | None = shell.project.orders(shell.chain.id).get(kind)  # type: ignore[assignment]
    if order is None:
        raise UserInputError(
            f'Missing {kind} in "orders.json" for chain {shell.chain.id}',
            remedy=f"sign one with `poco order sign --{kind.removesuffix('order')}`, "
            "or give its hash",
        )
    return order


def published_order(shell: Shell, kind: OrderKind, wanted: str) -> PublishedOrder:
    """Return an order of the order book by its hash.

    Raises:
        UserInputError: the book does not have it.
    """
    found = shell.orderbook.find(kind, wanted)
    if found is None:
        raise UserInputError(
            f"{kind} not found: the order book does not have it",
            field=f"--{kind.removesuffix('order')}",
            value=wanted,
            remedy="check hash and chain, or ask its signer to publish it",
        )
    return found


def preflight(shell: Shell, order: AnyOrder, tag: Tag | None = None) -> None:
    """Ask the secret service for what the tasks of an order will need, if they need anything.

    Args:
        shell: knows the service.
        order: the order.
        tag: of the deal, if it is known.
    """
    from poco.market.preflight import needed_secrets, require_secrets
    from poco.market.publishing import require_dataset_key
    from poco.orders import DatasetOrder, RequestOrder
    from poco.services.secrets.client import SecretsClient

    if isinstance(order, DatasetOrder) and order.tag.is_tee:
        require_dataset_key(SecretsClient(shell.secrets_url), order)
    if isinstance(order, RequestOrder):
        needs = needed_secrets(order, order.tag if tag is None else tag)
        if needs:
            require_secrets(SecretsClient(shell.secrets_url), needs)


def request_order(shell: Shell, wanted: str | None) -> RequestOrder:
    """Return the request of that hash in the book; else that of orders.json, or of iexec.json.

    Raises:
        UserInputError: there is none.
    """
    from poco.market.publishing import unsigned_order
    from poco.orders import OrderKind, RequestOrder

    kind = OrderKind.REQUEST
    if wanted is not None:
        order: AnyOrder = published_order(shell, kind, wanted).order
    else:
        signed = shell.project.orders(shell.chain.id).get("requestorder")
        order = signed or unsigned_order(kind, shell.project.section(f"order.{kind}"))
    assert isinstance(order, RequestOrder)
    return order
