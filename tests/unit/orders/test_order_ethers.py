"""What is hashed and signed here is the same to `ethers`, which wallets are made with."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st
from test_order_properties import addresses, domains, orders, words

from poco.orders import (
    AnyOrder,
    Domain,
    OrderAction,
    OrderOperation,
    TaskId,
    authorization_digest,
    operation_hash,
    operation_typed_data,
    order_hash,
    order_typed_data,
    sign_authorization,
    sign_operation,
    sign_order,
)
from poco.services.orderbook.challenges import challenge_digest, challenge_document

SCRIPT = Path(__file__).with_name("ethers_words.mjs")
SIGNER = Account.from_key(b"\x07" * 32)

Ask = Callable[[dict[str, Any]], list[str]]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """Ask for the digest of a document, and for who has signed it."""
    with subprocess.Popen(
        ["node", str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        asking, answers = node.stdin, node.stdout

        def asked(document: dict[str, Any]) -> list[str]:
            print(json.dumps(document, default=_plain), file=asking, flush=True)
            answer: list[str] = json.loads(answers.readline())
            return answer

        yield asked
        asking.close()


def _plain(value: object) -> str:
    assert isinstance(value, bytes)
    return f"0x{value.hex()}"


def exact(value: Any) -> Any:
    """Numbers as text: those of JavaScript are not exact."""
    if isinstance(value, dict):
        return {name: exact(member) for name, member in value.items()}
    return str(value) if isinstance(value, int) else value


@given(order=orders, domain=domains)
def test_order__signed__is_by_its_signer_to_ethers(
    ask: Ask, order: AnyOrder, domain: Domain
) -> None:
    document = exact(order_typed_data(order, domain))
    signature = sign_order(order, domain, SIGNER).sign
    assert ask(document | {"signature": signature}) == [
        f"0x{order_hash(order, domain).hex()}",
        SIGNER.address,
    ]


@given(order=orders, action=st.sampled_from(OrderAction), domain=domains)
def test_operation__signed__is_by_its_signer_to_ethers(
    ask: Ask, order: AnyOrder, action: OrderAction, domain: Domain
) -> None:
    operation = OrderOperation(order, action)
    document = exact(operation_typed_data(operation, domain))
    signature = sign_operation(operation, domain, SIGNER).sign
    assert ask(document | {"signature": signature}) == [
        f"0x{operation_hash(operation, domain).hex()}",
        SIGNER.address,
    ]


@given(worker=addresses, taskid=words.map(TaskId), enclave=addresses)
def test_authorization__signed__is_by_its_signer_to_ethers(
    ask: Ask, worker: Any, taskid: TaskId, enclave: Any
) -> None:
    document = {
        "kinds": ["address", "bytes32", "address"],
        "values": [worker, taskid, enclave],
        "signature": sign_authorization(SIGNER, worker, taskid, enclave),
    }
    assert ask(document) == [
        f"0x{authorization_digest(worker, taskid, enclave).hex()}",
        SIGNER.address,
    ]


@given(text=st.text(st.characters(exclude_categories=["Cs"])), chain_id=st.integers(1, 2**63))
def test_challenge_of_an_order_book__any__has_the_digest_of_ethers(
    ask: Ask, text: str, chain_id: int
) -> None:
    digest, _ = ask(exact(challenge_document(text, chain_id)) | {"signature": ""})
    assert digest == f"0x{challenge_digest(text, chain_id).hex()}"
