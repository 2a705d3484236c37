"""What the indexer knows: the entities of the PoCo subgraph with their fields (spec sdk §7).

Tables, GraphQL types and filters are all made from `ENTITIES`. Ids are lower-case hex, but those of
categories (decimal), events (``<block>-<logIndex>``), contributions (``<taskid>-<worker>``), slices
of a bulk (``<dealid>-<index>``) and of the one protocol (``iExec``).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from poco.services.indexer.model import Column, Derived, Entity, Field, Kind, Linked

__all__ = ["ENTITIES", "INTERFACES", "PROTOCOL", "entity_of", "implementers"]

PROTOCOL = "iExec"
"""Id of the one `Protocol`."""


def _number(name: str, *, required: bool = True) -> Column:
    return Column(name, Kind.NUMBER, required)


def _amount(name: str, *, required: bool = True) -> Column:
    return Column(name, Kind.AMOUNT, required)


def _text(name: str, *, required: bool = True, hidden: bool = False) -> Column:
    return Column(name, Kind.TEXT, required, hidden=hidden)


def _hex(name: str, *, required: bool = True) -> Column:
    return Column(name, Kind.HEX, required)


def _ref(name: str, target: str, *, required: bool = True, hidden: bool = False) -> Column:
    return Column(name, Kind.REFERENCE, required, target, hidden)


def _order(asset: str, price: str, *restrictions: str, required: bool = True) -> tuple[Field, ...]:
    """Return what the orders for an asset share; the chain tells only asset and price."""
    return (
        _ref(asset.lower(), asset, required=required),
        _amount(price),
        _number("volume", required=False),
        _hex("tag", required=False),
        *(_hex(restriction, required=False) for restriction in restrictions),
        _hex("salt", required=False),
        _hex("sign", required=False),
        Derived("deals", "Deal", f"{asset.lower()}order"),
    )


_EVENT = (_ref("transaction", "Transaction"), _number("timestamp"))
_OF_ACCOUNT = (*_EVENT, _ref("account", "Account"))
_OF_WORKERPOOL = (*_EVENT, _ref("workerpool", "Workerpool"))
_OF_DEAL = (*_EVENT, _ref("deal", "Deal"))
_OF_TASK = (*_EVENT, _ref("task", "Task"))
_MOVE = (_ref("from", "Account"), _ref("to", "Account"))
_OWNED = (_ref("owner", "Account"),)
_USAGE = (_number("usageCount"), _number("lastUsageTimestamp"))

INTERFACES: Mapping[str, Entity] = MappingProxyType(
    {
        entity.name: entity
        for entity in (
            Entity("AccountEvent", _OF_ACCOUNT),
            Entity("WorkerpoolEvent", _OF_WORKERPOOL),
            Entity("DealEvent", _OF_DEAL),
            Entity("TaskEvent", _OF_TASK),
            Entity("RessourceTransferEvent", (*_EVENT, *_MOVE)),
            Entity("Ressource", _OWNED),
        )
    }
)
"""Types that several entities have in common, by name."""

_ACCOUNT = (
    _amount("balance"),
    _amount("frozen"),
    _number("score"),
    Derived("transfersFrom", "Transfer", "from"),
    Derived("transfersTo", "Transfer", "to"),
    Derived("events", "AccountEvent", "account"),
    Derived("contributions", "Contribution", "worker"),
    Derived("apps", "App", "owner"),
    Derived("datasets", "Dataset", "owner"),
    Derived("workerpools", "Workerpool", "owner"),
    Derived("dealRequester", "Deal", "requester"),
    Derived("dealBeneficiary", "Deal", "beneficiary"),
    Derived("dealCallback", "Deal", "callback"),
    Derived("taskRequester", "Task", "requester"),
    Derived("orderRequester", "RequestOrder", "requester"),
    Derived("orderBeneficiary", "RequestOrder", "beneficiary"),
    Derived("orderCallback", "RequestOrder", "callback"),
    Derived("transactions", "Transaction", "from"),
)
_TRANSACTION = (
    _ref("from", "Account", required=False),
    _ref("to", "Account", required=False),
    _number("value"),
    _number("gasLimit"),
    _number("gasUsed"),
    _number("gasPrice"),
    _number("timestamp"),
    _number("blockNumber"),
    Derived("accountEvents", "AccountEvent", "transaction"),
    Derived("taskEvents", "TaskEvent", "transaction"),
    Derived("workerpoolEvents", "WorkerpoolEvent", "transaction"),
    Derived("ressourceTransferEvent", "RessourceTransferEvent", "transaction"),
)
_APP = (
    *_OWNED,
    _text("name"),
    _text("type"),
    _hex("multiaddr"),
    _hex("checksum"),
    _hex("mrenclave"),
    _number("timestamp"),
    *_USAGE,
    Derived("usages", "Deal", "app"),
    Derived("orders", "AppOrder", "app"),
    Derived("transfers", "AppTransfer", "app"),
)
_DATASET = (
    *_OWNED,
    _text("name"),
    _hex("multiaddr"),
    _hex("checksum"),
    _number("timestamp"),
    Derived("usages", "Deal", "dataset"),
    Linked("bulkUsages", "BulkSlice", "DatasetOrder", "dataset", "slice"),
    Derived("orders", "DatasetOrder", "dataset"),
    Derived("transfers", "DatasetTransfer", "dataset"),
)
_WORKERPOOL = (
    *_OWNED,
    _text("description"),
    _number("workerStakeRatio"),
    _number("schedulerRewardRatio"),
    _number("timestamp"),
    *_USAGE,
    Derived("usages", "Deal", "workerpool"),
    Derived("orders", "WorkerpoolOrder", "workerpool"),
    Derived("events", "WorkerpoolEvent", "workerpool"),
    Derived("transfers", "WorkerpoolTransfer", "workerpool"),
)
_REQUEST = (
    _ref("app", "App", required=False),
    _amount("appmaxprice", required=False),
    _ref("dataset", "Dataset", required=False),
    _amount("datasetmaxprice", required=False),
    _ref("workerpool", "Workerpool", required=False),
    _amount("workerpoolmaxprice", required=False),
    _ref("requester", "Account"),
    _number("volume", required=False),
    _hex("tag", required=False),
    _ref("category", "Category", required=False),
    _number("trust", required=False),
    _ref("beneficiary", "Account", required=False),
    _ref("callback", "Account", required=False),
    _text("params", required=False),
    _hex("salt", required=False),
    _hex("sign", required=False),
    Derived("deals", "Deal", "requestorder"),
)
_DEAL = (
    _ref("app", "App"),
    _ref("appOwner", "Account"),
    _amount("appPrice"),
    _ref("dataset", "Dataset", required=False),
    _ref("datasetOwner", "Account"),
    _amount("datasetPrice"),
    _ref("workerpool", "Workerpool"),
    _ref("workerpoolOwner", "Account"),
    _amount("workerpoolPrice"),
    _number("trust"),
    _ref("category", "Category"),
    _hex("tag"),
    _ref("requester", "Account"),
    _ref("beneficiary", "Account"),
    _ref("callback", "Account"),
    _text("params"),
    _number("startTime"),
    _number("botFirst"),
    _number("botSize"),
    _number("completedTasksCount"),
    _number("claimedTasksCount"),
    _number("workerStake"),
    _number("schedulerRewardRatio"),
    _ref("sponsor", "Account"),
    _number("timestamp"),
    _ref("apporder", "AppOrder", required=False),
    _ref("datasetorder", "DatasetOrder", required=False),
    _ref("workerpoolorder", "WorkerpoolOrder", required=False),
    _ref("requestorder", "RequestOrder", required=False),
    _text("bulkCid", required=False, hidden=True),
    Derived("tasks", "Task", "deal"),
    Derived("events", "DealEvent", "deal"),
    Derived("bulk", "Bulk", "deal", single=True),
)
_TASK = (
    Column("status", Kind.TASK_STATUS),
    _ref("deal", "Deal"),
    _number("index"),
    _ref("requester", "Account"),
    _hex("consensus", required=False),
    _hex("resultDigest", required=False),
    _text("results", required=False),
    _text("resultsCallback", required=False),
    _number("contributionDeadline"),
    _number("revealDeadline", required=False),
    _number("finalDeadline"),
    _number("timestamp"),
    Derived("contributions", "Contribution", "task"),
    Derived("rewards", "Reward", "task"),
    Derived("seizes", "Seize", "task"),
    Derived("events", "TaskEvent", "task"),
    Derived("bulkSlice", "BulkSlice", "task", single=True),
)
_CONTRIBUTION = (
    Column("status", Kind.CONTRIBUTION_STATUS),
    Column("timestamp", Kind.SMALL),
    _ref("task", "Task"),
    _ref("worker", "Account"),
    _hex("hash"),
    _hex("seal"),
    _hex("challenge"),
)
_SLICE = (
    _ref("bulk", "Bulk"),
    _text("hash"),
    _ref("task", "Task", required=False),
    _number("index"),
    Linked("datasets", "Dataset", "DatasetOrder", "slice", "dataset"),
    Derived("datasetOrders", "DatasetOrder", "slice"),
)
_PROTOCOL = (
    *(
        _number(f"{subject}Count")
        for subject in ("categories", "apps", "datasets", "workerpools", "deals", "tasks")
    ),
    _number("completedTasksCount"),
    _number("claimedTasksCount"),
    _amount("tvl"),
)
_JUDGED = (*_OF_ACCOUNT, _ref("contribution", "Contribution"), _number("score"))
_POLICY = tuple(
    _number(f"{age}{ratio}")
    for ratio in ("WorkerStakeRatio", "SchedulerRewardRatio")
    for age in ("old", "new")
)

ENTITIES: Mapping[str, Entity] = MappingProxyType(
    {
        entity.name: entity
        for entity in (
            Entity("Transaction", _TRANSACTION),
            Entity("Account", _ACCOUNT),
            Entity("Transfer", (*_EVENT, *_MOVE, _amount("value"))),
            Entity(
                "Reward", (*_OF_ACCOUNT, _amount("value"), _ref("task", "Task")), "AccountEvent"
            ),
            Entity("Seize", (*_OF_ACCOUNT, _amount("value"), _ref("task", "Task")), "AccountEvent"),
            Entity("Lock", (*_OF_ACCOUNT, _amount("value")), "AccountEvent"),
            Entity("Unlock", (*_OF_ACCOUNT, _amount("value")), "AccountEvent"),
            Entity("AccurateContribution", _JUDGED, "AccountEvent"),
            Entity("FaultyContribution", _JUDGED, "AccountEvent"),
            Entity("App", _APP, "Ressource"),
            Entity("Dataset", _DATASET, "Ressource"),
            Entity("Workerpool", _WORKERPOOL, "Ressource"),
            Entity("AppTransfer", (*_EVENT, *_MOVE, _ref("app", "App")), "RessourceTransferEvent"),
            Entity(
                "DatasetTransfer",
                (*_EVENT, *_MOVE, _ref("dataset", "Dataset")),
                "RessourceTransferEvent",
            ),
            Entity(
                "WorkerpoolTransfer",
                (*_EVENT, *_MOVE, _ref("workerpool", "Workerpool")),
                "RessourceTransferEvent",
            ),
            Entity("SchedulerNotice", (*_OF_WORKERPOOL, _ref("deal", "Deal")), "WorkerpoolEvent"),
            Entity("PolicyUpdate", (*_OF_WORKERPOOL, *_POLICY), "WorkerpoolEvent"),
            Entity(
                "AppOrder",
                _order(
                    "App", "appprice", "datasetrestrict", "workerpoolrestrict", "requesterrestrict"
                ),
            ),
            Entity(
                "DatasetOrder",
                (
                    *_order(
                        "Dataset",
                        "datasetprice",
                        "apprestrict",
                        "workerpoolrestrict",
                        "requesterrestrict",
                        required=False,  # a bulk may name a dataset that does not exist
                    ),
                    _ref("slice", "BulkSlice", required=False, hidden=True),
                ),
            ),
            Entity(
                "WorkerpoolOrder",
                (
                    *_order(
                        "Workerpool",
                        "workerpoolprice",
                        "apprestrict",
                        "datasetrestrict",
                        "requesterrestrict",
                    ),
                    _ref("category", "Category", required=False),
                    _number("trust", required=False),
                ),
            ),
            Entity("RequestOrder", _REQUEST),
            Entity(
                "Category",
                (
                    _text("name"),
                    _text("description"),
                    _number("workClockTimeRef"),
                    _number("timestamp"),
                    Derived("deals", "Deal", "category"),
                ),
            ),
            Entity("Deal", _DEAL),
            Entity(
                "Bulk",
                (
                    _text("hash"),
                    Column("missing", Kind.SMALL, hidden=True),
                    Derived("slices", "BulkSlice", "bulk"),
                    _ref("deal", "Deal"),
                ),
            ),
            Entity("BulkSlice", _SLICE),
            Entity("Task", _TASK),
            Entity("Contribution", _CONTRIBUTION),
            Entity("OrdersMatched", _OF_DEAL, "DealEvent"),
            Entity("TaskInitialize", (*_OF_TASK, _ref("workerpool", "Workerpool")), "TaskEvent"),
            Entity(
                "TaskContribute", (*_OF_TASK, _ref("worker", "Account"), _hex("hash")), "TaskEvent"
            ),
            Entity("TaskConsensus", (*_OF_TASK, _hex("consensus")), "TaskEvent"),
            Entity(
                "TaskReveal", (*_OF_TASK, _ref("worker", "Account"), _hex("digest")), "TaskEvent"
            ),
            Entity("TaskReopen", _OF_TASK, "TaskEvent"),
            Entity("TaskFinalize", (*_OF_TASK, _hex("results")), "TaskEvent"),
            Entity("TaskClaimed", _OF_TASK, "TaskEvent"),
            Entity("Protocol", _PROTOCOL),
        )
    }
)
"""Types with a table, by name."""


def implementers(interface: str) -> tuple[Entity, ...]:
    """Return the entities that implement an interface."""
    return tuple(entity for entity in ENTITIES.values() if entity.interface == interface)


def entity_of(name: str) -> Entity:
    """Return an entity or interface by name."""
    return ENTITIES.get(name) or INTERFACES[name]
