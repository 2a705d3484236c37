"""The pytest plugin, in the project of somebody else."""

from __future__ import annotations

import subprocess
import sys

import pytest
from terminals import ROOT

pytest_plugins = ["pytester"]

WITHOUT_APE = ("-p", "no:ape_test", "-p", "no:cacheprovider")
STORY = """
    import poco
    from poco.local import Stack

    seen = []

    def test_run__first_test__buys_a_task(market: poco.Market) -> None:
        app = market.app({app!r})
        result = market.run(app, "hello")
        assert result.text == "argument hello\\n"
        assert result.cost == 5
        seen.append(market)
        market.submit(app, "nobody waits for it")

    def test_market__second_test__knows_nothing_of_the_first(
        market: poco.Market, market_stack: Stack
    ) -> None:
        assert market.account.address != seen[0].account.address
        assert market.contracts.apps.count(seen[0].account.address) == 1
        assert market.contracts.apps.count(market.account.address) == 0
        assert market.info is market_stack.info
        assert len(market_stack.accounts.workers) == 1
"""


def test_plugin__project_of_somebody_else__has_the_fixtures(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\npoco_workers = 1\npoco_price = 5\n")
    pytester.makepyfile(STORY.format(app=str(ROOT / "apps" / "echo")))
    pytester.runpytest_subprocess(*WITHOUT_APE).assert_outcomes(passed=2)


def test_plugin__setting_that_is_no_number__is_named(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\npoco_workers = many\n")
    pytester.makepyfile("def test_it(market): pass")
    found = pytester.runpytest_inprocess(*WITHOUT_APE)
    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines(["*poco_workers = 'many': a whole number is needed*"])


def test_plugin__no_test_asks_for_a_market__loads_none_of_it() -> None:
    code = (
        "import poco.pytest_plugin, sys; print({'web3', 'fastapi', 'wasmtime'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
