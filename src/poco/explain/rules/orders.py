"""Errors of orders and of the administration (spec contracts §1.8 to §1.10, §3.8)."""

from __future__ import annotations

from poco.explain.rules.rule import OWNER, SENDER, Rule, limited

__all__ = ["ORDERS"]

ORDERS: dict[str, Rule] = {
    "Order_NotAuthorized": Rule(
        "contracts §1.8",
        ("order owner",),
        "the order belongs to {authority}, the sender is {caller}",
        "sender",
        "poco order cancel --wallet-address {authority}",
    ),
    "IncompatibleDatasetOrder": Rule(
        "contracts §3.8",
        ("dataset owner", "requester"),
        "the dataset order does not admit the deal: {reason}",
        "datasetorder",
        "poco explain DATASETORDER DEALID",
        "take another dataset order",
        "a deal that the order admits",
        "{reason}",
    ),
    "NotContractOwner": Rule(
        "contracts §1.9",
        OWNER,
        "the market belongs to {owner}, the sender is {user}",
        "sender",
        allowed="{owner}",
        actual="{user}",
    ),
    "OwnableUnauthorizedAccount": Rule(
        "contracts §1.9",
        OWNER,
        "{account} is not the owner, or not the one to whom the ownership was offered",
        "sender",
        remedy="send it from the owner's account",
        allowed="the owner",
        actual="{account}",
    ),
    "OwnableInvalidOwner": Rule(
        "contracts §1.9",
        OWNER,
        "{owner} cannot be an owner",
        "owner",
        remedy="name another account",
        allowed="an account of somebody",
        actual="{owner}",
    ),
    "Category_ClockTooLarge": limited(
        "contracts §1.9", OWNER, "a clock of {actual} s", "workClockTimeRef", "give fewer seconds"
    ),
    "Category_Unknown": Rule(
        "contracts §1.9",
        SENDER,
        "category {category} does not exist: there are {count}, numbered from 0",
        "category",
        "poco category count",
        "choose one that exists",
    ),
    "Config_CallbackGasTooLarge": limited(
        "contracts §1.10", OWNER, "{actual} gas for callbacks", "gas", "grant less gas"
    ),
}
