"""The cast and the stage of the contract tests: each role an account, each contract a fixture.

`python tests/contracts` gives each file of this folder a process of its own: Ape's in-process chain
cannot be reset, and no file may depend on what another left on it. The markets of the `stage` are
there once for all files, which each go on from the same chain; registries start empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from market import Market
from stage import ROLES, the_cast, the_market, the_registries, the_token

if TYPE_CHECKING:
    from ape.api import ReceiptAPI, TestAccountAPI
    from ape.contracts import ContractContainer, ContractInstance
    from ape.managers.project import ProjectManager

CHECKSUM = bytes(range(1, 33))
_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse to run several files in one process, rather than fail in odd places."""
    files = {item.path for item in items if item.path.parent == _FOLDER}
    if len(files) > 1:
        raise pytest.UsageError("files need a process each: python tests/contracts, or one file")


@pytest.fixture(scope="session", autouse=True)
def _no_prints() -> Iterator[None]:
    """The contracts print nothing: tracing each transaction for prints doubles the suite's time."""
    from ape.api import ReceiptAPI

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReceiptAPI, "show_debug_logs", lambda receipt: None)
        yield


def _role(index: int, name: str) -> Any:
    def role(accounts: Any) -> TestAccountAPI:
        return accounts[index]

    role.__doc__ = f"The {name.replace('_', ' ')}."
    return pytest.fixture(scope="session", name=name)(role)


owner, app_owner, dataset_owner, pool_owner = (_role(i, ROLES[i]) for i in range(4))
requester, sponsor = (_role(i, ROLES[i]) for i in (4, 5))
worker_1, worker_2, worker_3, worker_4, worker_5 = (_role(i, ROLES[i]) for i in range(6, 11))
stranger = _role(11, ROLES[11])


@pytest.fixture(scope="session")
def token() -> ContractInstance:
    """The base token of the market; `owner` got the supply."""
    return the_token()


@pytest.fixture(scope="session")
def app_registry(project: ProjectManager, owner: TestAccountAPI) -> ContractInstance:
    """A registry of applications, as empty as it was deployed."""
    return owner.deploy(project.AppRegistry, owner)


@pytest.fixture(scope="session")
def dataset_registry(project: ProjectManager, owner: TestAccountAPI) -> ContractInstance:
    """A registry of datasets, as empty as it was deployed."""
    return owner.deploy(project.DatasetRegistry, owner)


@pytest.fixture(scope="session")
def workerpool_registry(project: ProjectManager, owner: TestAccountAPI) -> ContractInstance:
    """A registry of workerpools, as empty as it was deployed."""
    return owner.deploy(project.WorkerpoolRegistry, owner)


@dataclass(frozen=True)
class Kind:
    """One of the three sorts of entry, so that a rule of all registries is one test.

    Args:
        name: `App`, `Dataset` or `Workerpool`.
        registry: the registry under test.
        registry_type: to deploy another one.
        entry_type: the contract behind the entries.
        types: ABI types of the entry's fields.
        fields: the fields of an entry with this label of any length.
        overhead: bytes of an entry's packed fields besides the label, in `fields(label)`.
    """

    name: str
    registry: ContractInstance
    registry_type: ContractContainer
    entry_type: ContractContainer
    types: tuple[str, ...]
    fields: Callable[[str], tuple[Any, ...]]
    overhead: int

    def create(
        self, holder: Any, label: str, sender: Any, registry: Any = None, **options: Any
    ) -> ReceiptAPI:
        """Register an entry.

        Returns:
            the receipt.
        """
        method = getattr(registry or self.registry, f"create{self.name}")
        return method(holder, *self.fields(label), sender=sender, **options)

    def predict(self, holder: Any, label: str, registry: Any = None) -> str:
        """Ask the registry for an entry's address."""
        return str(
            getattr(registry or self.registry, f"predict{self.name}")(holder, *self.fields(label))
        )

    def entry(self, holder: Any, label: str, sender: Any, registry: Any = None) -> ContractInstance:
        """Register an entry and return its contract."""
        self.create(holder, label, sender, registry)
        return self.entry_type.at(self.predict(holder, label, registry))


@pytest.fixture(params=["App", "Dataset", "Workerpool"])
def kind(
    request: pytest.FixtureRequest,
    project: ProjectManager,
    app_registry: ContractInstance,
    dataset_registry: ContractInstance,
    workerpool_registry: ContractInstance,
) -> Kind:
    """Each sort of entry in turn."""
    name = request.param
    registries = {
        "App": app_registry,
        "Dataset": dataset_registry,
        "Workerpool": workerpool_registry,
    }
    fields: dict[str, Callable[[str], tuple[Any, ...]]] = {
        "App": lambda label: (label, "DOCKER", b"registry/image:1", CHECKSUM, b"enclave"),
        "Dataset": lambda label: (label, b"/ipfs/data", CHECKSUM),
        "Workerpool": lambda label: (label,),
    }
    return Kind(
        name=name,
        registry=registries[name],
        registry_type=getattr(project, f"{name}Registry"),
        entry_type=getattr(project, name),
        types={
            "App": ("string", "string", "bytes", "bytes32", "bytes"),
            "Dataset": ("string", "bytes", "bytes32"),
            "Workerpool": ("string",),
        }[name],
        fields=fields[name],
        # Lengths of two bytes each, the checksum and the constant fields above.
        overhead={"App": 38 + 6 + 16 + 7, "Dataset": 34 + 10, "Workerpool": 0}[name],
    )


# ---- the hub


@pytest.fixture(scope="session")
def cast() -> dict[str, TestAccountAPI]:
    """The people by role."""
    return the_cast()


@pytest.fixture(scope="session")
def registries() -> dict[str, ContractInstance]:
    """The registries of both markets by kind."""
    return the_registries()


@pytest.fixture(scope="session")
def token_market() -> Market:
    """A market in token mode where everybody but the stranger has a deposit."""
    return the_market("token")


@pytest.fixture(scope="session")
def native_market() -> Market:
    """The same in native mode."""
    return the_market("native")


@pytest.fixture(params=["token", "native"])
def each_market(
    request: pytest.FixtureRequest, token_market: Market, native_market: Market
) -> Market:
    """The market in each mode in turn, for rules that both must keep."""
    # Both are arguments: a fixture looked up by name would be undone with the first test.
    return token_market if request.param == "token" else native_market


@pytest.fixture(scope="session")
def market(token_market: Market) -> Market:
    """The market of tests that any mode could play: token mode."""
    return token_market


@pytest.fixture(scope="session")
def hub(token_market: Market) -> ContractInstance:
    """The hub in token mode, with the ABI of its three code parts."""
    return token_market.hub


@pytest.fixture(scope="session")
def native_hub(native_market: Market) -> ContractInstance:
    """The hub in native mode, with the ABI of its three code parts."""
    return native_market.hub
