"""Build guard: recompile what changed, and everything that depends on it.

Ape compiles a file again when the file itself changes, but not when a file it imports, a compiler
setting or a dependency does; tests then run on stale bytecode (spec toolchain §3.4). The guard
keeps the hashes of all inputs beside Ape's manifest and compiles the difference.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from poco.errors import ConfigurationError
from poco.toolchain.project import Checkout, write_atomically
from poco.toolchain.setup import copy_libraries

__all__ = [
    "Fingerprint",
    "bring_up_to_date",
    "build_lock",
    "dependents",
    "ensure_compiled",
    "imported_paths",
    "stale_sources",
]

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_IMPORT = re.compile(r"""\bimport\b[^;"']*["']([^"']+)["']""")
_SHOWN_ERROR_CHARACTERS = 8_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fingerprint:
    """Everything that decides the bytecode, and the bytecode.

    Args:
        settings: SHA-256 of compiler settings and of the pinned compiler and libraries.
        sources: SHA-256 of each Solidity source, by path relative to the checkout.
        outputs: SHA-256 of what the manifest holds of each source. It shows when somebody else
            wrote there: a compilation that was killed, or an Ape that started before the change.
    """

    settings: str
    sources: Mapping[str, str]
    outputs: Mapping[str, str]

    @classmethod
    def take(cls, checkout: Checkout) -> Fingerprint:
        """Hash the checkout as it is now."""
        import yaml

        config = yaml.safe_load((checkout.root / "ape-config.yaml").read_text())
        settings = hashlib.sha256(json.dumps(config["solidity"], sort_keys=True).encode())
        settings.update((checkout.root / "package-lock.json").read_bytes())
        sources = {
            path.relative_to(checkout.root).as_posix(): _sha256(path) for path in checkout.sources()
        }
        return cls(settings.hexdigest(), sources, _outputs(checkout.manifest))

    @classmethod
    def load(cls, file: Path) -> Fingerprint | None:
        """Read a saved fingerprint; None if there is none that can be read."""
        try:
            saved = json.loads(file.read_text())
            return cls(saved["settings"], saved["sources"], saved["outputs"])
        except (OSError, ValueError, KeyError):
            return None

    def save(self, file: Path) -> None:
        """Write the fingerprint beside Ape's manifest."""
        write_atomically(file, json.dumps(asdict(self), indent=1, sort_keys=True) + "\n")


def ensure_compiled(checkout: Checkout | None = None, *, force: bool = False) -> list[str]:
    """Bring Ape's manifest up to date with sources, settings and dependencies.

    Safe to call from several processes at once: one compiles, the others wait. When nothing
    changed it costs a fraction of a second and needs neither Ape nor the compiler.

    Args:
        checkout: the checkout; by default the one this package is installed from.
        force: compile everything even if nothing changed.

    Returns:
        The compiled sources, relative to the checkout; empty if all was up to date.

    Raises:
        ConfigurationError: a source does not compile; the message holds the compiler's.
    """
    checkout = checkout or Checkout.find()
    with build_lock(checkout):
        return bring_up_to_date(checkout, force=force)


