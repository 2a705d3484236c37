"""The deployment library: deterministic, resumable, and never on top of another market."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account as Key
from support.anvil import account, start_anvil

from poco.contracts import Category, Chain, EventReader, Hub, Mode, Wallet, artifact
from poco.deployment import (
    FACTORY,
    FACTORY_CODE,
    STANDARD_CATEGORIES,
    Deployment,
    Plan,
    Step,
    deploy,
    load_categories,
    predict_address,
)
from poco.deployment.verification_file import verification_path, write_verification
from poco.errors import ChainError, ConfigurationError, UserInputError

OWNER, STRANGER = account(0), account(1)


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    from poco.toolchain.export import ensure_built

    ensure_built()
    with start_anvil() as url:
        yield Chain.connect(url)


@pytest.fixture(autouse=True)
def untouched(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test has a chain without a market."""
    if "chain" not in request.fixturenames:
        yield
        return
    chain: Chain = request.getfixturevalue("chain")
    snapshot = chain.request("evm_snapshot")
    yield
    chain.request("evm_revert", snapshot)


def wallet(chain: Chain, key: Any = OWNER) -> Wallet:
    return Wallet(chain, key, EventReader(()))


@pytest.mark.parametrize("mode", list(Mode))
def test_deploy__makes_the_planned_market(chain: Chain, mode: Mode) -> None:
    steps: list[Step] = []
    deployment = deploy(wallet(chain), mode, report=steps.append)
    book, plan = deployment.book, deployment.plan
    assert (book.mode, book.hub, book.owner) == (mode, plan.hub, OWNER.address)
    assert tuple(steps) == deployment.steps
    assert deployment.gas_used == sum(step.gas for step in steps) > 0
    assert (book.token is None) is (mode is Mode.NATIVE)
    hub = Hub(chain, book.hub, mode)
    assert tuple(hub.categories()) == STANDARD_CATEGORIES
    assert hub.owner() == OWNER.address
    book.require_on(chain)


def test_deploy__again__verifies_and_sends_nothing(chain: Chain) -> None:
    book = deploy(wallet(chain), Mode.TOKEN).book
    block = chain.block_number()
    again = deploy(wallet(chain, STRANGER), known=book)
    assert (again.book, again.gas_used, chain.block_number()) == (book, 0, block)


def test_deploy__again_without_a_book__finds_the_same_market(chain: Chain) -> None:
    book = deploy(wallet(chain)).book
    again = deploy(wallet(chain))
    assert (again.book, again.gas_used) == (book, 0)


def test_deploy__deploy_block__is_that_of_the_hub(chain: Chain) -> None:
    book = deploy(wallet(chain)).book
    assert chain.code(book.hub, block=book.deploy_block)
    assert not chain.code(book.hub, block=book.deploy_block - 1)


class Interrupted(Wallet):
    """A wallet that loses its connection after some transactions."""

    left = 0

    def execute(self, call: Any) -> Any:
        if self.left == 0:
            raise ChainError("the node does not answer")
        self.left -= 1
        return super().execute(call)


@pytest.mark.parametrize("after", [0, 1, 4, 7, 9, 12])
def test_deploy__interrupted__goes_on_where_it_stopped(chain: Chain, after: int) -> None:
    failing = Interrupted(chain, OWNER, EventReader(()))
    failing.left = after
    with pytest.raises(ChainError):
        deploy(failing)
    deployment = deploy(wallet(chain))
    assert len([step for step in deployment.steps if step.gas]) <= 15 - after
    assert tuple(Hub(chain, deployment.book.hub, Mode.TOKEN).categories()) == STANDARD_CATEGORIES


def test_deploy__same_account_on_another_chain__has_the_same_addresses(chain: Chain) -> None:
    book = deploy(wallet(chain)).book
    with start_anvil("--chain-id", "4242", "--disable-default-create2-deployer") as url:
        other = Chain.connect(url)
        assert not other.code(FACTORY)
        twin = deploy(wallet(other)).book
        assert other.code(FACTORY) == FACTORY_CODE
    assert (twin.chain_id, twin.hub, twin.token) == (4242, book.hub, book.token)


