"""An address in words: a contract of the market, an entry, or an account with its money."""

from __future__ import annotations

from eth_typing import ChecksumAddress

from poco.contracts import Interface, Market, hub_interface, interface
from poco.explain.consensus import weight_of
from poco.explain.model import Explanation
from poco.explain.wording import amount, hexed
from poco.orders import ZERO_ADDRESS

__all__ = ["contract_at", "explain_address"]


def contract_at(market: Market, address: ChecksumAddress) -> tuple[str, Interface] | None:
    """Return name and interface of a contract of the market; None for anything else.

    Raises:
        ChainError: the node does not answer.
    """
    book = market.book
    known = {
        book.hub: ("hub", hub_interface(market.mode)),
        book.token: ("token", interface("RLC")),
        book.app_registry: ("app registry", interface("AppRegistry")),
        book.dataset_registry: ("dataset registry", interface("DatasetRegistry")),
        book.workerpool_registry: ("workerpool registry", interface("WorkerpoolRegistry")),
    }
    if address in known:
        return known[address]
    for registry in (market.apps, market.datasets, market.workerpools):
        if registry.is_registered(address):
            return registry.kind.lower(), interface(registry.kind)
    return None


def explain_address(market: Market, address: ChecksumAddress) -> Explanation:
    """Explain an address.

    Raises:
        ChainError: the node does not answer.
    """
    if address == ZERO_ADDRESS:
        title = "the zero address: in an order it means none, or that anybody may take part"
        return Explanation(kind="address", subject=address, title=title)
    contract = contract_at(market, address)
    name = "account" if contract is None else contract[0]
    has_code = bool(market.chain.code(address))
    is_entry = name in ("app", "dataset", "workerpool")
    facts = _entry(market, name, address) if is_entry else _account(market, address)
    if contract is not None and not is_entry:
        title = f"the {name} of this market"
    elif is_entry:
        title = f"a registered {name}"
    elif has_code:
        title = "a contract that is not of this market, or an account with delegated code"
    else:
        title = "an account without code"
    see = f"poco {name} show {address}" if is_entry else f"poco account show {address}"
    return Explanation(kind="address", subject=address, title=title, facts=facts, see=(see,))


def _entry(market: Market, name: str, address: ChecksumAddress) -> tuple[tuple[str, str], ...]:
    if name == "app":
        app = market.apps.view(address)
        return (
            ("owner", app.owner),
            ("name", app.name),
            ("type", app.type),
            ("multiaddr", app.multiaddr.decode("utf-8", "replace")),
            ("checksum", hexed(app.checksum)),
        )
    if name == "dataset":
        dataset = market.datasets.view(address)
        return (
            ("owner", dataset.owner),
            ("name", dataset.name),
            ("multiaddr", dataset.multiaddr.decode("utf-8", "replace")),
            ("checksum", hexed(dataset.checksum)),
        )
    pool = market.workerpools.view(address)
    return (
        ("owner", pool.owner),
        ("description", pool.description),
        ("workers stake", f"{pool.worker_stake_ratio} % of the price"),
        ("scheduler keeps", f"{pool.scheduler_reward_ratio} % of the reward"),
    )


def _account(market: Market, address: ChecksumAddress) -> tuple[tuple[str, str], ...]:
    account = market.hub.account(address)
    score = market.hub.score(address)
    owned = (
        f"{count} {noun}"
        for registry in (market.apps, market.datasets, market.workerpools)
        for noun in (f"{registry.kind.lower()}s",)
        if (count := registry.count(address))
    )
    facts = [
        ("free in the hub", amount(account.stake)),
        ("locked in the hub", amount(account.locked)),
        ("gas", f"{market.chain.balance(address)} wei"),
        ("score", f"{score}: a contribution weighs {weight_of(score)}"),
    ]
    if market.book.token is not None:
        facts.append(("token", amount(market.token.balance_of(address))))
    if entries := ", ".join(owned):
        facts.append(("owns", entries))
    return tuple(facts)
