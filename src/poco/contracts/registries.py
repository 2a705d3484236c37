"""The three registries, and the entries they make (spec contracts §6).

The address of an entry follows from its fields and its owner: the same ones cannot be registered
twice, and the address is known beforehand.
"""

from __future__ import annotations

from typing import Any

from eth_typing import ChecksumAddress

from poco.contracts.chain import Chain
from poco.contracts.contract import Contract
from poco.contracts.events import EntryTransfer, Events
from poco.contracts.interface import interface
from poco.contracts.records import AppEntry, DatasetEntry, WorkerpoolEntry
from poco.contracts.wallet import Receipt, Wallet
from poco.orders import ZERO_ADDRESS, WorkerpoolPolicy, checked_address

__all__ = ["AppRegistry", "DatasetRegistry", "Registry", "WorkerpoolRegistry"]

_NO_CHECKSUM = bytes(32)


def _created(events: Events) -> ChecksumAddress:
    return events.first(EntryTransfer).entry


class Registry(Contract):
    """What the three registries share: entries are ERC-721 tokens.

    Args:
        chain: where it lives.
        address: its address.
        wallet: who sends transactions; None for reading only.
    """

    kind: str = ""
    """``App``, ``Dataset`` or ``Workerpool``."""

    def __init__(
        self, chain: Chain, address: ChecksumAddress, wallet: Wallet | None = None
    ) -> None:
        super().__init__(chain, address, interface(f"{self.kind}Registry"), wallet)
        self._entries = interface(self.kind)

    def is_registered(self, entry: ChecksumAddress) -> bool:
        """Return whether the registry made the entry."""
        return bool(self.read("isRegistered", entry))

    def owner_of(self, entry: ChecksumAddress) -> ChecksumAddress | None:
        """Return the owner of an entry; None when it is not registered."""
        owner: ChecksumAddress = self.read("registeredOwner", entry)
        return None if owner == ZERO_ADDRESS else owner

    def count(self, owner: ChecksumAddress | None = None) -> int:
        """Return how many entries there are, of all owners or of one."""
        if owner is None:
            return int(self.read("totalSupply"))
        return int(self.read("balanceOf", owner))

    def entries(self, owner: ChecksumAddress | None = None) -> tuple[ChecksumAddress, ...]:
        """Return the addresses of the entries of all owners or of one."""
        calls: list[tuple[str, tuple[Any, ...]]] = [
            ("tokenByIndex", (index,)) if owner is None else ("tokenOfOwnerByIndex", (owner, index))
            for index in range(self.count(owner))
        ]
        return tuple(checked_address("entry", f"0x{token:040x}") for token in self.read_all(calls))

    def transfer(self, entry: ChecksumAddress, target: ChecksumAddress) -> Receipt[None]:
        """Give an entry of the sender to another owner; open deals keep the old one."""
        source = ZERO_ADDRESS if self.wallet is None else self.wallet.address
        name = "safeTransferFrom(address,address,uint256)"
        return self.send(self.call(name, source, target, int(entry, 16)))

    def approve(self, entry: ChecksumAddress, operator: ChecksumAddress) -> Receipt[None]:
        """Let another account transfer one entry."""
        return self.send(self.call("approve", operator, int(entry, 16)))

    def _fields(self, entry: ChecksumAddress, *functions: str) -> list[Any]:
        contract = Contract(self.chain, entry, self._entries).at(self.block)
        return contract.read_all([(function, ()) for function in ("owner", *functions)])


class AppRegistry(Registry):
    """The registry of applications."""

    kind = "App"

    def create(
        self,
        owner: ChecksumAddress,
        name: str,
        type: str,  # noqa: A002 (the field's name)
        multiaddr: bytes,
        checksum: bytes = _NO_CHECKSUM,
        mrenclave: bytes = b"",
    ) -> Receipt[ChecksumAddress]:
        """Register an application for any owner.

        Args:
            owner: who gets it.
            name: name.
            type: runtime, ``DOCKER`` or ``WASM``.
            multiaddr: where to fetch it; UTF-8 of an image reference or path.
            checksum: digest of what is fetched, 32 bytes.
            mrenclave: enclave measurement, or empty.

        Returns:
            The receipt; its value is the address of the app.

        Raises:
            ContractError: ``Registry_EntryExists`` when it is registered already.
        """
        arguments = (owner, name, type, multiaddr, checksum, mrenclave)
        return self.send(self.call_for(_created, "createApp", *arguments))

    def predict(
        self,
        owner: ChecksumAddress,
        name: str,
        type: str,  # noqa: A002 (the field's name)
        multiaddr: bytes,
        checksum: bytes = _NO_CHECKSUM,
        mrenclave: bytes = b"",
    ) -> ChecksumAddress:
        """Return the address that `create` would give, registered or not."""
        arguments = (owner, name, type, multiaddr, checksum, mrenclave)
        address: ChecksumAddress = self.read("predictApp", *arguments)
        return address

    def view(self, app: ChecksumAddress) -> AppEntry:
        """Return the fields of an app."""
        names = ("m_appName", "m_appType", "m_appMultiaddr", "m_appChecksum", "m_appMREnclave")
        return AppEntry(app, *self._fields(app, *names))


