"""Messages of the official client and of nodes that people paste, and what each of them means."""

from __future__ import annotations

import re

from poco.explain.codes.code import BUYER, EXPLAIN, POOL, PROVIDER, Code
from poco.explain.model import Explanation, Finding

__all__ = ["explain_message", "message_in"]

_CLIENT = "a message of the official client"
_NODE = "a message of a node"
_SENDER = ("sender",)
_DEPOSIT = "poco account deposit AMOUNT RLC"

_MESSAGES: dict[tuple[str, str], Code] = {
    (_CLIENT, r"is greater than requester account stake"): Code(
        "the requester has less in the hub than the tasks cost",
        BUYER,
        "deposit what is missing, or ask for fewer tasks",
        _DEPOSIT,
        "requestorder.volume",
    ),
    (_CLIENT, r"is greater than workerpool owner's account stake"): Code(
        "the owner of the workerpool has too little in the hub: 30% of the pool's price is locked",
        POOL,
        "the owner deposits more; the requester takes an order of another workerpool",
        _DEPOSIT,
        "workerpoolorder.workerpool",
    ),
    (_CLIENT, r"Missing tag \[tee\] in apporder|produce an invalid deal tag"): Code(
        "the request, the dataset or the workerpool asks for an enclave that the app's order "
        "does not have",
        ("app owner",),
        "sell the app with these flags; the official command adds them, its SDK does not",
        "poco app publish APP --tag tee,tdx",
        "apporder.tag",
    ),
    (_CLIENT, r"No workerpoolorder (matching your conditions )?available"): Code(
        "the order book has no order of a workerpool that this request could use; the official "
        "client looks for orders with the tags tee and tdx only",
        ("workerpool owner", "requester"),
        "look at what is for sale, and ask for another category, tag or trust",
        "poco orderbook workerpool --category CATEGORY",
        "requestorder.category",
    ),
    (_CLIENT, r"No order available for (app|dataset)|No (app|dataset)order available"): Code(
        "nobody sells this app or dataset to this requester now",
        ("app owner", "dataset owner"),
        "ask its owner to publish an order, or look for one that is restricted to others",
        "poco orderbook app APP --requester any",
    ),
    (_CLIENT, r"Dataset encryption key is not set"): Code(
        "the secret service has no key of this dataset: its tasks would fail",
        PROVIDER,
        "push the key from the folder in which the dataset was encrypted",
        "poco dataset push-secret DATASET",
    ),
    (_CLIENT, r"Requester secret .*is not set"): Code(
        "the secret service has no secret of this name from the requester",
        BUYER,
        "push it with the wallet that buys",
        "poco requester push-secret NAME",
        "requestorder.params",
    ),
    (_CLIENT, r"result encryption key is not set"): Code(
        "the beneficiary wants encrypted results and has given no key",
        ("beneficiary",),
        "generate a pair of keys, then push the public one",
        "poco result push-encryption-key",
        "requestorder.beneficiary",
    ),
    (_CLIENT, r"storage token is not set"): Code(
        "results cannot be put into the storage that the request names",
        BUYER,
        "give the secret service a token, or leave the storage out of the request",
        "poco storage init PROVIDER",
        "requestorder.params",
    ),
    (_CLIENT, r"already exists for 0x|can't be updated"): Code(
        "a secret is set for good, so that nobody can exchange it under those who rely on it",
        _SENDER,
        "push it under another name; an app or a dataset has to be deployed again",
        "poco requester push-secret NAME",
    ),
    (_CLIENT, r"No (app|dataset|workerpool) deployed at address|not deployed\b"): Code(
        "the registry of this chain does not have this address",
        _SENDER,
        "check the address and the chain: markets that begin anew have none of the old addresses",
        "poco explain ADDRESS",
    ),
    (_CLIENT, r"order is fully consumed"): Code(
        "all the volume of the order is used or cancelled",
        ("owner of the order",),
        "sign and publish a new one",
        "poco order sign --help",
    ),
    (_CLIENT, r"order invalid sign|is a required field"): Code(
        "the order lacks a field, or was changed after it was signed",
        ("owner of the order",),
        "sign it again, and change nothing afterwards",
        "poco explain orders.json",
    ),
    (_CLIENT, r"Only task requester"): Code(
        "logs of an app are for the requester of the task",
        BUYER,
        "use the wallet that bought the task",
        "poco task debug TASKID --logs --wallet-file FILE",
    ),
    (_CLIENT, r"Impossible to resolve API url|Cannot find task's workerpool"): Code(
        "nobody knows where the scheduler of this workerpool answers",
        POOL,
        "name the indexer in chain.json as compass; its operator adds the pool with --pool",
        "poco workerpool show WORKERPOOL",
    ),
    (_CLIENT, r"Failed to decrypt wallet|Password mismatch"): Code(
        "the password does not open the wallet",
        ("owner of the wallet",),
        "type the one that the wallet was created with, or choose another wallet",
        "poco wallet show --wallet-file FILE",
    ),
    (_CLIENT, r"429|Too Many Requests"): Code(
        "the order book takes a limited number of requests a minute",
        _SENDER,
        "wait for a minute; the operator may raise the limit",
        "poco market serve --help",
    ),
    (_NODE, r"insufficient funds|Tx fees are greater than wallet balance"): Code(
        "the wallet has too little of the chain's currency to pay for gas",
        _SENDER,
        "get some from whoever has it; on the market of this machine the bank gives it",
        "poco wallet fund",
    ),
    (_NODE, r"nonce too low|NONCE_EXPIRED|already known|transaction underpriced"): Code(
        "another transaction of this account has the same nonce: two programs use one key, or one "
        "sends faster than it looks",
        _SENDER,
        "send one after the other, and give each program a key of its own",
        "poco wallet create",
    ),
    (
        _NODE,
        r"gas required exceeds|always failing|estimate gas|UNPREDICTABLE_GAS|missing revert data",
    ): Code(
        "the transaction would fail: the contract refuses it, and the node does not say why",
        _SENDER,
        "explain the orders before they are matched, or the hash of the transaction that failed",
        "poco explain orders.json",
    ),
    (_NODE, r"ECONNREFUSED|Connection refused|fetch failed|network error|detect network"): Code(
        "nothing answers at this address",
        ("operator",),
        "look whether the market runs, and whether chain.json has its addresses",
        "poco status",
    ),
    ("a message of a program", r"Task is not completed|No result uploaded"): Code(
        "there is nothing to download yet", BUYER, "see what the task waits for", EXPLAIN
    ),
}
"""By who says it, and a pattern that is found in it."""


def message_in(text: str) -> tuple[str, Code] | None:
    """Return who says the message that a text contains, and its meaning; None if it is unknown."""
    for (speaker, pattern), code in _MESSAGES.items():
        if re.search(pattern, text, re.IGNORECASE):
            return speaker, code
    return None


def explain_message(text: str) -> Explanation:
    """Explain a text in which `message_in` finds something."""
    found = message_in(text)
    assert found is not None, "it was recognised"
    speaker, code = found
    finding = Finding(
        rule="message",
        sentence=code.sentence,
        field=code.field,
        parties=code.parties,
        remedy=code.remedy,
        command=code.command,
    )
    return Explanation(kind="message", subject=text, title=speaker, findings=(finding,))
