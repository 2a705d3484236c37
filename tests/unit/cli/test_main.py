"""The command `poco` itself."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("web3", "fastapi", "sqlalchemy", "docker", "wasmtime", "poco.contracts")


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "poco", *arguments], capture_output=True, text=True, check=False
    )


def test_help__lists_the_commands_without_importing_them():
    code = (
        "import sys\n"
        "from poco.cli.main import main\n"
        "try: main('--help')\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "scheduler" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_unknown_command__is_refused_in_one_line():
    done = run("nonsense")
    assert done.returncode == 2
    assert "No such command 'nonsense'" in done.stderr


def test_version__is_told():
    from poco import __version__

    assert __version__ in run("--version").stdout
