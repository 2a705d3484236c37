"""The sources compile without warnings."""

from __future__ import annotations

import json
import subprocess

import yaml
from solcx.install import get_executable

from poco.toolchain.project import Checkout

# "Transient storage can break composability": CodeStore clears what it sets before it returns.
_TRANSIENT_STORAGE = "2394"


def test_compile__any_source__without_warnings() -> None:
    checkout = Checkout.find()
    settings = yaml.safe_load((checkout.root / "ape-config.yaml").read_text())["solidity"]
    paths = [
        path.relative_to(checkout.root).as_posix()
        for folder in ("contracts", "interfaces")
        for path in (checkout.root / folder).rglob("*.sol")
    ]
    task = {
        "language": "Solidity",
        "sources": {path: {"content": (checkout.root / path).read_text()} for path in paths},
        "settings": {
            "remappings": settings["import_remapping"],
            "evmVersion": settings["evm_version"],
            "outputSelection": {"*": {"*": ["abi"]}},
        },
    }
    answer = subprocess.run(
        [get_executable(settings["version"]), "--standard-json", "--base-path", checkout.root],
        input=json.dumps(task),
        capture_output=True,
        check=True,
        text=True,
        cwd=checkout.root,
    )
    found = json.loads(answer.stdout).get("errors", [])

    ours = [
        error["formattedMessage"]
        for error in found
        if error["errorCode"] != _TRANSIENT_STORAGE
        and "/.cache/" not in error.get("sourceLocation", {}).get("file", "")
    ]

    assert ours == []
