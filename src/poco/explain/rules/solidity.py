"""What a revert says that is no custom error of poco."""

from __future__ import annotations

from poco.explain.rules.rule import SENDER, Rule

__all__ = ["SOLIDITY"]

SOLIDITY: dict[str, Rule] = {
    "Error": Rule(
        "contracts §0",
        SENDER,
        "a contract that is not poco's refused: {message}",
        remedy="ask whoever runs that contract",
        allowed="nothing else is known",
        actual="{message}",
    ),
    "Panic": Rule(
        "contracts §0",
        SENDER,
        "a contract stopped with Solidity's panic {code}: arithmetic, an index or an assertion",
        remedy="check that the addresses are those of the address book, and the amounts plausible",
        allowed="nothing else is known",
        actual="{code}",
    ),
    "Reverted": Rule(
        "contracts §0",
        SENDER,
        "the contract gave no reason",
        remedy="check that address and version of the contract are those of the address book, and "
        "that the transaction had enough gas",
        allowed="nothing is known",
        actual="a revert without data",
    ),
    "Unknown": Rule(
        "contracts §0",
        SENDER,
        "no contract of poco has this error",
        remedy="ask whoever runs the contract that was called; give all 64 digits if this is the "
        "beginning of an id",
        allowed="an error of poco",
        actual="{data}",
    ),
}