def test_deploy__existing_token__is_used(chain: Chain) -> None:
    token = deploy(wallet(chain)).book.token
    deployment = deploy(wallet(chain, STRANGER), Mode.TOKEN, token=token)
    assert deployment.book.token == token
    assert "RLC" not in [step.name for step in deployment.steps]


def test_deploy__token_without_code__is_refused_before_anything(chain: Chain) -> None:
    block = chain.block_number()
    with pytest.raises(UserInputError, match="no contract at the token"):
        deploy(wallet(chain), Mode.TOKEN, token=STRANGER.address)
    assert chain.block_number() == block


def test_deploy__token_that_is_none__is_refused(chain: Chain) -> None:
    with pytest.raises(UserInputError, match="ERC-20"):
        deploy(wallet(chain), Mode.TOKEN, token=FACTORY)


def test_deploy__token_with_18_decimals__names_both(chain: Chain) -> None:
    token = "0x00000000000000000000000000000000000a11ce"
    chain.request("anvil_setCode", token, "0x601260005260206000f3")  # answers 18 to everything
    with pytest.raises(UserInputError, match="9 decimals, not 18"):
        deploy(wallet(chain), Mode.TOKEN, token=_checksum(token))


def _checksum(address: str) -> Any:
    from poco.orders import checked_address

    return checked_address("token", address)


def test_deploy__native_with_token__is_refused(chain: Chain) -> None:
    with pytest.raises(UserInputError, match="native"):
        deploy(wallet(chain), Mode.NATIVE, token=FACTORY)


def test_deploy__other_mode_than_the_market__is_refused(chain: Chain) -> None:
    book = deploy(wallet(chain), Mode.TOKEN).book
    with pytest.raises(ConfigurationError, match="token mode already"):
        deploy(wallet(chain), Mode.NATIVE, known=book)


def test_deploy__other_token_than_the_market__is_refused(chain: Chain) -> None:
    book = deploy(wallet(chain), Mode.TOKEN).book
    with pytest.raises(ConfigurationError, match="has the token"):
        deploy(wallet(chain), token=FACTORY, known=book)


def test_deploy__no_mode__is_that_of_the_market(chain: Chain) -> None:
    book = deploy(wallet(chain), Mode.NATIVE).book
    assert deploy(wallet(chain), known=book).book.mode is Mode.NATIVE


def test_deploy__market_of_other_code__is_refused(chain: Chain) -> None:
    book = deploy(wallet(chain)).book
    with pytest.raises(ConfigurationError, match="other code"):
        deploy(wallet(chain), known=replace(book, hub=book.app_registry))


def test_deploy__code_was_replaced__is_refused(chain: Chain) -> None:
    book = deploy(wallet(chain)).book
    code = bytearray(chain.code(book.hub))
    code[100] ^= 1
    chain.request("anvil_setCode", book.hub, f"0x{code.hex()}")
    with pytest.raises(ConfigurationError, match="not the compiled one"):
        deploy(wallet(chain), known=book)


def test_deploy__immutable_was_replaced__is_refused(chain: Chain) -> None:
    book = deploy(wallet(chain)).book
    code = bytearray(chain.code(book.hub))
    offset = artifact("PocoHub").immutables[0]
    code[offset + 31] ^= 1
    chain.request("anvil_setCode", book.hub, f"0x{code.hex()}")
    with pytest.raises(ConfigurationError, match="other arguments"):
        deploy(wallet(chain), known=book)


def test_deploy__chain_started_anew__deploys_anew(chain: Chain) -> None:
    book = replace(deploy(wallet(chain), Mode.NATIVE).book, genesis_hash="0x00")
    anew = deploy(wallet(chain), known=book)
    assert anew.book.mode is Mode.TOKEN
    assert anew.gas_used > 0


def test_deploy__book_of_another_chain__is_refused(chain: Chain) -> None:
    book = replace(deploy(wallet(chain)).book, chain_id=1)
    with pytest.raises(ConfigurationError, match="chain 1,"):
        deploy(wallet(chain), known=book)


def test_deploy__no_funds__names_need_and_balance(chain: Chain) -> None:
    poor = Key.create()
    block = chain.block_number()
    with pytest.raises(ChainError, match=f"{poor.address}.*costs about"):
        deploy(wallet(chain, poor))
    assert chain.block_number() == block


