"""What every test shares: isolation from the developer's machine, and compiled contracts.

Unit tests need neither Ape nor contracts: ``pytest -p no:ape_test tests/unit`` starts at once.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail instead of skipping where every runtime is demanded: there nothing may be missing."""
    report = yield
    if report.skipped and "POCO_TEST_RUNTIMES" in os.environ:
        report.outcome, report.longrepr = "failed", f"must not be skipped: {report.longrepr}"
    return report