@contextmanager
def build_lock(checkout: Checkout) -> Iterator[None]:
    """Keep other processes from compiling, and from exporting half of what one compiles."""
    checkout.build.mkdir(parents=True, exist_ok=True)
    with (checkout.build / "guard.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def bring_up_to_date(checkout: Checkout, *, force: bool = False) -> list[str]:
    """Do the work of `ensure_compiled` for a caller that holds `build_lock`."""
    record = checkout.build / "sources.json"
    before = Fingerprint.load(record) if checkout.manifest.is_file() and not force else None
    now = Fingerprint.take(checkout)
    stale = stale_sources(before, now, checkout.root)
    if stale and len(stale) == len(_compiled_sources(now)):
        log.info("compiling everything")
        checkout.manifest.unlink(missing_ok=True)
        _compile(checkout, [])
    elif stale:
        log.info("compiling %d sources: %s", len(stale), ", ".join(stale))
        _forget(checkout.manifest, stale)
        _compile(checkout, stale)
    if stale:
        replace(now, outputs=_outputs(checkout.manifest)).save(record)
    return stale


def stale_sources(before: Fingerprint | None, now: Fingerprint, root: Path) -> list[str]:
    """List the sources under contracts/ whose bytecode may differ from what was compiled.

    Args:
        before: what the manifest was compiled from; None if that is not known.
        now: what is there now.
        root: the checkout, to read imports from.

    Returns:
        Relative paths, sorted. All of them if settings changed or a source disappeared.
    """
    everything = _compiled_sources(now)
    if before is None or before.settings != now.settings or before.sources.keys() - now.sources:
        return everything
    changed = {path for path, digest in now.sources.items() if before.sources.get(path) != digest}
    imports = {path: imported_paths(root, path) for path in now.sources}
    affected = dependents(changed, imports)
    affected |= {path for path in everything if before.outputs.get(path) != now.outputs.get(path)}
    return [path for path in everything if path in affected]


def imported_paths(root: Path, source: str) -> set[str]:
    """Return the checkout's own files that a source imports directly.

    Args:
        root: the checkout.
        source: path relative to it.

    Returns:
        Relative paths; imports of npm packages are left out, the lock file stands for them.
    """
    file = root / source
    code = _COMMENT.sub(" ", file.read_text())
    found = set()
    for target in _IMPORT.findall(code):
        base = file.parent if target.startswith(".") else root
        path = Path(os.path.normpath(base / target))
        if path.is_relative_to(root) and path.is_file():
            found.add(path.relative_to(root).as_posix())
    return found


def dependents(changed: Iterable[str], imports: Mapping[str, set[str]]) -> set[str]:
    """Return the changed files and all that import them, directly or not.

    Args:
        changed: the files that differ.
        imports: for each file, the files it imports directly.
    """
    reached = set(changed)
    frontier = set(reached)
    while frontier:
        frontier = {file for file, targets in imports.items() if targets & frontier} - reached
        reached |= frontier
    return reached


def _compiled_sources(fingerprint: Fingerprint) -> list[str]:
    """Return what Ape compiles by itself: interfaces/ is compiled only as imports."""
    return sorted(path for path in fingerprint.sources if path.startswith("contracts/"))


def _compile(checkout: Checkout, sources: list[str]) -> None:
    """Run ``ape compile --force`` on the sources, or on the whole project if there are none."""
    if not (checkout.root / "contracts" / ".cache" / "openzeppelin").is_dir():
        copy_libraries(checkout)
    ape = Path(sys.executable).with_name("ape")
    command = [str(ape), "compile", "--force", *sources]
    answer = subprocess.run(command, cwd=checkout.root, capture_output=True, text=True, check=False)
    output = answer.stdout + answer.stderr
    if answer.returncode != 0 or not checkout.manifest.is_file():
        raise ConfigurationError(
            f"the contracts do not compile:\n{output.strip()[-_SHOWN_ERROR_CHARACTERS:]}"
        )
    for line in output.splitlines():
        if line.startswith("WARNING"):
            log.warning("%s", line)


def _outputs(manifest: Path) -> dict[str, str]:
    """Hash the compiled contracts of each source; empty if there is no manifest."""
    if not manifest.is_file():
        return {}
    contracts: dict[str, list[str]] = {}
    for name, kind in sorted(json.loads(manifest.read_text()).get("contractTypes", {}).items()):
        parts = [name, kind.get("abi"), kind.get("deploymentBytecode"), kind.get("runtimeBytecode")]
        contracts.setdefault(kind.get("sourceId"), []).append(json.dumps(parts, sort_keys=True))
    return {
        source: hashlib.sha256("\n".join(found).encode()).hexdigest()
        for source, found in contracts.items()
    }


def _forget(manifest: Path, sources: list[str]) -> None:
    """Take the contracts of some sources out of the manifest.

    Ape adds what it compiles, but would keep a contract that its source no longer has.
    """
    content = json.loads(manifest.read_text())
    contracts = content.get("contractTypes", {})
    kept = {name: kind for name, kind in contracts.items() if kind.get("sourceId") not in sources}
    content["contractTypes"] = kept
    for compiler in content.get("compilers", []):
        compiler["contractTypes"] = [name for name in compiler["contractTypes"] if name in kept]
    write_atomically(manifest, json.dumps(content))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
