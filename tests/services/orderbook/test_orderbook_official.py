"""The official client with our order book, on a chain with a block each second."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from support.anvil import start_anvil
from support.client_stage import Stage

from poco.contracts import Chain, EventReader, Market, Mode, Wallet
from poco.deployment import deploy
from poco.services.orderbook import Orderbook, orderbook_application
from poco.web import serving

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

SCRIPT = Path(__file__).with_name("official_client.mjs")
ROLES = ("app_owner", "dataset_owner", "scheduler", "requester")


def test_official_client__publishes_finds_matches_and_unpublishes(
    keys: dict[str, LocalAccount], tmp_path: Path
) -> None:
    with start_anvil() as rpc:
        chain = Chain.connect(rpc)
        wallet = Wallet(chain, keys["owner"], EventReader(()))
        stage = Stage(Market(chain, deploy(wallet, Mode.TOKEN).book), keys)
        chain.request("evm_setIntervalMining", 1)
        book = Orderbook(f"sqlite:///{tmp_path}/market.sqlite", stage.market)
        with serving(orderbook_application(book, every=0.2)) as url:
            given = {
                "rpc": rpc,
                "hub": stage.market.book.hub,
                "market": url,
                "keys": {role: f"0x{bytes(keys[role].key).hex()}" for role in ROLES},
                "app": stage.app,
                "dataset": stage.dataset,
                "pool": stage.pool,
            }
            done = subprocess.run(
                ["node", str(SCRIPT), json.dumps(given)],
                capture_output=True,
                text=True,
                check=False,
                timeout=180,
            )
        book.close()
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout)
    hashes = {name: outcomes.pop(name) for name in ("app", "dataset", "pool", "request")}
    assert all(len(hashed) == 66 for hashed in hashes.values()), hashes
    seller = keys["app_owner"].address
    assert outcomes == {
        "too early": f"API error: No tee enabled apporder published for app {stage.app}",
        "app again": "API error: order already published",
        "apps": [1, hashes["app"], 3],
        "datasets": [1, hashes["dataset"], 3],
        "pools": [1, hashes["pool"], 3],
        "requests": [1, hashes["request"], 2],
        "deal": "2",
        "deals": [1, 2, '{"iexec_result_storage_provider":"ipfs","iexec_args":"1 2"}'],
        "pool left": ["open", 1],
        "request left": ["filled", 0],
        "removed by a stranger": (f"API error: only order signer {seller} can unpublish an order"),
        "app removed": hashes["app"],
        "pool removed": [hashes["pool"]],
        "dataset removed": hashes["dataset"],
        "app gone": "API error: apporder not found",
    }
