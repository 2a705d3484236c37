"""Defaults of the environment variables that the checkout's tools read.

``poco_environment.pth`` in the virtual environment calls `apply` at every start of its Python, so
that ``ape run deploy`` works as typed, with or without activating the environment and without
writing into the home directory. Hence this module imports the least it can.
"""

from __future__ import annotations

import os
import sys

__all__ = ["DEFAULT_CHAIN_ID", "DEFAULT_RPC_URL", "apply", "node_chain_id", "solcx_folder"]

DEFAULT_RPC_URL = "http://127.0.0.1:8545"
DEFAULT_CHAIN_ID = 31337
_NODE_TIMEOUT_SECONDS = 5.0


def solcx_folder() -> str:
    """Return the folder inside the virtual environment where py-solc-x looks for compilers."""
    return os.path.join(sys.prefix, "share", "poco", "solcx")  # noqa: PTH118 (pathlib is slow)


def node_chain_id(url: str) -> int | None:
    """Ask a node for its chain id.

    Args:
        url: JSON-RPC endpoint over HTTP.

    Returns:
        The chain id, or None if nothing that speaks JSON-RPC answers within five seconds.
    """
    import json
    from urllib.request import Request, urlopen

    body = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'
    headers = {"Content-Type": "application/json"}
    if not url.startswith(("http://", "https://")):
        return None
    try:
        request = Request(url, body, headers)  # noqa: S310 (the scheme is checked above)
        with urlopen(request, timeout=_NODE_TIMEOUT_SECONDS) as answer:  # noqa: S310
            return int(json.load(answer)["result"], 16)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def apply() -> None:
    """Fill in what the tools expect and the caller did not set.

    - ``PATH`` gets the environment's ``bin`` (anvil, forge, node), as activation would do.
    - ``SOLCX_BINARY_PATH`` points at the compiler inside the environment.
    - ``POCO_RPC_URL`` is the node behind Ape's network ``devnet``.
    - ``POCO_DEVNET_CHAIN_ID`` is that node's chain id. Ape wants it in its configuration, so a
      command that names ``ethereum:devnet`` asks the node first.
    """
    binaries = os.path.join(sys.prefix, "bin")  # noqa: PTH118
    path = os.environ.get("PATH", os.defpath)
    if binaries not in path.split(os.pathsep):
        os.environ["PATH"] = binaries + os.pathsep + path
    os.environ.setdefault("SOLCX_BINARY_PATH", solcx_folder())
    url = os.environ.setdefault("POCO_RPC_URL", DEFAULT_RPC_URL)
    os.environ.setdefault("POCO_DEVNET_CHAIN_ID", str(DEFAULT_CHAIN_ID))
    if any("ethereum:devnet" in argument for argument in sys.orig_argv):
        answer = node_chain_id(url)
        if answer is not None:
            os.environ["POCO_DEVNET_CHAIN_ID"] = str(answer)
