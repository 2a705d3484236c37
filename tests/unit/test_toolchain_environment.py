"""Environment hook: what a Python of the virtual environment finds set."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from poco.toolchain import environment

UNREACHABLE = "http://127.0.0.1:1"


class Node(BaseHTTPRequestHandler):
    """Answers every request with the server's body."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.body)  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def node(request: pytest.FixtureRequest) -> Iterator[str]:
    """A node that answers with the parameter."""
    with HTTPServer(("127.0.0.1", 0), Node) as server:
        server.body = request.param  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any of our variables, restored afterwards."""
    for name in ("SOLCX_BINARY_PATH", "POCO_RPC_URL", "POCO_DEVNET_CHAIN_ID"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setattr(sys, "orig_argv", ["python", "ape", "run", "deploy"])
    return monkeypatch


@pytest.mark.parametrize("node", [b'{"result":"0x1092"}'], indirect=True)
def test_node_chain_id__node_answers__is_its_number(node: str) -> None:
    assert environment.node_chain_id(node) == 4242


@pytest.mark.parametrize("node", [b"<html>", b'{"error":{}}', b"[]"], indirect=True)
def test_node_chain_id__not_a_node__is_unknown(node: str) -> None:
    assert environment.node_chain_id(node) is None


@pytest.mark.parametrize("url", [UNREACHABLE, "file:///etc/hostname", "127.0.0.1:8545"])
def test_node_chain_id__no_answer_or_no_url__is_unknown(url: str) -> None:
    assert environment.node_chain_id(url) is None


def test_apply__nothing_set__sets_the_defaults(variables: pytest.MonkeyPatch) -> None:
    environment.apply()
    assert os.environ["POCO_RPC_URL"] == environment.DEFAULT_RPC_URL
    assert os.environ["POCO_DEVNET_CHAIN_ID"] == str(environment.DEFAULT_CHAIN_ID)
    assert os.environ["SOLCX_BINARY_PATH"].startswith(sys.prefix)
    assert os.environ["PATH"] == f"{sys.prefix}/bin:/usr/bin"


def test_apply__twice__prepends_to_path_once(variables: pytest.MonkeyPatch) -> None:
    environment.apply()
    environment.apply()
    assert os.environ["PATH"].count(f"{sys.prefix}/bin") == 1


def test_apply__caller_set_them__keeps_their_values(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("POCO_RPC_URL", UNREACHABLE)
    variables.setenv("SOLCX_BINARY_PATH", "/opt/solc")
    environment.apply()
    assert os.environ["POCO_RPC_URL"] == UNREACHABLE
    assert os.environ["SOLCX_BINARY_PATH"] == "/opt/solc"


@pytest.mark.parametrize("node", [b'{"result":"0x1092"}'], indirect=True)
def test_apply__command_names_devnet__asks_the_node(
    variables: pytest.MonkeyPatch, node: str
) -> None:
    variables.setenv("POCO_RPC_URL", node)
    variables.setenv("POCO_DEVNET_CHAIN_ID", "31337")  # inherited from a parent process
    variables.setattr(sys, "orig_argv", ["python", "ape", "--network=ethereum:devnet"])
    environment.apply()
    assert os.environ["POCO_DEVNET_CHAIN_ID"] == "4242"


@pytest.mark.parametrize("node", [b'{"result":"0x1092"}'], indirect=True)
def test_apply__command_does_not_name_devnet__asks_nobody(
    variables: pytest.MonkeyPatch, node: str
) -> None:
    variables.setenv("POCO_RPC_URL", node)
    environment.apply()
    assert os.environ["POCO_DEVNET_CHAIN_ID"] == str(environment.DEFAULT_CHAIN_ID)
