"""A computation by the JavaScript library of the official client 9."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from sdk.table import Table
from support.official_client import run_program
from support.pages import blocks

from poco.local import Stack

__all__ = ["try_library", "try_page"]

_CLIENT = "library 9.0.1"
_WORKFLOW = Path(__file__).with_name("workflow.mjs")
_PAGE = "docs/sdk-users.md"
_ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 300


def try_library(stack: Stack, folder: Path, table: Table) -> None:
    """Try the steps of ``workflow.mjs``."""
    info = stack.info
    app = info.e2e["app"]
    given = {
        "rpc": info.rpc,
        "chainId": info.chainId,
        "hub": info.hub,
        "urls": {
            "smsURL": info.sms,
            "iexecGatewayURL": info.market,
            "ipfsGatewayURL": info.ipfsGateway,
            "ipfsNodeURL": info.ipfsNode,
            "compassURL": info.compass,
            "pocoSubgraphURL": info.subgraph,
        },
        "key": f"0x{bytes(stack.accounts.users[0].key).hex()}",
        "pool": info.workerpool.address,
        "app": {"type": app.type, "multiaddr": app.multiaddr, "checksum": app.checksum},
    }
    ended = run_program(_WORKFLOW, folder, given, _PATIENCE_SECONDS)
    for line in ended.stdout.splitlines():
        step = json.loads(line)
        with table.trial(_CLIENT, step["what"]):
            assert "error" not in step, step["error"]
    with table.trial(_CLIENT, "ends"):
        assert ended.returncode == 0, ended.stderr


def try_page(stack: Stack, folder: Path, table: Table) -> None:
    """Run the program of the page for users of the library, as it stands there."""
    [program] = blocks(_ROOT / _PAGE, "js")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "run.js").write_text(program)
    (folder / "node_modules").symlink_to(_ROOT / "node_modules")
    market = folder / "market.json"
    user = stack.accounts.users[0]
    document = stack.info.to_json() | {"fundingKey": f"0x{bytes(user.key).hex()}"}
    market.write_text(json.dumps(document))
    ended = subprocess.run(
        ["node", "run.js"],
        cwd=folder,
        env=os.environ | {"MARKET": str(market)},
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_SECONDS,
    )
    with table.trial(_CLIENT, _PAGE):
        assert ended.returncode == 0, ended.stderr
        assert "TASK_COMPLETED" in ended.stdout.split(), ended.stdout
