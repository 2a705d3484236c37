"""The command `poco` itself."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from poco.cli.main import commands

HEAVY = ("web3", "eth_account", "fastapi", "sqlalchemy", "httpx", "poco.contracts", "poco.orders")


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "poco", *arguments], capture_output=True, text=True, check=False
    )


def every_command(group=commands, path=()):
    """Every command and group of commands, with the words that call it."""
    yield path, group
    if isinstance(group, click.Group):
        with click.Context(group) as context:
            for name in group.list_commands(context):
                yield from every_command(group.get_command(context, name), (*path, name))


COMMANDS = dict(every_command())
ENGINES = {("app", "test"), ("indexer",), ("results",), ("secrets",)}
"""Commands that run something big; their help may take its time."""
OF_THE_MARKET = (
    *("account", "app", "category", "dataset", "deal", "info", "init", "order", "orderbook"),
    *("requester", "result", "storage", "task", "wallet", "workerpool"),
)


def test_help__of_commands_for_people__imports_nothing_heavy():
    light = [words for words in COMMANDS if not ENGINES & {words[:1], words[:2]}]
    code = (
        "import json, sys\n"
        "from click.testing import CliRunner\n"
        "from poco.cli.main import commands\n"
        f"for words in json.loads({json.dumps(light)!r}):\n"
        "    done = CliRunner().invoke(commands, [*words, '--help'])\n"
        "    assert done.exit_code == 0, (words, done.output)\n"
        f"    found = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "    assert not found, (words, found)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "words", [words for words in COMMANDS if words and words[0] in OF_THE_MARKET]
)
def test_help__of_commands_of_the_market__has_an_example(words):
    if not isinstance(COMMANDS[words], click.Group):
        assert f"Example: poco {' '.join(words)}" in (COMMANDS[words].epilog or "")


def test_help__lists_every_command_with_a_line():
    lines = CliRunner().invoke(commands, ["--help"]).output.splitlines()
    assert "  wallet      create wallets, show and send what they hold" in lines


def test_unknown_command__is_refused_in_one_line():
    done = run("nonsense")
    assert done.returncode == 2
    assert "No such command 'nonsense'" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["dael"], "No such command 'dael'. Did you mean deal?"),
        (["app", "rnu"], "No such command 'rnu'. Did you mean run?"),
    ],
)
def test_mistyped_command__is_refused_with_the_one_that_was_meant(words, told):
    done = CliRunner().invoke(commands, words)
    assert done.exit_code == 2
    assert told in done.output


@pytest.mark.parametrize(
    ("words", "command", "message"),
    [
        (["wallet", "send-RLC", "--raw"], "poco wallet send-RLC", "Missing argument 'AMOUNT'."),
        (["account", "nonsense", "--raw"], "poco account", "No such command 'nonsense'."),
        (["info", "--raw", "--nope"], "poco info", "No such option: --nope"),
        (
            ["account", "deposit", "-1", "--raw"],
            "poco account deposit",
            "No such option: -1 Numbers are not negative here.",
        ),
    ],
)
def test_wrong_words__with_raw__are_one_line_of_json(words, command, message):
    done = CliRunner(mix_stderr=False).invoke(commands, words)
    assert (done.exit_code, done.stdout) == (2, "")
    error = {"name": "UserInputError", "message": message}
    assert json.loads(done.stderr) == {"ok": False, "command": command, "error": error}


@pytest.mark.parametrize("line", ["poco --help", "poco app run --help"])
def test_answer__nobody_reads_on__ends_without_a_word(line):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", *line.split()]
    with os.fdopen(writer) as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


def test_question__standard_input_is_closed__is_refused_in_one_line(tmp_path):
    sending = f"wallet send-ether 1 --to 0x{'11' * 20} --account TEST::1"
    command = ["sh", "-c", f"exec {sys.executable} -m poco {sending} <&-"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: nobody is there to answer: Send 1 ether")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("noun", ["app", "dataset"])
def test_orderbook__of_nothing__says_what_to_name(noun):
    done = CliRunner().invoke(commands, ["orderbook", noun])
    assert done.exit_code == 2
    assert f"poco orderbook {noun} ADDRESS, or --owner ADDRESS" in done.output


def test_version__is_told():
    from poco import __version__

    assert __version__ in run("--version").stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion__of_a_shell__is_a_script_for_it(shell):
    assert "_POCO_COMPLETE" in CliRunner().invoke(commands, ["completion", shell]).output


def test_completion__of_a_noun__lists_its_verbs():
    typed = {"_POCO_COMPLETE": "bash_complete", "COMP_WORDS": "poco wallet s", "COMP_CWORD": "2"}
    done = CliRunner().invoke(commands, [], env=typed, prog_name="poco")
    assert [line.removeprefix("plain,") for line in done.output.split()] == [
        "send-RLC",
        "send-ether",
        "show",
        "sweep",
    ]


def test_ape__finds_the_commands():
    from importlib.metadata import entry_points

    [found] = entry_points(group="ape_cli_subcommands", name="poco")
    assert found.load() is commands


@pytest.mark.parametrize("noun", ["scheduler", "worker", "results", "secrets", "indexer", "market"])
def test_service__each_option__has_a_variable_of_its_name(noun):
    command = importlib.import_module(f"poco.cli.{noun}").command
    for each in command.commands.values() if isinstance(command, click.Group) else [command]:
        for option in each.params:
            if isinstance(option, click.Option):
                names = {name.lstrip("-").replace("-", "_") for name in option.opts}
                assert option.name in names, f"{each.name} {option.opts}"
