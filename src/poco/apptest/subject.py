"""Find the app to try: a WASM module, a folder, or an image."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

from poco.errors import ConfigurationError, UserInputError
from poco.runtimes import DockerRuntime, Runtime, WasmRuntime
from poco.worker.execution import AppReference

__all__ = ["locate_app", "no_app"]

_IMAGE = re.compile(r"[a-z0-9][\w.:/@-]*", re.ASCII)


def locate_app(target: str) -> tuple[AppReference, Runtime]:
    """Return an app and what runs it.

    Args:
        target: a file that ends with ``.wasm``; a folder with a Makefile whose target ``image``
            makes an image, or else with a ``Dockerfile``; else the reference of an image.

    Raises:
        UserInputError: when the path is none of these, or the image cannot be built.
        ConfigurationError: when an image is to run and no engine answers.
        ExecutionError: when the image is not on this host and cannot be had.
    """
    path = Path(target)
    if path.suffix == ".wasm":
        return _module(path.resolve()), WasmRuntime(allow_files=True)
    if path.is_file():
        raise no_app(target, "a file must be a .wasm module")
    is_folder = path.is_dir()
    if not (is_folder or _may_be_an_image(target)):
        raise no_app(target, "there is no such file or folder")
    runtime = DockerRuntime()
    if not runtime.answers():
        raise ConfigurationError(
            "no container engine answers",
            field="app.type",
            value="DOCKER",
            remedy="start one, or point DOCKER_HOST at one, or try a .wasm module",
        )
    image = _build(path) if is_folder else target
    checksum = bytes.fromhex(runtime.fetch(image, bytes(32)).removeprefix("sha256:"))
    return AppReference(image, checksum, "DOCKER"), runtime


def _module(path: Path) -> AppReference:
    try:
        checksum = hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:
        raise UserInputError(
            "must be a readable WASM module",
            field="app",
            value=str(path),
            remedy=error.strerror or "check the path",
        ) from error
    return AppReference(str(path), checksum, "WASM")


def _build(folder: Path) -> str:
    name = re.sub("[^a-z0-9]+", "-", folder.resolve().name.lower())[:100].strip("-")
    image = f"poco-app-test-{name or 'app'}:latest"
    if (folder / "Makefile").exists():
        command = ["make", "--silent", "-C", str(folder), "image", f"IMAGE={image}"]
    elif (folder / "Dockerfile").exists():
        command = ["docker", "build", "--quiet", "--tag", image, str(folder)]
    else:
        raise no_app(str(folder), "a folder must have a Makefile or Dockerfile")
    try:
        built = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        raise ConfigurationError(
            f"an image is built with the command {command[0]}: {error.strerror}",
            field="app",
            value=str(folder),
            remedy="install it, or build the image elsewhere and name it",
        ) from error
    if built.returncode:
        raise UserInputError(
            f"the image must build: {(built.stderr.strip() or 'no reason told').splitlines()[-1]}",
            field="app",
            value=str(folder),
            remedy=f"run {' '.join(command)}",
        )
    return image


def _may_be_an_image(target: str) -> bool:
    """Return whether a name is no path: it does not begin with a folder that is here."""
    first, *others = Path(target).parts or ("",)
    return bool(_IMAGE.fullmatch(target)) and not (others and Path(first).is_dir())


def no_app(target: str, rule: str) -> UserInputError:
    """Return what is said of something that is no app.

    Args:
        target: what was named.
        rule: what it lacks.
    """
    return UserInputError(
        rule,
        field="app",
        value=target,
        remedy="name a .wasm module, a folder with a Makefile or Dockerfile, or an image",
    )
