"""Build guard: what is compiled again after which change (spec toolchain §3.4)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from poco.errors import ConfigurationError
from poco.toolchain import guard
from poco.toolchain.guard import (
    Fingerprint,
    dependents,
    ensure_compiled,
    imported_paths,
    stale_sources,
)
from poco.toolchain.project import Checkout, write_atomically

CONFIG = "solidity:\n  version: 0.8.30\n  optimization_runs: {runs}\nfoundry:\n  host: {host}\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Two contracts, one of which reaches an interface through a library."""
    files = {
        "ape-config.yaml": CONFIG.format(runs=1, host="auto"),
        "package-lock.json": "{}",
        "interfaces/IFee.sol": "uint256 constant FEE = 1;",
        "contracts/lib/Fees.sol": 'import {FEE} from "../../interfaces/IFee.sol";',
        "contracts/Hub.sol": 'import {\n  Fees\n} from "./lib/Fees.sol";',
        "contracts/Token.sol": "import '@openzeppelin/contracts/token/ERC20/ERC20.sol';",
    }
    for name, content in files.items():
        write_atomically(tmp_path / name, content)
    return Checkout(tmp_path)


@pytest.fixture
def compiled(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Stand in for the compiler: each source becomes one contract named after its file."""
    calls: list[list[str]] = []

    def compile_sources(checkout: Checkout, sources: list[str]) -> None:
        calls.append(sources)
        manifest = checkout.manifest
        content = json.loads(manifest.read_text()) if manifest.is_file() else {"contractTypes": {}}
        for path in checkout.sources():
            source = path.relative_to(checkout.root).as_posix()
            if "broken" in path.read_text():
                raise ConfigurationError("the contracts do not compile")
            if source.startswith("contracts/") and source in (sources or [source]):
                name = path.read_text().partition("// contract ")[2] or path.stem
                kind = {"sourceId": source, "deploymentBytecode": {"bytecode": "0x01"}}
                content["contractTypes"][name] = kind
        write_atomically(manifest, json.dumps(content))

    monkeypatch.setattr(guard, "_compile", compile_sources)
    return calls


def contracts(checkout: Checkout) -> set[str]:
    return set(json.loads(checkout.manifest.read_text())["contractTypes"])


def test_imports__relative_and_multiline__are_resolved(checkout: Checkout) -> None:
    assert imported_paths(checkout.root, "contracts/Hub.sol") == {"contracts/lib/Fees.sol"}


def test_imports__of_npm_packages__are_left_to_the_lock_file(checkout: Checkout) -> None:
    assert imported_paths(checkout.root, "contracts/Token.sol") == set()


def test_imports__in_comments__do_not_count(checkout: Checkout) -> None:
    (checkout.root / "contracts/Token.sol").write_text(
        '// import "./Hub.sol";\n/* import "./lib/Fees.sol"; */'
    )
    assert imported_paths(checkout.root, "contracts/Token.sol") == set()


def test_dependents__follow_imports_backwards_through_cycles() -> None:
    imports = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}
    assert dependents({"c"}, imports) == {"a", "b", "c"}


def test_guard__nothing_known__compiles_everything(
    checkout: Checkout, compiled: list[list[str]]
) -> None:
    everything = ["contracts/Hub.sol", "contracts/Token.sol", "contracts/lib/Fees.sol"]
    assert ensure_compiled(checkout) == everything
    assert compiled == [[]]


def test_guard__nothing_changed__compiles_nothing(
    checkout: Checkout, compiled: list[list[str]]
) -> None:
    ensure_compiled(checkout)
    assert ensure_compiled(checkout) == []
    assert len(compiled) == 1


def test_guard__imported_interface_changed__compiles_all_that_reach_it(
    checkout: Checkout, compiled: list[list[str]]
) -> None:
    ensure_compiled(checkout)
    (checkout.root / "interfaces/IFee.sol").write_text("uint256 constant FEE = 2;")
    assert ensure_compiled(checkout) == ["contracts/Hub.sol", "contracts/lib/Fees.sol"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ape-config.yaml", CONFIG.format(runs=200, host="auto")),
        ("package-lock.json", '{"lockfileVersion": 3}'),
    ],
)
def test_guard__settings_or_libraries_changed__compiles_everything(
    checkout: Checkout, compiled: list[list[str]], name: str, content: str
) -> None:
    ensure_compiled(checkout)
    (checkout.root / name).write_text(content)
    assert len(ensure_compiled(checkout)) == 3


def test_guard__other_settings_changed__compiles_nothing(
    checkout: Checkout, compiled: list[list[str]]
) -> None:
    ensure_compiled(checkout)
    (checkout.root / "ape-config.yaml").write_text(CONFIG.format(runs=1, host="other"))
    assert ensure_compiled(checkout) == []


def test_guard__source_removed__compiles_everything(
    checkout: Checkout, compiled: list[list[str]]
) -> None:
    ensure_compiled(checkout)
    (checkout.root / "contracts/Token.sol").unlink()
    assert ensure_compiled(checkout) == ["contracts/Hub.sol", "contracts/lib/Fees.sol"]
    assert contracts(checkout) == {"Hub", "Fees"}


def test_guard__contract_renamed_in_its_file__forgets_the_old_name(
    checkout: Checkout, compiled: list[list[str]]
) -> None:
    ensure_compiled(checkout)
    (checkout.root / "contracts/Token.sol").write_text("// contract Coin")
    ensure_compiled(checkout)
    assert contracts(checkout) == {"Hub", "Fees", "Coin"}


def test_guard__compiler_fails__tries_again_until_it_succeeds(
    checkout: Checkout, compiled: list[list[str]]
) -> None:
    ensure_compiled(checkout)
    token = checkout.root / "contracts/Token.sol"
    token.write_text("broken")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="do not compile"):
            ensure_compiled(checkout)
    token.write_text("mended")
    assert ensure_compiled(checkout) == ["contracts/Token.sol"]


def test_guard__failed_change_taken_back__compiles_the_source_again(
    checkout: Checkout, compiled: list[list[str]]
) -> None:
    ensure_compiled(checkout)
    interface = checkout.root / "interfaces/IFee.sol"
    before = interface.read_text()
    interface.write_text("broken")
    with pytest.raises(ConfigurationError, match="do not compile"):
        ensure_compiled(checkout)
    interface.write_text(before)
    assert ensure_compiled(checkout) == ["contracts/Hub.sol", "contracts/lib/Fees.sol"]
    assert contracts(checkout) == {"Hub", "Fees", "Token"}


def test_guard__manifest_altered_by_another_process__compiles_what_it_altered(
    checkout: Checkout, compiled: list[list[str]]
) -> None:
    ensure_compiled(checkout)
    manifest = json.loads(checkout.manifest.read_text())
    manifest["contractTypes"]["Token"]["deploymentBytecode"] = {"bytecode": "0x00"}
    del manifest["contractTypes"]["Hub"]
    checkout.manifest.write_text(json.dumps(manifest))
    assert ensure_compiled(checkout) == ["contracts/Hub.sol", "contracts/Token.sol"]
    assert contracts(checkout) == {"Hub", "Fees", "Token"}


def test_guard__manifest_deleted__compiles_everything(
    checkout: Checkout, compiled: list[list[str]]
) -> None:
    ensure_compiled(checkout)
    checkout.manifest.unlink()
    assert len(ensure_compiled(checkout)) == 3


def test_fingerprint__unreadable__counts_as_unknown(checkout: Checkout, tmp_path: Path) -> None:
    saved = tmp_path / "sources.json"
    saved.write_text('{"settings": "x"')
    assert Fingerprint.load(saved) is None


def test_fingerprint__saved_and_loaded__is_equal(checkout: Checkout, tmp_path: Path) -> None:
    taken = Fingerprint.take(checkout)
    taken.save(tmp_path / "sources.json")
    loaded = Fingerprint.load(tmp_path / "sources.json")
    assert loaded == taken
    assert stale_sources(loaded, taken, checkout.root) == []
