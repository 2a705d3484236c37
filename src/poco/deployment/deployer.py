"""Deploy a market step by step; a step that the chain has already is verified instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from eth_typing import ChecksumAddress

from poco import __version__
from poco.contracts import AddressBook, Category, Chain, Contract, Hub, Mode, Wallet, interface
from poco.contracts.chain import to_int
from poco.contracts.discovery import first_block
from poco.contracts.wallet import gas_price
from poco.deployment.categories import STANDARD_CATEGORIES
from poco.deployment.factory import FACTORY, creation, ensure_factory
from poco.deployment.plan import Plan, PlannedContract
from poco.deployment.verification import verify_code, verify_hub, verify_registry
from poco.errors import ChainError, ConfigurationError, ContractError, UserInputError

__all__ = ["Deployment", "Step", "deploy"]

_TOKEN_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Step:
    """What was done about one part of the market.

    Args:
        name: the contract, or what was set.
        address: where it is.
        gas: gas used; 0 when it was there already and was verified.
    """

    name: str
    address: ChecksumAddress
    gas: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """A market that is there and verified.

    Args:
        book: its addresses.
        plan: its contracts with their constructor arguments.
        steps: what was done, in order.
    """

    book: AddressBook
    plan: Plan
    steps: tuple[Step, ...]

    @property
    def gas_used(self) -> int:
        """Gas of all steps; 0 when the market was complete."""
        return sum(step.gas for step in self.steps)


def deploy(
    wallet: Wallet,
    mode: Mode | None = None,
    *,
    token: ChecksumAddress | None = None,
    categories: Sequence[Category] | None = None,
    known: AddressBook | None = None,
    report: Callable[[Step], None] = lambda _: None,
) -> Deployment:
    """Deploy a market, or verify the one that is there.

    Args:
        wallet: who pays, and owns the market if it is new.
        mode: token or native; None is that of the market that is there, token for a new one.
        token: the base token in token mode; None deploys one, held by the owner.
        categories: the categories to begin with; the standard ones by default. An existing market
            keeps what it has: these must be the first of them.
        known: the address book of an earlier deployment; it is ignored when its chain is gone.
        report: called after each step.

    Returns:
        The market; its gas is 0 when nothing had to be done.

    Raises:
        UserInputError: token and mode do not go together, or the token is no token.
        ConfigurationError: the market that is there is of another mode, token or version, or has
            other categories.
        ChainError: the node does not answer, or the account cannot pay.
    """
    chain = wallet.chain
    if known is not None and not _is_alive(chain, known):
        known = None
    if mode is None:
        mode = Mode.TOKEN if known is None else known.mode
    if mode is Mode.NATIVE and token is not None:
        raise UserInputError(
            "a market in native mode has no token",
            field="token",
            value=token,
            remedy="leave out --token, or choose --mode token",
        )
    if known is not None:
        _require_same(known, mode, token)
        token = known.token
    if token is not None:
        _require_token(chain, token)
    plan = Plan(mode, wallet.address if known is None else known.owner, token)
    if known is not None:
        _require_version(known, plan)
    return _Deployer(wallet, plan, report).run(categories, known)


class _Deployer:
    def __init__(self, wallet: Wallet, plan: Plan, report: Callable[[Step], None]) -> None:
        self._wallet = wallet
        self._chain = wallet.chain
        self._plan = plan
        self._report = report
        self._steps: list[Step] = []

    def run(self, categories: Sequence[Category] | None, known: AddressBook | None) -> Deployment:
        plan, chain = self._plan, self._chain
        codes = chain.batch(
            [("eth_getCode", (planned.address, "latest")) for planned in plan.contracts]
        )
        missing = [
            planned for planned, code in zip(plan.contracts, codes, strict=True) if len(code) <= 2
        ]
        if missing:
            self._require_funds(missing)
            self._done("CREATE2 factory", FACTORY, ensure_factory(self._wallet))
        for planned in plan.contracts:
            self._contract(planned, is_missing=planned in missing)
        hub = Hub(chain, plan.hub, plan.mode, self._wallet)
        verify_hub(hub, plan)
        for registry in plan.registries:
            self._registry(registry)
        if known is None or categories is not None:
            self._categories(hub, categories)
        return Deployment(self._book() if known is None else known, plan, tuple(self._steps))

    def _done(self, name: str, address: ChecksumAddress, gas: int) -> None:
        step = Step(name, address, gas)
        self._steps.append(step)
        self._report(step)

    def _contract(self, planned: PlannedContract, *, is_missing: bool) -> None:
        gas = 0
        if is_missing:
            gas = self._wallet.execute(creation(planned.name, planned.init_code)).gas_used
        verify_code(self._chain, planned.name, planned.address, planned.embedded)
        self._done(planned.name, planned.address, gas)

    def _registry(self, address: ChecksumAddress) -> None:
        """Give the registry no predecessor, for ever."""
        registry = Contract(self._chain, address, interface("AppRegistry"), self._wallet)
        gas = 0
        if not registry.read("initialized"):
            gas = registry.send(registry.call("initialize", f"0x{0:040x}")).gas_used
            self._done("registry without predecessor", address, gas)
        verify_registry(registry)

    def _categories(self, hub: Hub, categories: Sequence[Category] | None) -> None:
        wanted = STANDARD_CATEGORIES if categories is None else tuple(categories)
        present = hub.categories()
        for index, (have, want) in enumerate(zip(present, wanted, strict=False)):
            if have != want:
                raise ConfigurationError(
                    f"the market has another category at this place: {have}",
                    field=f"categories[{index}]",
                    value=want,
                    remedy="categories cannot be changed: give those of the market, or more",
                )
        for category in wanted[len(present) :]:
            receipt = hub.create_category(category.name, category.description, category.clock)
            self._done(f"category {receipt.value} {category.name}", hub.address, receipt.gas_used)

    def _require_funds(self, missing: Sequence[PlannedContract]) -> None:
        prices = gas_price(self._chain)
        block = self._chain.request("eth_getBlockByNumber", "latest", False)
        base = to_int(block.get("baseFeePerGas") or "0x0")
        price = prices.get("gasPrice", base + prices.get("maxPriorityFeePerGas", 0))
        needed = price * sum(planned.gas_estimate for planned in missing)
        balance = self._chain.balance(self._wallet.address)
        if balance < needed:
            raise ChainError(
                f"the deployment costs about {needed / 1e18:.6f} of the chain's currency, "
                f"the account has {balance / 1e18:.6f}",
                field="account",
                value=self._wallet.address,
                remedy="send it the difference, or choose another with --account",
            )

    def _book(self) -> AddressBook:
        plan, chain = self._plan, self._chain
        return AddressBook(
            chain_id=chain.chain_id,
            mode=plan.mode,
            hub=plan.hub,
            token=plan.token,
            app_registry=plan.registries[0],
            dataset_registry=plan.registries[1],
            workerpool_registry=plan.registries[2],
            owner=plan.owner,
            deploy_block=first_block(chain, plan.hub),
            version=__version__,
            genesis_hash=chain.genesis_hash(),
            extension=plan.extension,
            boost=plan.boost,
        )


def _is_alive(chain: Chain, known: AddressBook) -> bool:
    """Return whether the market of an address book is on this very chain."""
    if known.chain_id != chain.chain_id:
        raise ConfigurationError(
            f"the address book is of chain {known.chain_id}, the node of chain {chain.chain_id}",
            field="out",
            value=known.chain_id,
            remedy="name another file with --out",
        )
    same = known.genesis_hash in (None, chain.genesis_hash())
    return same and bool(chain.code(known.hub))


def _require_same(known: AddressBook, mode: Mode, token: ChecksumAddress | None) -> None:
    if known.mode is not mode:
        raise ConfigurationError(
            f"this chain has a market in {known.mode} mode already",
            field="mode",
            value=str(mode),
            remedy=f"use --mode {known.mode}, or deploy a second market with --out FILE",
        )
    if token is not None and token != known.token:
        raise ConfigurationError(
            f"the market on this chain has the token {known.token}",
            field="token",
            value=token,
            remedy="leave out --token, or deploy a second market with --out FILE",
        )


def _require_version(known: AddressBook, plan: Plan) -> None:
    planned = AddressBook(
        chain_id=known.chain_id,
        mode=plan.mode,
        hub=plan.hub,
        token=plan.token,
        app_registry=plan.registries[0],
        dataset_registry=plan.registries[1],
        workerpool_registry=plan.registries[2],
        owner=plan.owner,
        deploy_block=known.deploy_block,
        version=known.version,
        genesis_hash=known.genesis_hash,
        extension=plan.extension,
        boost=plan.boost,
    )
    known = replace(
        known, extension=known.extension or plan.extension, boost=known.boost or plan.boost
    )
    if planned != known:
        raise ConfigurationError(
            "the market on this chain was deployed from other code than that of this version",
            field="hub",
            value=known.hub,
            remedy="deploy a second market with --out FILE, or check out the version that made it",
        )


def _require_token(chain: Chain, address: ChecksumAddress) -> None:
    if not chain.code(address):
        raise UserInputError(
            "there is no contract at the token's address on this chain",
            field="token",
            value=address,
            remedy="give the address of an ERC-20, or leave out --token to deploy one",
        )
    token = Contract(chain, address, interface("RLC"))
    try:
        decimals = token.read_all([("decimals", ()), ("totalSupply", ())])[0]
    except (ContractError, ConfigurationError) as error:
        raise UserInputError(
            "the contract does not answer like an ERC-20",
            field="token",
            value=address,
            remedy="give the address of an ERC-20, or leave out --token to deploy one",
        ) from error
    if decimals != _TOKEN_DECIMALS:
        raise UserInputError(
            f"a base token counts in nRLC, so it has {_TOKEN_DECIMALS} decimals, not {decimals}",
            field="token",
            value=address,
            remedy="wrap it, or use another token",
        )
