"""A market found from the address of its hub."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.anvil import start_anvil
from support.client_stage import Stage

from poco.contracts import Chain, EventReader, Mode, Wallet, discover
from poco.deployment import deploy
from poco.errors import ChainError, ConfigurationError
from poco.orders import ZERO_ADDRESS


def test_discover__market_of_either_mode__is_what_the_deployment_wrote(any_stage: Stage):
    book = any_stage.market.book
    found = discover(any_stage.market.chain, book.hub, chain_id=book.chain_id)
    assert found == replace(
        book, version="", extension=None, boost=None, genesis_hash=found.genesis_hash
    )
    assert found.genesis_hash == any_stage.market.chain.genesis_hash()


@pytest.mark.parametrize(
    ("chain_id", "target", "rule"),
    [(1, "hub", "chain is"), (None, "nobody", "no contract"), (None, "token", "no hub")],
)
def test_discover__no_hub_there__is_said(stage: Stage, chain_id, target, rule):
    book = stage.market.book
    hub = {"hub": book.hub, "token": book.token, "nobody": ZERO_ADDRESS}[target]
    with pytest.raises(ConfigurationError, match=rule):
        discover(stage.market.chain, hub, chain_id=chain_id)


def test_confirmations__never_mined__end_the_wait(stage: Stage):
    chain = stage.market.chain
    head = chain.block_number()
    chain.wait_for_block(head)
    with pytest.raises(ChainError, match=f"the latest is {head}"):
        chain.wait_for_block(head + 1, timeout=0.0)


def test_discover__node_without_old_states__begins_at_the_first_block(keys):
    with start_anvil("--prune-history") as url:
        chain = Chain.connect(url)
        chain.request("anvil_mine", "0x2")
        book = deploy(Wallet(chain, keys["owner"], EventReader(())), Mode.TOKEN).book
        assert discover(chain, book.hub).deploy_block == 0


def test_discover__hub_of_a_long_chain__begins_at_its_own_block(keys):
    with start_anvil() as url:
        chain = Chain.connect(url)
        chain.request("anvil_mine", "0x3e8")
        book = deploy(Wallet(chain, keys["owner"], EventReader(())), Mode.TOKEN).book
        chain.request("anvil_mine", "0x3e8")
        found = discover(chain, book.hub).deploy_block
        assert not chain.code(book.hub, block=found - 1)
        assert chain.code(book.hub, block=found)
