"""`poco market serve`, as a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
from support.client_stage import Stage


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_serve__with_variables__answers_until_it_is_told_to_end(
    stage: Stage, anvil: str, tmp_path: Path
) -> None:
    book, port = tmp_path / "book.json", free_port()
    stage.market.book.write(book)
    variables = {
        "POCO_RPC": anvil,
        "POCO_DEPLOYMENT": str(book),
        "POCO_DATABASE": f"sqlite:///{tmp_path}/market.sqlite",
        "POCO_PORT": str(port),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "poco", "market", "serve"],
        env=os.environ | variables,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        answer = _metrics(f"http://127.0.0.1:{port}", stage.market.book.chain_id)
    finally:
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    assert answer["ok"] is True
    assert answer["lastBlock"] >= stage.market.book.deploy_block
    assert told.startswith(f"order book on http://127.0.0.1:{port}")
    assert "Traceback" not in told


def _metrics(url: str, chain_id: int) -> dict[str, object]:
    deadline = time.monotonic() + 60
    while True:
        try:
            answer: dict[str, object] = httpx.get(
                f"{url}/metrics", params={"chainId": chain_id}
            ).json()
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return answer
