"""`make test`: every file of contract tests in a process of its own, as many at once as processors.

The processes are forks of one that has imported Ape and deployed the markets of the stage: that is
done once, and each file goes on from there with its own copy of the chain.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from pathlib import Path

import hypothesis  # noqa: F401  # as Ape below: what all files need is imported once
import pytest

_FOLDER = Path(__file__).parent
_LONGEST = ("test_matching_prediction", "test_invariants_market", "test_matching_rules")
"""What takes longest begins first, so that nothing goes on alone at the end."""


def main() -> int:
    """Run the tests; return the exit code."""
    waiting = sorted(_FOLDER.glob("test_*.py"), key=lambda file: file.stem in _LONGEST)
    running: set[int] = set()
    failed = False
    with tempfile.TemporaryDirectory(prefix="poco-ape-") as data:
        os.environ["APE_DATA_FOLDER"] = data  # Ape reads it when it is imported
        import ape
        from stage import the_market

        with ape.networks.parse_network_choice("ethereum:local:test"):
            for mode in ("token", "native"):
                the_market(mode)
            gc.freeze()  # pytest collects garbage at its end: not in what all have in common
            while waiting or running:
                if waiting and len(running) < (os.cpu_count() or 1):
                    running.add(_start(waiting.pop()))
                else:
                    process, status = os.wait()
                    running.discard(process)
                    failed |= status != 0
    return int(failed)


def _start(file: Path) -> int:
    """Run a file of tests in a fork of this process, which shows in the end what was said."""
    if process := os.fork():
        return process
    code = 1
    try:
        shown = os.dup(1)
        with tempfile.TemporaryFile() as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            code = pytest.main(["-q", "--no-header", str(file)])
            sys.stdout.flush()
            said.seek(0)
            os.write(shown, said.read())
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
