"""Solidity compiler of the checkout: the native build, or the WebAssembly one behind a front.

py-solc-x looks for ``solc-v<version>`` in one folder. The native build is downloaded and verified
by py-solc-x; where it cannot be had, npm's ``solc`` (pinned by ``package-lock.json``) takes its
place. Both come from the same commit and emit the same bytecode (spec toolchain §3.1).
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from poco.errors import ConfigurationError
from poco.toolchain.environment import solcx_folder
from poco.toolchain.project import Checkout

__all__ = ["SOLC_COMMIT", "SOLC_VERSION", "describe", "install"]

SOLC_VERSION = "0.8.30"
SOLC_COMMIT = "73712a01"

_PROBE_SECONDS = 4.0
_DOWNLOAD_SECONDS = 180.0
_FRONT = Path(__file__).with_name("front.cjs")

log = logging.getLogger(__name__)


def install(checkout: Checkout, *, flavour: str = "auto", folder: Path | None = None) -> Path:
    """Put the compiler where py-solc-x finds it, unless a working one is there.

    Args:
        checkout: the checkout whose ``node_modules`` holds the WebAssembly build.
        flavour: ``native``, ``wasm``, or ``auto`` for the first of them that can be had.
        folder: where to put it; by default inside the virtual environment.

    Returns:
        The executable.

    Raises:
        ConfigurationError: neither build can be had, or the flavour is unknown.
    """
    if flavour not in ("auto", "native", "wasm"):
        raise ConfigurationError(
            "the compiler is native, wasm or auto", field="POCO_SOLC", value=flavour
        )
    folder = folder or Path(solcx_folder())
    target = folder / f"solc-v{SOLC_VERSION}"
    if _works(target) and flavour in ("auto", describe(target)) and not _outdated(target):
        return target
    folder.mkdir(parents=True, exist_ok=True)
    if flavour == "wasm" or not _install_native(folder, target):
        if flavour == "native":
            raise ConfigurationError(
                "the native compiler could not be downloaded",
                field="POCO_SOLC",
                value=flavour,
                remedy="use POCO_SOLC=wasm, which needs no download",
            )
        _install_wasm(checkout, target)
    log.info("solc %s: %s build", SOLC_VERSION, describe(target))
    return target


def describe(executable: Path) -> str:
    """Return ``wasm`` for the front of the WebAssembly build, ``native`` for any other file."""
    with executable.open("rb") as file:
        return "wasm" if file.read(2) == b"#!" else "native"


def _works(executable: Path) -> bool:
    """Tell whether the executable answers with the expected version and commit."""
    if not executable.is_file():
        return False
    try:
        answer = subprocess.run(
            [str(executable), "--version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return f"{SOLC_VERSION}+commit.{SOLC_COMMIT}" in answer.stdout


def _outdated(executable: Path) -> bool:
    """Tell whether the executable is a front written from an older ``front.cjs``."""
    return describe(executable) == "wasm" and _unfilled(executable.read_text()) != _unfilled(
        _FRONT.read_text()
    )


def _unfilled(front: str) -> str:
    return re.sub(r'const VERSION = "[^"]*"', "", front)


def _install_native(folder: Path, target: Path) -> bool:
    """Let py-solc-x download the native build; it sets no time limit of its own, so we do."""
    import httpx
    from solcx.install import BINARY_DOWNLOAD_BASE

    platform = {"linux": "linux", "darwin": "macosx"}.get(sys.platform)
    if platform is None:
        return False
    try:
        index = BINARY_DOWNLOAD_BASE.format(platform, "list.json")
        httpx.head(index, timeout=_PROBE_SECONDS).raise_for_status()
        target.unlink(missing_ok=True)
        code = f"import solcx; solcx.install_solc({SOLC_VERSION!r})"
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "SOLCX_BINARY_PATH": str(folder)},
            timeout=_DOWNLOAD_SECONDS,
            capture_output=True,
            check=True,
        )
    except (httpx.HTTPError, httpx.InvalidURL, OSError, subprocess.SubprocessError) as error:
        log.info("solc %s: no native build (%s)", SOLC_VERSION, type(error).__name__)
        return False
    return _works(target)


def _install_wasm(checkout: Checkout, target: Path) -> None:
    """Write the front beside a copy of the WebAssembly build, so that it outlives node_modules.

    Raises:
        ConfigurationError: Node or the package is missing, or the build is another version.
    """
    source = checkout.root / "node_modules" / "solc" / "soljson.js"
    if shutil.which("node") is None or not source.is_file():
        raise ConfigurationError(
            "the WebAssembly compiler needs Node and the npm package solc",
            field="solc",
            value=str(source),
            remedy="run `make setup`",
        )
    version = _wasm_version(source)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(source, target.with_name(f"soljson-{target.name}.js"))
    temporary.write_text(_FRONT.read_text().replace("@VERSION@", version))
    temporary.chmod(0o755)
    temporary.replace(target)
    if not _works(target):
        raise ConfigurationError(
            f"the compiler must be {SOLC_VERSION}+commit.{SOLC_COMMIT}",
            field="solc",
            value=version,
            remedy="restore package-lock.json and run `npm ci`",
        )


def _wasm_version(soljson: Path) -> str:
    """Return the version line of a WebAssembly build, as the native one prints it."""
    program = "const m=require(process.argv[1]);console.log(m.UTF8ToString(m._solidity_version()))"
    answer = subprocess.run(
        ["node", "-e", program, str(soljson)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()
