"""Which datasets of a bulk a task may read: what the chain says of each order (contracts §3.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from eth_typing import ChecksumAddress

from poco.appio import ExecutionError
from poco.contracts import Deal, Market, Task
from poco.contracts.chain import to_bytes
from poco.contracts.interface import interface
from poco.errors import ChainError, ContractError, UserInputError
from poco.fetching import Fetcher, FetchPolicy, multiaddr_text
from poco.orders import DatasetOrder, why_not_for_bulks
from poco.services.bulk import BulkFiles
from poco.services.secrets.gate import RefusedError

__all__ = ["BulkEntry", "BulkSlices", "bulk_fetcher"]

_REASON_CHARACTERS = 200
"""Of a refusal: the contract of a dataset's owner may have written it."""
_FETCH_SECONDS = 10.0
"""For each of two files; a worker waits for thirty seconds."""


@dataclass(frozen=True, slots=True)
class BulkEntry:
    """A dataset whose owner lets a deal's bulk have it, as registered.

    Args:
        address: the dataset.
        multiaddr: where its file is.
        checksum: of the encrypted file, 32 bytes.
    """

    address: ChecksumAddress
    multiaddr: str
    checksum: bytes


def bulk_fetcher(gateways: Sequence[str]) -> Fetcher:
    """Return what fetches the files of bulks while a worker waits.

    Args:
        gateways: base URLs of IPFS gateways.

    Raises:
        ConfigurationError: one of them is none.
    """
    limits = FetchPolicy(
        gateways=tuple(gateways),
        connect_seconds=5,
        stall_seconds=_FETCH_SECONDS,
        total_seconds=_FETCH_SECONDS,
        retries=1,
    )
    return Fetcher(limits)


@dataclass(frozen=True)
class BulkSlices:
    """Finds what the tasks of bulk deals may read.

    Args:
        market: the market.
        files: reads the files of bulks.
    """

    market: Market
    files: BulkFiles

    def find(self, cid: str, task: Task, deal: Deal) -> list[BulkEntry | str]:
        """Return what stands in the slice of a task: datasets, or why the deal may not have one.

        Args:
            cid: of the bulk.
            task: its index selects the slice.
            deal: the task's.

        Raises:
            RefusedError: 500 with ``BULK_SLICE_NOT_FOUND`` when there is no such slice, 503 when
                IPFS does not yield it now.
            ChainError: the node does not answer.
        """
        try:
            slices = self.files.slices(cid)
            own = slices[task.index] if task.index < len(slices) else None
            if own is None:
                raise _missing(f"bulk {cid} must list a slice for task index {task.index}")
            orders = self.files.orders(own)
        except UserInputError as error:
            raise _missing(str(error)) from error
        except ExecutionError as error:
            raise _missing(str(error), is_final=error.permanent) from error
        judged = iter(self._judged([order for order in orders if order is not None], deal))
        return ["it must be a dataset order" if one is None else next(judged) for one in orders]

    def _judged(self, orders: Sequence[DatasetOrder], deal: Deal) -> list[BulkEntry | str]:
        refusals = self._refusals(orders, deal)
        reasons = [
            why_not_for_bulks(order) or refusal
            for order, refusal in zip(orders, refusals, strict=True)
        ]
        allowed = {
            order.dataset for order, reason in zip(orders, reasons, strict=True) if not reason
        }
        entries = self._entries(sorted(allowed))
        return [
            reason or entries[order.dataset] for order, reason in zip(orders, reasons, strict=True)
        ]

    def _refusals(self, orders: Sequence[DatasetOrder], deal: Deal) -> list[str]:
        """Return why the hub and the registry do not let the deal have each; empty if they do."""
        hub, registry = self.market.hub, self.market.datasets
        check = "assertDatasetDealCompatibility"
        calls = [
            (hub.address, hub.interface.encode_call(check, order.to_abi(), deal.dealid))
            for order in orders
        ] + [
            (registry.address, registry.interface.encode_call("isRegistered", order.dataset))
            for order in orders
        ]
        outcomes = self.market.chain.outcomes(
            [("eth_call", ({"to": to, "data": f"0x{data.hex()}"}, "latest")) for to, data in calls]
        )
        return [
            _refusal(verdict, registered)
            for verdict, registered in zip(
                outcomes[: len(orders)], outcomes[len(orders) :], strict=True
            )
        ]

    def _entries(self, datasets: Sequence[ChecksumAddress]) -> dict[ChecksumAddress, BulkEntry]:
        entry = interface("Dataset")
        names = ("m_datasetMultiaddr", "m_datasetChecksum")
        answers = iter(
            self.market.chain.calls(
                [(dataset, entry.encode_call(name)) for dataset in datasets for name in names]
            )
        )
        found = {}
        for dataset in datasets:
            multiaddr, checksum = (entry.decode_answer(name, next(answers)) for name in names)
            found[dataset] = BulkEntry(dataset, multiaddr_text(multiaddr), checksum)
        return found


def _refusal(verdict: object, registered: object) -> str:
    """Return what the answers of hub and registry say against an order; empty for nothing."""
    if isinstance(registered, ChainError):
        raise registered
    if not int.from_bytes(to_bytes(str(registered))):
        return "it must be in the registry of datasets"
    if isinstance(verdict, ContractError):
        return str(verdict.arguments.get("reason", verdict.name))[:_REASON_CHARACTERS]
    if isinstance(verdict, ChainError):
        raise verdict
    return ""


def _missing(rule: str, *, is_final: bool = True) -> RefusedError:
    status = HTTPStatus.INTERNAL_SERVER_ERROR if is_final else HTTPStatus.SERVICE_UNAVAILABLE
    return RefusedError("BULK_SLICE_NOT_FOUND", rule, status)