def test_deploy__gas_estimate__covers_what_the_contracts_cost(chain: Chain) -> None:
    deployment: Deployment = deploy(wallet(chain))
    used = {step.name: step.gas for step in deployment.steps}
    for planned in deployment.plan.contracts:
        assert 0.6 < used[planned.name] / planned.gas_estimate <= 1


def test_deploy__own_categories__are_created(chain: Chain) -> None:
    wanted = [Category("quick", "text", 60), Category("slow", "text", 600)]
    book = deploy(wallet(chain), categories=wanted).book
    assert Hub(chain, book.hub, book.mode).categories() == wanted
    assert deploy(wallet(chain), known=book).gas_used == 0


def test_deploy__more_categories_later__are_added(chain: Chain) -> None:
    wanted = [*STANDARD_CATEGORIES, Category("XXL", "a day", 86_400)]
    book = deploy(wallet(chain)).book
    added = deploy(wallet(chain), categories=wanted, known=book)
    assert [step.name for step in added.steps if step.gas] == ["category 5 XXL"]


def test_deploy__other_categories_than_the_market__are_refused(chain: Chain) -> None:
    book = deploy(wallet(chain)).book
    with pytest.raises(ConfigurationError, match=r"categories\[0\]"):
        deploy(wallet(chain), categories=[Category("XS", "", 301)], known=book)


def test_deploy__another_contract_at_the_factory__is_refused(chain: Chain) -> None:
    chain.request("anvil_setCode", FACTORY, "0x00")
    with pytest.raises(ChainError, match="CREATE2 factory"):
        deploy(wallet(chain))


def test_predict_address__is_eip_1014() -> None:
    # keccak256(0xff, factory, salt, keccak256(init code)), computed with another implementation.
    from eth_utils.address import to_checksum_address
    from web3 import Web3

    packed = Web3.solidity_keccak(
        ["bytes1", "address", "bytes32", "bytes32"],
        [b"\xff", FACTORY, b"\x07" * 32, Web3.keccak(b"code")],
    )
    assert predict_address(b"code", b"\x07" * 32) == to_checksum_address(packed[-20:])


def test_plan__owner_and_token_make_the_addresses(chain: Chain) -> None:
    plans = [
        Plan(Mode.TOKEN, OWNER.address, None),
        Plan(Mode.TOKEN, STRANGER.address, None),
        Plan(Mode.TOKEN, OWNER.address, FACTORY),
        Plan(Mode.NATIVE, OWNER.address, None),
    ]
    assert len({plan.hub for plan in plans}) == 4


def test_verification_file__lists_source_and_arguments(chain: Chain, tmp_path: Path) -> None:
    plan = Plan(Mode.NATIVE, OWNER.address, None)
    path = verification_path(tmp_path / "5.json")
    write_verification(path, plan, {"compiler": "solc"})
    document = json.loads(path.read_text())
    assert path.name == "5.verification.json"
    assert set(document["contracts"]) == {planned.name for planned in plan.contracts}
    hub = document["contracts"]["PocoHubNative"]
    assert hub["source"] == "contracts/PocoHubNative.sol"
    assert plan.extension[2:].lower() in hub["constructorArguments"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("{}", "JSON list"),
        ("[]", "at least one"),
        ('[{"name": "a"}]', r"categories\[0\]"),
        ('[{"name": "a", "workClockTimeRef": 1, "x": 1}]', r"categories\[0\]"),
        ('[{"name": "", "workClockTimeRef": 1}]', "not empty"),
        ('[{"name": "a", "workClockTimeRef": 0}]', "workClockTimeRef"),
        ('[{"name": "a", "workClockTimeRef": 268435456}]', "268435455"),
        ('[{"name": "a", "workClockTimeRef": true}]', "whole number"),
    ],
)
def test_load_categories__malformed__names_the_place(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "categories.json"
    path.write_text(text)
    with pytest.raises(UserInputError, match=message):
        load_categories(path)


def test_load_categories__reads_name_description_and_clock(tmp_path: Path) -> None:
    path = tmp_path / "categories.json"
    path.write_text('[{"name": "a", "workClockTimeRef": 5, "description": "d"}]')
    assert load_categories(path) == (Category("a", "d", 5),)
