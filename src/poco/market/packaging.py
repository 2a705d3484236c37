"""Turn an app's folder into what its registry entry names: a container image or a WASM module."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from poco.errors import ConfigurationError, UserInputError
from poco.market.assets import file_checksum
from poco.runtimes import DockerRuntime, Runtime, WasmRuntime

__all__ = ["PackagedApp", "RuntimeChoice", "package_app"]

_MODULE = "app.wasm"


class RuntimeChoice(StrEnum):
    """What an app is to run on."""

    AUTO = "auto"
    """Docker when an engine answers and the image can be built, else WASM."""
    DOCKER = "docker"
    WASM = "wasm"


@dataclass(frozen=True, slots=True)
class PackagedApp:
    """An app ready to be registered, and what runs it.

    Args:
        name: the folder's name.
        app_type: ``DOCKER`` or ``WASM``.
        multiaddr: image reference, or absolute path of the module.
        checksum: image id, or SHA-256 of the module; 32 bytes.
        runtime: runs it on this host.
        remark: why it is not what ``auto`` would rather have; empty otherwise.
    """

    name: str
    app_type: str
    multiaddr: str
    checksum: bytes
    runtime: Runtime
    remark: str = ""


def package_app(folder: Path, choice: str = RuntimeChoice.AUTO) -> PackagedApp:
    """Package the app of a folder with ``app.wasm``, and a Makefile that makes an image.

    Args:
        folder: the app's folder.
        choice: ``auto``, ``docker`` or ``wasm``.

    Raises:
        UserInputError: the choice is unknown, or there is no app in the folder.
        ConfigurationError: no engine answers, or the image cannot be built.
    """
    try:
        wanted = RuntimeChoice(choice)
    except ValueError as error:
        raise UserInputError(
            f"runtimes are {', '.join(RuntimeChoice)}",
            field="runtime",
            value=choice,
            remedy="choose one of them",
        ) from error
    if wanted is RuntimeChoice.WASM:
        return _module(folder)
    try:
        return _image(folder)
    except ConfigurationError as error:
        if wanted is RuntimeChoice.DOCKER:
            raise
        return _module(folder, remark=error.rule)


def _module(folder: Path, remark: str = "") -> PackagedApp:
    path = (folder / _MODULE).resolve()
    checksum = file_checksum(path, "app")
    return PackagedApp(
        folder.name, "WASM", str(path), checksum, WasmRuntime(allow_files=True), remark
    )


def _image(folder: Path) -> PackagedApp:
    runtime = DockerRuntime()
    if not runtime.answers():
        raise ConfigurationError(
            "no container engine answers",
            field="runtime",
            value="docker",
            remedy="start one (scripts/start-dockerd.sh), or choose --runtime wasm",
        )
    reference = f"poco-{folder.name}:latest"
    command = ["make", "--silent", "-C", str(folder), "image", f"IMAGE={reference}"]
    try:
        made = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False
        )
        output = made.stderr or made.stdout
        code = made.returncode
    except OSError as error:
        output, code = str(error), -1
    if code:
        raise ConfigurationError(
            f"the image cannot be built: {(output.strip() or 'make failed').splitlines()[-1]}",
            field="app",
            value=str(folder),
            remedy="install make and a C compiler with its static library, or --runtime wasm",
        )
    identity = runtime.fetch(reference, bytes(32))
    checksum = bytes.fromhex(identity.removeprefix("sha256:"))
    return PackagedApp(folder.name, "DOCKER", reference, checksum, runtime)
