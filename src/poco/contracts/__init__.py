"""The typed client of a market: one connection, one account, every function of the contracts.

::

    from eth_account import Account
    from poco.contracts import Market

    market = Market.connect("http://127.0.0.1:8545")           # reads deployments/<chainId>.json
    alice = market.acting_as(Account.from_key(key))            # signs locally, counts nonces

    alice.deposit(5 * 10**9)                                   # nRLC; token and native mode
    app = alice.apps.create(alice.account, "name", "WASM", b"multiaddr", checksum).value
    pool = alice.workerpools.create(alice.account, "my pool").value
    deal = alice.hub.match_orders(app_order, dataset_order, pool_order, request_order).value
    task = alice.hub.initialize(deal, 0).value
    alice.hub.contribute(task, result_hash, seal, authorization)
    alice.hub.reveal(task, digest)
    alice.hub.finalize(task, b"results")
    alice.hub.task(task).status                                # TaskStatus.COMPLETED
    alice.hub.account(alice.account)                           # Account(stake, locked)
    why_not_match(app_order, ..., alice.view())                # poco.orders
    for event in market.events(kinds=[OrdersMatched]): ...     # poco.contracts.events

- `Market`: `hub`, `apps`, `datasets`, `workerpools`, `token`, `deposit`, `deposit_and_match`,
  `events`, `view`, `acting_as`, `account`, `domain`, `chain`, `book`.
- Writing methods send one transaction, wait until it is mined and return a `Receipt`: `value`
  (the id or address that came of it, else None), `events` (typed), `gas_used`. For several
  transactions under way, give a `Call` to `Wallet.submit` and `wait` later:
  ``alice.wallet.submit(alice.hub.call("claim", task))``.
- Views take no block; ``market.hub.at(block)`` reads the state after a block.
- A revert is a `poco.errors.ContractError` with the rule's name and arguments; a node that does
  not answer is a `poco.errors.ChainError`.
"""

from poco.contracts.book import AddressBook, Mode, default_path
from poco.contracts.chain import Chain
from poco.contracts.contract import Contract
from poco.contracts.discovery import discover
from poco.contracts.events import Event, Events
from poco.contracts.hub import WEI_PER_UNIT, Hub
from poco.contracts.interface import Artifact, Interface, artifact, hub_interface, interface
from poco.contracts.logs import EventReader
from poco.contracts.market import Market
from poco.contracts.records import (
    Account,
    AppEntry,
    BoostDeal,
    Category,
    Contribution,
    ContributionStatus,
    DatasetEntry,
    Deal,
    HubConstants,
    Resource,
    Task,
    TaskStatus,
    WorkerpoolEntry,
)
from poco.contracts.registries import AppRegistry, DatasetRegistry, Registry, WorkerpoolRegistry
from poco.contracts.reverts import decode_revert
from poco.contracts.token import Token
from poco.contracts.view import MarketView
from poco.contracts.wallet import Call, Pending, Receipt, Signed, Signer, Wallet

__all__ = [
    "WEI_PER_UNIT",
    "Account",
    "AddressBook",
    "AppEntry",
    "AppRegistry",
    "Artifact",
    "BoostDeal",
    "Call",
    "Category",
    "Chain",
    "Contract",
    "Contribution",
    "ContributionStatus",
    "DatasetEntry",
    "DatasetRegistry",
    "Deal",
    "Event",
    "EventReader",
    "Events",
    "Hub",
    "HubConstants",
    "Interface",
    "Market",
    "MarketView",
    "Mode",
    "Pending",
    "Receipt",
    "Registry",
    "Resource",
    "Signed",
    "Signer",
    "Task",
    "TaskStatus",
    "Token",
    "Wallet",
    "WorkerpoolEntry",
    "WorkerpoolRegistry",
    "artifact",
    "decode_revert",
    "default_path",
    "discover",
    "hub_interface",
    "interface",
]
