"""One server and one worker for each test; see `scripted_server`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_server import Server, Worker, serve


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    with serve(made) as http:
        made.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield made
        http.shutdown()
        thread.join()


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    folder = tmp_path / "downloads"
    folder.mkdir()
    return Worker(folder)
