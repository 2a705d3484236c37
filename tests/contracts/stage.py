"""Deploys hubs for tests, with what a market needs to begin."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import ape
from ethpm_types import ContractType
from local_chain import address_of
from market import CLOCKS, ZERO_ADDRESS, Market, fund

if TYPE_CHECKING:
    from ape.api import TestAccountAPI
    from ape.contracts import ContractInstance

ROLES = (
    "owner",
    "app_owner",
    "dataset_owner",
    "pool_owner",
    "requester",
    "sponsor",
    "worker_1",
    "worker_2",
    "worker_3",
    "worker_4",
    "worker_5",
    "stranger",
)


@cache
def the_cast() -> dict[str, TestAccountAPI]:
    """Return the people by role."""
    return {name: ape.accounts.test_accounts[index] for index, name in enumerate(ROLES)}


@cache
def the_token() -> ContractInstance:
    """Return the base token; `owner` gets the supply."""
    owner = the_cast()["owner"]
    return owner.deploy(ape.project.RLC, owner)


@cache
def the_registries() -> dict[str, ContractInstance]:
    """Return the registries by kind."""
    owner = the_cast()["owner"]
    return {
        kind: owner.deploy(getattr(ape.project, f"{kind.capitalize()}Registry"), owner)
        for kind in _KINDS
    }


@cache
def the_market(mode: str) -> Market:
    """Return the market in `token` or `native` mode."""
    token = the_token() if mode == "token" else None
    return open_market(ape.project, the_cast(), token, the_registries(), mode)


def merged_type(*containers: Any, name: str) -> ContractType:
    """Return a contract type with the ABI of all `containers`, each entry once.

    The first container's constructor is kept.
    """
    entries: dict[str, dict[str, Any]] = {}
    for container in containers:
        for item in container.contract_type.model_dump(mode="json", by_alias=True)["abi"]:
            key = f"{item['type']} {_signature(item)}"
            entries.setdefault(key, item)
    return ContractType.model_validate(
        {"contractName": name, "abi": list(entries.values()), "sourceId": f"{name}.sol"}
    )


def _signature(item: Mapping[str, Any]) -> str:
    if item["type"] in {"constructor", "fallback", "receive"}:
        return ""
    return f"{item['name']}({','.join(_canonical(i) for i in item['inputs'])})"


def _canonical(item: Mapping[str, Any]) -> str:
    if not item["type"].startswith("tuple"):
        return str(item["type"])
    inner = ",".join(_canonical(i) for i in item["components"])
    return f"({inner}){item['type'][5:]}"


def deploy_hub(
    project: Any, owner: Any, token: Any, registries: Mapping[str, Any], mode: str = "token"
) -> ContractInstance:
    """Deploy the three code parts of a hub and return the hub with the ABI of all of them."""
    config = (address_of(token or ZERO_ADDRESS), *(registries[kind].address for kind in _KINDS))
    main = project.PocoHub if mode == "token" else project.PocoHubNative
    extension = owner.deploy(project.PocoHubExtension, config)
    boost = owner.deploy(project.PocoHubBoost, config)
    deployed = owner.deploy(main, config, extension.address, boost.address, owner.address)
    merged = merged_type(main, project.PocoHubExtension, project.PocoHubBoost, name=main.name)
    ape.chain.contracts.contract_types.memory[deployed.address] = merged
    return ape.chain.contracts.instance_at(
        deployed.address, contract_type=merged, detect_proxy=False, fetch_from_explorer=False
    )


_KINDS = ("app", "dataset", "workerpool")


def add_categories(hub: Any, owner: Any) -> None:
    """Create the standard categories (spec contracts §5)."""
    for name, clock in CLOCKS.items():
        hub.createCategory(name, '""', clock, sender=owner)


def open_market(
    project: Any, cast: Mapping[str, Any], token: Any, registries: dict[str, Any], mode: str
) -> Market:
    """Deploy a hub with the standard categories and fund everybody but the stranger."""
    owner = cast["owner"]
    hub = deploy_hub(project, owner, token, registries, mode)
    add_categories(hub, owner)
    market = Market(mode=mode, hub=hub, token=token, registries=registries, cast=dict(cast))
    fund(market, [account for role, account in cast.items() if role != "stranger"])
    label = f"of {hub.address}"
    market.app = market.create_app(cast["app_owner"], f"app {label}")
    market.dataset = market.create_dataset(cast["dataset_owner"], f"dataset {label}")
    market.workerpool = market.create_workerpool(cast["pool_owner"], f"pool {label}")
    return market
