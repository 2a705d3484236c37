"""What every test shares: isolation from the developer's machine, and compiled contracts.

Unit tests need neither Ape nor contracts: ``pytest -p no:ape_test tests/unit`` starts at once.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings

# Machines differ in speed, runs must not differ in examples: POCO_EXAMPLES asks for new ones.
settings.register_profile(
    "poco",
    deadline=None,
    derandomize="POCO_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("poco")

# Ape reads it when its configuration is first used, which is after this file is loaded.
_ape_data = tempfile.mkdtemp(prefix="poco-ape-")
atexit.register(shutil.rmtree, _ape_data, ignore_errors=True)
os.environ["APE_DATA_FOLDER"] = _ape_data
# An anvil that a test starts gets a port of its own, and never is the developer's.
os.environ.setdefault("APE_FOUNDRY_HOST", "auto")

_WITH_CONTRACTS = {"contracts", "services", "e2e"}
_TESTS = Path(__file__).parent
_built = False

_LONGEST = (
    "e2e/test_faults_crash_points.py",
    "e2e/test_demo.py",
    "e2e/test_deploy.py",
    "e2e/test_up.py",
    "e2e/test_scenarios.py",
    "e2e/test_faults_chain.py",
    "e2e/test_cli_accounts.py",
    "e2e/test_tutorials.py",
    "e2e/test_library.py",
    "e2e/test_cli_orders.py",
    "e2e/test_scheduler.py",
    "services/indexer/test_indexer_follower.py",
)
"""The files that take longest, the longest first."""
_LAST = "unit"


def pytest_configure(config: pytest.Config) -> None:
    """Run contract tests on Ape's in-process chain unless ``--network`` names another."""
    if config.pluginmanager.hasplugin("ape_test") and not config.option.network:
        config.option.network = "ethereum:local:test"


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> None:
    """Bring the compiled contracts up to date before the first module that may use them."""
    global _built
    if not _built and module_path.relative_to(_TESTS).parts[0] in _WITH_CONTRACTS:
        from poco.toolchain.export import ensure_built

        ensure_built()
        _built = True


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: then nobody works alone at the end.

    This is the order in which files are handed out with ``--dist loadfile --no-loadscope-reorder``.
    """
    items.sort(key=lambda item: _turn(item.path.relative_to(_TESTS)))


def _turn(file: Path) -> tuple[int, bool, Path]:
    """Return when it is a file's turn; the tests of a file stay together."""
    name = file.as_posix()
    rank = _LONGEST.index(name) if name in _LONGEST else len(_LONGEST)
    return rank, file.parts[0] == _LAST, file


@pytest.fixture(scope="session", autouse=True)
def _servers_end_soon() -> Iterator[None]:
    """Have servers look more often than every tenth of a second whether they are to end.

    Tests start hundreds of them, and wait twice that long for the end of each.
    """
    import uvicorn.server

    def nap(seconds: float) -> object:
        return asyncio.sleep(seconds / 5)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn.server, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": nap}))
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail instead of skipping where every runtime is demanded: there nothing may be missing."""
    report = yield
    if report.skipped and "POCO_TEST_RUNTIMES" in os.environ:
        report.outcome, report.longrepr = "failed", f"must not be skipped: {report.longrepr}"
    return report
