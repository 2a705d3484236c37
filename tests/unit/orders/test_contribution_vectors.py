"""The vectors of spec offchain §1.15 for what goes on chain."""

from __future__ import annotations

import hashlib

from eth_account import Account

from poco import orders
from poco.orders import ZERO_ADDRESS

TASK = b"\x11" * 32
DEAL = b"\x33" * 32
WORKER = "0x" + "22" * 20
DIGEST = hashlib.sha256(b"hello\n").digest()


def test_task_id__vectors() -> None:
    assert [orders.task_id(DEAL, index).hex() for index in (0, 5)] == [
        "a2198913505ba0684e7b9125ca79002c1058535fa2266e5471bd84ae2a18dbf5",
        "b1bf5c3e57d302d22eb83e97cf4cd92a7bb503805f9e73b7c469323c62a419bb",
    ]


def test_result_hash__vector() -> None:
    assert orders.result_hash(TASK, DIGEST).hex() == (
        "bf228189bfc410c8e751024281149db787e9598417b583fffb9572fbe783a1a3"
    )


def test_result_seal__vector() -> None:
    assert orders.result_seal(WORKER, TASK, DIGEST).hex() == (
        "3f975827bab3479153e1c28bea94f46d4b25ca80d8dbcd7e71539837dd50d5fc"
    )


def test_enclave_digest__vector() -> None:
    hashed = orders.result_hash(TASK, DIGEST)
    seal = orders.result_seal(WORKER, TASK, DIGEST)
    inner = bytes.fromhex("e69b01203d82394cdb34ce38bd72a3f3d8ae95a59199504ac65ebd766d6d95f8")
    assert orders.enclave_digest(hashed, seal) == orders.personal_digest(inner)


def test_authorization_digest__vector() -> None:
    inner = bytes.fromhex("94a0ab7acff779e62a8b4d2296879b2b1a610888e1de6a2ff984aa7d67ac18c4")
    assert orders.authorization_digest(WORKER, TASK, ZERO_ADDRESS) == orders.personal_digest(inner)


def test_authorization_digest__enclave_challenge__is_bound() -> None:
    bound = orders.authorization_digest(WORKER, TASK, WORKER)
    assert bound != orders.authorization_digest(WORKER, TASK, ZERO_ADDRESS)


def test_sign_authorization__vector() -> None:
    owner = Account.from_key(b"\x01" * 32)
    assert owner.address == "0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1"
    assert orders.sign_authorization(owner, WORKER, TASK).hex() == (
        "e1281e55e95b088f96b9c8650c3888e009acf50ba6171523646b5ec573dce6e9"
        "2d9a27f89ce70e760912f98d26be124ff15f9e0f82cf5437c93c3ad0410c6835"
        "1c"
    )
