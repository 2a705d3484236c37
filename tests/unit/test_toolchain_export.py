"""Exported artifacts: what they hold, and that they are reproducible."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from poco.errors import ConfigurationError
from poco.toolchain import export as exporting
from poco.toolchain.export import (
    bytecode_hashes,
    code_hash,
    export,
    immutable_offsets,
    load_artifacts,
)
from poco.toolchain.project import Checkout, write_atomically

PUSH32_ZERO = b"\x7f" + bytes(32)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A manifest of one contract with one immutable and one interface."""
    vault = {
        "sourceId": "contracts/Vault.sol",
        "abi": [{"type": "function", "name": "total"}],
        "deploymentBytecode": {"bytecode": "0x6001"},
        "runtimeBytecode": {"bytecode": "0x" + (b"\x5f" + PUSH32_ZERO + b"\x00").hex()},
    }
    face = {"sourceId": "contracts/IVault.sol", "abi": []}
    manifest = {"contractTypes": {"Vault": vault, "IVault": face}}
    checkout = Checkout(tmp_path)
    write_atomically(checkout.manifest, json.dumps(manifest))
    monkeypatch.setattr(exporting, "PUBLIC_CONTRACTS", ("Vault", "IVault"))
    return checkout


def test_immutables__zero_word_pushed__is_one() -> None:
    assert immutable_offsets(b"\x60\x01" + PUSH32_ZERO + b"\x01" + PUSH32_ZERO) == [3, 37]


def test_immutables__zero_word_inside_another_operand__is_none() -> None:
    word = b"\x7f" + PUSH32_ZERO[:32]
    assert immutable_offsets(word + bytes(32)) == []


def test_immutables__truncated_push_at_the_end__is_none() -> None:
    assert immutable_offsets(PUSH32_ZERO[:-1]) == []


def test_code_hash__immutables_filled_in__is_the_hash_of_the_compiled_code() -> None:
    compiled = b"\x5f" + PUSH32_ZERO + b"\x00"
    deployed = b"\x5f\x7f" + b"\xaa" * 32 + b"\x00"
    assert code_hash(deployed, [2]) == code_hash(compiled, [2])
    assert code_hash(compiled, [2]) == "0x" + keccak(compiled).hex()


def test_code_hash__other_code__differs() -> None:
    assert code_hash(b"\x5f" + PUSH32_ZERO + b"\x01", [2]) != code_hash(
        b"\x5f" + PUSH32_ZERO + b"\x00", [2]
    )


def test_export__contract__holds_abi_code_and_immutables(checkout: Checkout) -> None:
    assert export(checkout) == ["Vault", "IVault"]
    artifact = json.loads((checkout.artifacts / "Vault.json").read_text())
    assert artifact["abi"] == [{"type": "function", "name": "total"}]
    assert artifact["bytecode"] == "0x6001"
    assert artifact["runtime_size"] == 35
    assert artifact["immutables"] == [2]


def test_export__again__changes_no_file(checkout: Checkout) -> None:
    export(checkout)
    assert export(checkout) == []


def test_export__contract_no_longer_public__removes_its_file(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(checkout)
    monkeypatch.setattr(exporting, "PUBLIC_CONTRACTS", ("Vault",))
    export(checkout)
    assert [file.name for file in checkout.artifacts.iterdir()] == ["Vault.json"]


def test_export__public_contract_not_compiled__is_refused(checkout: Checkout) -> None:
    with pytest.raises(ConfigurationError, match="Missing"):
        load_artifacts(checkout, ("Vault", "Missing"))


def test_hashes__interface_without_code__is_left_out(checkout: Checkout) -> None:
    hashes = bytecode_hashes(load_artifacts(checkout, ("Vault", "IVault")))
    assert set(hashes) == {"Vault"}
    assert hashes["Vault"]["creation"] == "0x" + keccak(b"\x60\x01").hex()