class DatasetRegistry(Registry):
    """The registry of datasets."""

    kind = "Dataset"

    def create(
        self,
        owner: ChecksumAddress,
        name: str,
        multiaddr: bytes,
        checksum: bytes = _NO_CHECKSUM,
    ) -> Receipt[ChecksumAddress]:
        """Register a dataset for any owner.

        Args:
            owner: who gets it.
            name: name.
            multiaddr: where to fetch it.
            checksum: SHA-256 of the (possibly encrypted) file, 32 bytes.

        Returns:
            The receipt; its value is the address of the dataset.

        Raises:
            ContractError: ``Registry_EntryExists`` when it is registered already.
        """
        arguments = (owner, name, multiaddr, checksum)
        return self.send(self.call_for(_created, "createDataset", *arguments))

    def predict(
        self,
        owner: ChecksumAddress,
        name: str,
        multiaddr: bytes,
        checksum: bytes = _NO_CHECKSUM,
    ) -> ChecksumAddress:
        """Return the address that `create` would give, registered or not."""
        address: ChecksumAddress = self.read("predictDataset", owner, name, multiaddr, checksum)
        return address

    def view(self, dataset: ChecksumAddress) -> DatasetEntry:
        """Return the fields of a dataset."""
        names = ("m_datasetName", "m_datasetMultiaddr", "m_datasetChecksum")
        return DatasetEntry(dataset, *self._fields(dataset, *names))


class WorkerpoolRegistry(Registry):
    """The registry of workerpools and their policies."""

    kind = "Workerpool"

    def create(self, owner: ChecksumAddress, description: str) -> Receipt[ChecksumAddress]:
        """Register a workerpool for any owner.

        Returns:
            The receipt; its value is the address of the workerpool.

        Raises:
            ContractError: ``Registry_EntryExists`` when it is registered already.
        """
        return self.send(self.call_for(_created, "createWorkerpool", owner, description))

    def predict(self, owner: ChecksumAddress, description: str) -> ChecksumAddress:
        """Return the address that `create` would give, registered or not."""
        address: ChecksumAddress = self.read("predictWorkerpool", owner, description)
        return address

    def view(self, workerpool: ChecksumAddress) -> WorkerpoolEntry:
        """Return the fields of a workerpool."""
        names = (
            "m_workerpoolDescription",
            "m_workerStakeRatioPolicy",
            "m_schedulerRewardRatioPolicy",
        )
        return WorkerpoolEntry(workerpool, *self._fields(workerpool, *names))

    def policy(self, workerpool: ChecksumAddress) -> WorkerpoolPolicy | None:
        """Return the policies of a workerpool; None when it is not registered."""
        owner, stake_ratio, reward_ratio = self.read("registeredWorkerpool", workerpool)
        return None if owner == ZERO_ADDRESS else WorkerpoolPolicy(stake_ratio, reward_ratio)

    def change_policy(
        self, workerpool: ChecksumAddress, worker_stake_ratio: int, scheduler_reward_ratio: int
    ) -> Receipt[None]:
        """Set the policies of a workerpool for future deals; its owner only.

        Args:
            workerpool: the entry.
            worker_stake_ratio: part of the pool price that a worker stakes, percent.
            scheduler_reward_ratio: part of the pool price that the scheduler keeps, 0 to 100.
        """
        entry = Contract(self.chain, workerpool, self._entries, self.wallet)
        call = entry.call("changePolicy", worker_stake_ratio, scheduler_reward_ratio)
        return entry.send(call)
