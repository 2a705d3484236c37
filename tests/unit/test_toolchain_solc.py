"""The WebAssembly compiler behind its front, as Ape and forge call it (spec toolchain §3.1)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from poco.errors import ConfigurationError
from poco.toolchain import solc
from poco.toolchain.export import immutable_offsets
from poco.toolchain.project import Checkout

SOURCE = """
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;
contract Vault {
    uint256 immutable fee;
    address immutable owner;
    constructor(uint256 fee_) { fee = fee_; owner = msg.sender; }
    function total(uint256 amount) external view returns (uint256, address) {
        return (amount + fee, owner);
    }
    function twice() external view returns (uint256) { return fee * 2; }
}
"""


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiler in a folder of its own."""
    return solc.install(Checkout.find(), flavour="wasm", folder=tmp_path_factory.mktemp("solcx"))


def compile_input(front: Path, source: str, *outputs: str) -> str:
    """Compile as ``solcx.compile_standard`` does."""
    content = {
        "language": "Solidity",
        "sources": {"Vault.sol": {"content": source}},
        "settings": {
            "viaIR": True,
            "evmVersion": "cancun",
            "optimizer": {"enabled": True},
            "outputSelection": {"*": {"*": list(outputs)}},
        },
    }
    command = [str(front), "--standard-json", "--base-path", "."]
    answer = subprocess.run(
        command, input=json.dumps(content), capture_output=True, text=True, check=True
    )
    return answer.stdout


def test_front__version__names_version_and_commit(front: Path) -> None:
    answer = subprocess.run([front, "--version"], capture_output=True, text=True, check=True)
    assert f"Version: {solc.SOLC_VERSION}+commit.{solc.SOLC_COMMIT}" in answer.stdout


def test_front__unknown_call__fails_and_says_why(front: Path) -> None:
    answer = subprocess.run([front, "--bin", "x.sol"], capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "--standard-json" in answer.stderr


def test_front__contract_with_immutables__places_them_where_the_export_finds_them(
    front: Path,
) -> None:
    output = json.loads(compile_input(front, SOURCE, "evm.deployedBytecode"))
    code = output["contracts"]["Vault.sol"]["Vault"]["evm"]["deployedBytecode"]
    places = sorted(use["start"] for uses in code["immutableReferences"].values() for use in uses)
    assert len(places) == 3
    assert immutable_offsets(bytes.fromhex(code["object"])) == places


def test_front__faulty_source__answers_with_the_compilers_error(front: Path) -> None:
    output = json.loads(compile_input(front, "contract {", "abi"))
    assert output["errors"][0]["type"] == "ParserError"


def test_front__same_input_again__answers_from_its_cache(front: Path) -> None:
    source = "pragma solidity 0.8.30; contract Ünïcode {}".replace("Ünïcode", "C /* Ünïcode */")
    first = compile_input(front, source, "abi")
    kept = [file for file in (front.parent / "cache").iterdir() if file.read_text() == first]
    assert len(kept) == 1
    kept[0].write_text("kept")
    assert compile_input(front, source, "abi") == "kept"


def test_install__already_there__leaves_it_alone(front: Path) -> None:
    before = front.stat()
    assert solc.install(Checkout.find(), flavour="wasm", folder=front.parent) == front
    assert front.stat().st_mtime_ns == before.st_mtime_ns


def test_install__damaged__is_replaced(tmp_path: Path) -> None:
    damaged = tmp_path / f"solc-v{solc.SOLC_VERSION}"
    damaged.write_text("#!/bin/sh\nexit 1\n")
    damaged.chmod(0o755)
    solc.install(Checkout.find(), flavour="wasm", folder=tmp_path)
    answer = subprocess.run([damaged, "--version"], capture_output=True, text=True, check=True)
    assert solc.SOLC_COMMIT in answer.stdout


def test_install__without_npm_package__names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="make setup"):
        solc.install(Checkout(tmp_path), flavour="wasm", folder=tmp_path)


def test_install__unknown_flavour__is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="POCO_SOLC = 'gcc'"):
        solc.install(Checkout.find(), flavour="gcc", folder=tmp_path)
