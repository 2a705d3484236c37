"""Compiled bytecode: the same from every compiler build, and small enough to deploy."""

from __future__ import annotations

import json

import pytest

from poco.toolchain.export import PUBLIC_CONTRACTS, bytecode_hashes, load_artifacts
from poco.toolchain.project import Checkout

CODE_SIZE_LIMIT = 24_576  # bytes of runtime code (EIP-170)


@pytest.mark.parametrize("name", PUBLIC_CONTRACTS)
def test_bytecode__compiled_here__is_the_recorded_one(name: str) -> None:
    checkout = Checkout.find()
    recorded = json.loads(checkout.bytecode_record.read_text())
    compiled = bytecode_hashes(load_artifacts(checkout, [name]))
    assert compiled == {name: recorded.get(name)}, "if the contracts were changed: make record"


@pytest.mark.parametrize("name", PUBLIC_CONTRACTS)
def test_bytecode__runtime_code__can_be_deployed(name: str) -> None:
    artifact = load_artifacts(Checkout.find(), [name])[name]
    assert 0 < artifact.runtime_size <= CODE_SIZE_LIMIT
