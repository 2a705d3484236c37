"""A node that fails as a test says: a JSON-RPC proxy in front of a real one.

::

    with faulty_rpc(anvil_url) as node:
        chain = Chain.connect(node.url)
        node.down = True            # connections are closed without an answer
        node.lag = 3                # the node is three blocks behind, and consistently so
        node.delay = 0.5            # seconds before each answer
        node.busy = 2               # the next two requests are answered with 429
        node.lose_answers = 1       # the next request is carried out, its answer is lost
        node.drop_sends({2})        # the second transaction from now on is taken and forgotten
        node.doubles = True         # each transaction reaches the node twice
        node.sent                   # raw transactions that were given to it, in order
        node.heal()                 # all is well again

Switches may be set at any time, from any thread.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
from eth_hash.auto import keccak

_LATEST = ("latest", "pending", "safe", "finalized")
# Where a request says which block it is about.
_BLOCK_POSITION = {
    "eth_call": 1,
    "eth_estimateGas": 1,
    "eth_getBalance": 1,
    "eth_getBlockByNumber": 0,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
}


class FaultyNode:
    """The switches of a proxy; see the module.

    Args:
        upstream: URL of the real node.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._sessions = threading.local()
        self._lock = threading.Lock()
        self._dropped: frozenset[int] = frozenset()
        self._send_count = 0
        self.url = ""
        self.sent: list[str] = []
        self.methods: list[str] = []
        self.heal()

    def heal(self) -> None:
        """End all faults."""
        self.down = False
        self.lag = 0
        self.delay = 0.0
        self.busy = 0
        self.lose_answers = 0
        self.doubles = False
        self.drop_sends(())

    def drop_sends(self, numbers: Iterable[int]) -> None:
        """Take certain transactions, counted from 1 and from now on, and forget them."""
        with self._lock:
            self._dropped = frozenset(numbers)
            self._send_count = 0

    def answer(self, body: Any) -> tuple[int, Any]:
        """Return status and body for a request; status 0 closes the connection without one."""
        if self.delay:
            time.sleep(self.delay)
        if self.down:
            return 0, None
        if self._spend("busy"):
            return 429, {"error": "too many requests"}
        loses = self._spend("lose_answers")
        answers = [self._one(one) for one in (body if isinstance(body, list) else [body])]
        if loses:
            return 0, None
        return 200, answers if isinstance(body, list) else answers[0]

    def _spend(self, switch: str) -> bool:
        with self._lock:
            left: int = getattr(self, switch)
            if left:
                setattr(self, switch, left - 1)
            return left > 0

    def _one(self, request: Any) -> Any:
        method, params = request["method"], list(request.get("params", []))
        self.methods.append(method)
        if method == "eth_sendRawTransaction":
            with self._lock:
                self.sent.append(params[0])
                self._send_count += 1
                dropped = self._send_count in self._dropped
            if dropped:
                return _result(request, f"0x{keccak(bytes.fromhex(params[0][2:])).hex()}")
            if self.doubles:
                self._forward(request)
        return self._behind(request, method, params) if self.lag else self._forward(request)

    def _behind(self, request: Any, method: str, params: list[Any]) -> Any:
        """Answer as a node would that has not seen the last blocks."""
        head = max(0, int(self._ask("eth_blockNumber"), 16) - self.lag)
        if method == "eth_blockNumber":
            return _result(request, hex(head))
        if method == "eth_getLogs":
            last = params[0].get("toBlock", "latest")
            params[0] = params[0] | {"toBlock": hex(head if last in _LATEST else int(last, 16))}
            if int(params[0]["toBlock"], 16) > head:
                return _error(request, "header not found")
        position = _BLOCK_POSITION.get(method)
        if position is not None:
            block = params[position] if position < len(params) else "latest"
            if block in _LATEST:
                params[position:] = [hex(head), *params[position + 1 :]]
            elif block.startswith("0x") and int(block, 16) > head:
                return _error(request, "header not found")
        answer = self._forward(request | {"params": params})
        found = answer.get("result")
        unseen = isinstance(found, dict) and int(found.get("blockNumber") or "0x0", 16) > head
        if method in ("eth_getTransactionReceipt", "eth_getTransactionByHash") and unseen:
            return _result(request, None)
        return answer

    def _ask(self, method: str) -> Any:
        return self._forward({"jsonrpc": "2.0", "id": 1, "method": method, "params": []})["result"]

    def _forward(self, request: Any) -> Any:
        if not hasattr(self._sessions, "session"):
            self._sessions.session = requests.Session()
        return self._sessions.session.post(self._upstream, json=request, timeout=30).json()


@contextmanager
def faulty_rpc(upstream: str) -> Iterator[FaultyNode]:
    """Put a proxy in front of a node; yield its switches, `FaultyNode.url` is where it listens."""
    node = FaultyNode(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = node.answer(body)
            if not status:
                self.close_connection = True
                return
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    node.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _result(request: Any, result: Any) -> Any:
    return {"jsonrpc": "2.0", "id": request["id"], "result": result}


def _error(request: Any, message: str) -> Any:
    return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000, "message": message}}
