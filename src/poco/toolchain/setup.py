"""Finish the virtual environment: environment hook, local chain, formatter, compiler.

`make setup` calls it after the locked Python and npm packages are installed. It is idempotent.
"""

from __future__ import annotations

import logging
import os
import platform
import shutil
import site
import sys
from pathlib import Path

from poco.errors import ConfigurationError
from poco.toolchain import environment, solc
from poco.toolchain.project import Checkout, write_atomically

__all__ = ["copy_libraries", "finish_environment", "install_hook", "link_foundry"]

#: Solidity packages, by their folder name in contracts/.cache (see ``import_remapping``).
_LIBRARIES = {"openzeppelin": "@openzeppelin/contracts"}
_HOOK = "import poco.toolchain.environment; poco.toolchain.environment.apply()\n"

log = logging.getLogger(__name__)


def finish_environment(checkout: Checkout) -> None:
    """Do every step; the build of the compiler follows ``POCO_SOLC`` (native, wasm or auto).

    Raises:
        ConfigurationError: not in a virtual environment, or a tool can be had from nowhere.
    """
    if sys.prefix == sys.base_prefix:
        raise ConfigurationError(
            "the tools are installed into a virtual environment, never globally",
            field="python",
            value=sys.executable,
            remedy="run `make setup`",
        )
    install_hook(Path(site.getsitepackages()[0]))
    environment.apply()
    binaries = Path(sys.prefix) / "bin"
    # The formatter is pinned, since its output depends on the version; any anvil will do.
    link_foundry(checkout, "forge", binaries)
    if _on_path("anvil", binaries) is None:
        link_foundry(checkout, "anvil", binaries)
    copy_libraries(checkout)
    solc.install(checkout, flavour=os.environ.get("POCO_SOLC", "auto"))


def install_hook(packages: Path) -> None:
    """Make every Python of the environment start with `environment.apply`.

    Args:
        packages: the environment's site-packages; files there named ``*.pth`` run in the order
            of their names, so after ``poco.pth``, which puts this package on the path.
    """
    write_atomically(packages / "poco_environment.pth", _HOOK)


def copy_libraries(checkout: Checkout) -> None:
    """Copy the sources of the Solidity packages from node_modules to where Ape imports them from.

    Raises:
        ConfigurationError: a package is not installed.
    """
    for name, package in _LIBRARIES.items():
        source = checkout.root / "node_modules" / package
        if not source.is_dir():
            raise ConfigurationError(
                "the Solidity libraries come from npm",
                field="node_modules",
                value=str(source),
                remedy="run `make setup`",
            )
        target = checkout.root / "contracts" / ".cache" / name
        shutil.rmtree(target, ignore_errors=True)
        for file in source.rglob("*.sol"):
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


def link_foundry(checkout: Checkout, name: str, binaries: Path) -> Path:
    """Link a Foundry tool of the npm lock file into the environment.

    The link goes to the native program, not to npm's JavaScript starter, so that a signal to the
    process reaches the program itself.

    Args:
        checkout: the checkout whose ``node_modules`` holds the tool.
        name: ``anvil`` or ``forge``.
        binaries: folder of the link.

    Returns:
        The link, or the tool found on PATH where npm has none for this platform.

    Raises:
        ConfigurationError: the tool is in neither place.
    """
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = checkout.root / "node_modules" / "@foundry-rs" / f"{name}-{sys.platform}-{machine}"
    program = package / "bin" / name
    link = binaries / name
    if program.is_file():
        if not link.is_symlink() or link.readlink() != program:
            link.unlink(missing_ok=True)
            link.symlink_to(program)
        return link
    elsewhere = _on_path(name, binaries)
    if elsewhere is None:
        raise ConfigurationError(
            f"npm has no {name} for this platform, and none is on PATH",
            field=name,
            value=str(program),
            remedy="install Foundry, then run `make setup` again",
        )
    log.info("%s: %s", name, elsewhere)
    return Path(elsewhere)


def _on_path(name: str, binaries: Path) -> str | None:
    """Return a program outside the environment, or None."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    outside = [folder for folder in folders if folder and Path(folder) != binaries]
    return shutil.which(name, path=os.pathsep.join(outside))
