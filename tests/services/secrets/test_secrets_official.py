"""The official client with our secret service."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

from secrets_stage import Keeper

from poco.orders import TDX, TEE
from poco.secret import Secret
from poco.services.secrets import RESULT_KEY_NAME, SecretName

SCRIPT = Path(__file__).with_name("official_client.mjs")


def test_official_client__pushes_and_checks_all_kinds(keeper: Keeper, anvil: str) -> None:
    stage = keeper.stage
    roles = ("app_owner", "dataset_owner", "requester", "stranger")
    given = {
        "rpc": anvil,
        "hub": stage.market.book.hub,
        "sms": keeper.url,
        "keys": {role: f"0x{stage.keys[role].key.hex().removeprefix('0x')}" for role in roles},
        "app": stage.app,
        "dataset": stage.dataset,
    }
    done = subprocess.run(
        ["node", str(SCRIPT), json.dumps(given)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    requester = stage.address("requester")
    assert json.loads(done.stdout) == {
        "app before": False,
        "app by a stranger": (
            f"Wallet {stage.address('stranger')} is not allowed to set secret for {stage.app}"
        ),
        "app": True,
        "app again": f"Secret already exists for {stage.app} and can't be updated",
        "app after": True,
        "dataset": True,
        "dataset after": True,
        "secret": {"isPushed": True},
        "secret again": f'Secret "my-password" already exists for {requester}',
        "secret after": True,
        "key": {"isPushed": True, "isUpdated": False},
        "key again": {"isPushed": True, "isUpdated": True},
        "key after": True,
        "token": {"isPushed": True, "isUpdated": False},
        "order": (TEE | TDX).to_hex(),
    }
    value = Secret("value of the official client")
    for name in (
        SecretName.app(stage.app),
        SecretName.dataset(stage.dataset),
        SecretName.requester(requester, "my-password"),
    ):
        stored = keeper.store.get(name)
        assert stored is not None
        assert stored.value == value
    key = keeper.store.get(SecretName.setting(requester, RESULT_KEY_NAME))
    assert key is not None
    pem = b"-----BEGIN PUBLIC KEY-----\nsecond\n-----END PUBLIC KEY-----"
    assert base64.b64decode(key.value.reveal()) == pem
