"""Errors of registries and entries (spec contracts §6)."""

from __future__ import annotations

from poco.explain.rules.rule import HOLDER, OWNER, POOL, SENDER, Rule, limited

__all__ = ["REGISTRIES"]


def _token_rule(values: str, sentence: str, remedy: str) -> Rule:
    allowed, _, actual = values.partition(",")
    return Rule(
        "contracts §6.1", HOLDER, sentence, "tokenId", remedy=remedy, allowed=allowed, actual=actual
    )


REGISTRIES: dict[str, Rule] = {
    "Registry_EntryExists": Rule(
        "contracts §6.1",
        HOLDER,
        "these fields are registered as {entry}",
        "fields",
        "poco explain {entry}",
        allowed="other fields, or another owner",
        actual="{entry}",
    ),
    "Registry_CreationFailed": Rule(
        "contracts §6.1",
        SENDER,
        "the gas did not suffice to make the entry {entry}",
        "gas",
        allowed="more gas",
        actual="too little",
    ),
    "Registry_FieldsTooLong": limited(
        "contracts §6.1", HOLDER, "the fields have {length} bytes", "fields", "shorten them"
    ),
    "Registry_AlreadyInitialized": Rule(
        "contracts §6.1",
        OWNER,
        "the registry before this one is {previous} for ever",
        "previous",
        remedy="nothing: it is set once",
        allowed="{previous}",
        actual="another one",
    ),
    "Registry_NameServiceUnsupported": Rule(
        "contracts §6.1",
        SENDER,
        "there is no name service on this chain",
        "nameService",
        remedy="use addresses",
        allowed="addresses",
        actual="a name",
    ),
    "Registry_ValueRefused": Rule(
        "contracts §6.1",
        SENDER,
        "a registry takes no money, {value} wei were sent",
        "value",
        remedy="send no value along",
        allowed="0",
        actual="{value}",
    ),
    "Entry_CallerNotOwner": Rule(
        "contracts §6.3", HOLDER, "the entry belongs to {owner}, the sender is {caller}", "sender"
    ),
    "Entry_AlreadyInitialized": Rule(
        "contracts §6.3",
        HOLDER,
        "{entry} was complete when it was made",
        "entry",
        remedy="register another entry with the fields that you want",
        allowed="a new entry",
        actual="{entry}",
    ),
    "Entry_IsImplementation": Rule(
        "contracts §6.3",
        SENDER,
        "{implementation} is what all entries share, and none itself",
        "entry",
        remedy="call an entry instead",
        allowed="an entry",
        actual="{implementation}",
    ),
    "Entry_NameServiceUnsupported": Rule(
        "contracts §6.3",
        HOLDER,
        "there is no name service on this chain for {entry}",
        "ens",
        remedy="use addresses",
        allowed="addresses",
        actual="a name",
    ),
    "Workerpool_RewardRatioTooHigh": limited(
        "contracts §6.3", POOL, "{actual} % for the scheduler", "ratio", "keep 100 % or less"
    ),
    "Workerpool_StakeRatioTooHigh": limited(
        "contracts §6.3", POOL, "a stake of {actual} %", "ratio", "ask for a smaller stake"
    ),
    "ERC721IncorrectOwner": _token_rule(
        "{owner},{sender}",
        "the entry {tokenId} belongs to {owner}, not to {sender}",
        "transfer it from its owner",
    ),
    "ERC721InsufficientApproval": _token_rule(
        "the owner or whom it approved,{operator}",
        "{operator} may not transfer the entry {tokenId}",
        "let its owner approve, or transfer it",
    ),
    "ERC721InvalidApprover": _token_rule(
        "the owner,{approver}", "{approver} may not approve", "send it from the owner's account"
    ),
    "ERC721InvalidOperator": _token_rule(
        "an account of somebody,{operator}", "{operator} cannot be approved", "name another account"
    ),
    "ERC721InvalidOwner": _token_rule(
        "an account of somebody,{owner}", "{owner} cannot own entries", "name another account"
    ),
    "ERC721InvalidReceiver": _token_rule(
        "an account that takes entries,{receiver}",
        "{receiver} does not take entries",
        "name another account",
    ),
    "ERC721InvalidSender": _token_rule(
        "the owner,{sender}", "{sender} cannot give entries", "send it from the owner's account"
    ),
    "ERC721NonexistentToken": _token_rule(
        "a registered entry,{tokenId}",
        "there is no entry {tokenId} in this registry",
        "check address and chain",
    ),
    "ERC721OutOfBoundsIndex": _token_rule(
        "an index below the count,{index}",
        "the list of {owner} (address zero: of all) has no entry of index {index}",
        "count first",
    ),
}
