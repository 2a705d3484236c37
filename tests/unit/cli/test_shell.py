"""What every command of the market's people shares."""

from __future__ import annotations

import io
import json

import click
import pytest
from click.testing import CliRunner

from poco.cli.groups import LazyGroup
from poco.cli.main import commands
from poco.cli.shell import (
    chain_options,
    output_options,
    tx_options,
    wallet_options,
)
from poco.errors import ChainError, PeerError


def run(body, *words, answer=None, color=False):
    """Run a command with all shared options, whose body gets the shell."""

    @click.command("probe")
    @wallet_options
    @chain_options
    @tx_options
    @output_options
    def probe(shell):
        body(shell)

    return CliRunner(mix_stderr=False).invoke(probe, list(words), input=answer, color=color)


def run_main(body, *words, answer=None):
    """Run a command below the group that ends all failures."""

    @click.command("probe")
    @output_options
    def probe(shell):
        body(shell)

    @click.group(cls=type(commands))
    def group():
        pass

    group.add_command(probe)
    return CliRunner(mix_stderr=False).invoke(group, ["probe", *words], input=answer)


def raised(error):
    def body(_):
        raise error

    return body


def test_done__raw__is_one_line_and_nothing_else():
    def body(shell):
        shell.say("working")
        shell.warn("careful")
        with shell.progress("counting") as step:
            step("still counting")
        shell.done({"count": "3", "tags": ["tee"]}, "three")

    done = run(body, "--raw")
    assert done.stdout == '{"ok":true,"count":"3","tags":["tee"]}\n'
    assert done.stderr == ""


def test_done__for_people__is_the_text_and_what_goes_on_is_apart():
    def body(shell):
        with shell.progress("counting") as step:
            step("still counting")
        shell.warn("careful")
        shell.done({"count": "3"}, "three")

    done = run(body)
    assert done.stdout == "three\n"
    assert done.stderr.splitlines() == ["counting", "still counting", "warning: careful"]


def test_done__quiet__says_the_answer_only():
    def body(shell):
        shell.say("working")
        with shell.progress("counting") as step:
            step("still counting")
        shell.done({}, "three")

    done = run(body, "--quiet")
    assert (done.stdout, done.stderr) == ("three\n", "")


def test_done__without_text__aligns_the_document():
    document = {
        "address": "0x1",
        "app": {"name": "a", "checksum": None, "params": {}},
        "deals": [{"id": "1"}, {"id": "2"}],
        "tags": ["tee", "gpu"],
        "ready": True,
        "code": 0,
        "stdout": "one\ntwo\n",
    }
    assert run(lambda shell: shell.done(document)).stdout.splitlines() == [
        "address: 0x1",
        "app:",
        "  name:     a",
        "  checksum: none",
        "  params:   none",
        "deals:",
        "  id: 1",
        "",
        "  id: 2",
        "tags:    tee, gpu",
        "ready:   yes",
        "code:    0",
        "stdout:",
        "  one",
        "  two",
    ]


def test_texts_of_strangers__cannot_steer_the_terminal():
    hostile = "fine\x1b]0;title\x07\x1b[2K\u202eexe.\x9b1m"
    shown = r"fine\x1b]0;title\x07\x1b[2K\u202eexe.\x9b1m"

    def body(shell):
        shell.say(f"{hostile}\r")
        shell.warn(hostile)
        shell.done({"log": f"a\r\n\tb{hostile}"}, failures=[hostile])

    done = run(body)
    assert done.stdout == f"log:\n  a\n  \tb{shown}\n"
    assert done.stderr.splitlines() == [f"{shown}\\r", f"warning: {shown}", f"error: {shown}"]


def test_failure__with_words_of_a_stranger__cannot_steer_the_terminal():
    assert run(raised(PeerError("it says \x1b[2Jno"))).stderr == "error: it says \\x1b[2Jno\n"


@pytest.mark.parametrize("raw", [True, False])
def test_done__with_failures__ends_with_exit_code_1(raw):
    done = run(
        lambda shell: shell.done({"a": 1}, "half", failures=["b: no"]), *(["--raw"] if raw else [])
    )
    assert done.exit_code == 1
    if raw:
        assert (done.stdout, done.stderr) == ("", '{"ok":false,"a":1,"fail":["b: no"]}\n')
    else:
        assert (done.stdout, done.stderr) == ("half\n", "error: b: no\n")


@pytest.mark.parametrize(
    ("error", "name", "code"),
    [
        (ChainError("the node is away", remedy="start it"), "ChainError", 4),
        (PeerError("it is away"), "PeerError", 5),
        (PermissionError(13, "denied"), "ConfigurationError", 3),
        (ZeroDivisionError("oops"), "InternalError", 70),
    ],
)
def test_failure__of_any_kind__is_one_line_with_its_exit_code(error, name, code):
    raw = run(raised(error), "--raw")
    assert (raw.exit_code, raw.stdout) == (code, "")
    answer = json.loads(raw.stderr)
    assert (answer["ok"], answer["command"], answer["error"]["name"]) == (False, "probe", name)
    plain = run(raised(error))
    assert plain.exit_code == code
    assert plain.stderr == f"error: {answer['error']['message']}\n"


@pytest.mark.parametrize(
    ("answer", "force", "code"),
    [("y\n", False, 0), ("n\n", False, 2), ("", False, 2), ("", True, 0)],
)
def test_confirm__asks_unless_forced(answer, force, code):
    done = run(lambda shell: shell.confirm("Really?", force), answer=answer)
    assert done.exit_code == code
    assert ("Really?" in done.stderr) is not force


def test_confirm__raw__asks_nobody():
    done = run(lambda shell: shell.confirm("Really?"), "--raw", answer="y\n")
    assert done.exit_code == 2
    assert "--force" in json.loads(done.stderr)["error"]["message"]


@pytest.mark.parametrize("words", [[], ["--raw"]])
def test_interrupted__whatever_is_done__ends_with_exit_code_130(words):
    done = run_main(raised(KeyboardInterrupt()), *words)
    assert (done.exit_code, done.stdout) == (130, "")
    assert "interrupted" in done.stderr
    assert (done.stderr[0] == "{") is bool(words)


class Keyboard(io.RawIOBase):
    """A keyboard where Ctrl-C or Ctrl-D is typed."""

    def __init__(self, typed):
        self.typed = typed

    def readable(self):
        return True

    def readinto(self, _):
        raise self.typed


@pytest.mark.parametrize(
    "question", [lambda shell: shell.confirm("Really?"), lambda shell: shell.new_passphrase()]
)
def test_question__interrupted_by_whom_it_asks__ends_with_exit_code_130(question, monkeypatch):
    monkeypatch.setattr("poco.cli.conversation.is_terminal", lambda _: True)
    done = run_main(question, answer=io.BufferedReader(Keyboard(KeyboardInterrupt())))
    assert done.exit_code == 130
    assert done.stderr.endswith("interrupted\n")


def test_secret__nothing_is_typed__says_how_else_to_give_it(monkeypatch):
    monkeypatch.setattr("poco.cli.conversation.is_terminal", lambda _: True)
    keyboard = io.BufferedReader(Keyboard(EOFError()))
    done = run(lambda shell: shell.ask_secret("the word", "give --word"), answer=keyboard)
    assert done.exit_code == 2
    assert "(give --word)" in done.stderr


def test_warn__no_color_is_wanted__has_none(monkeypatch):
    assert "\x1b[33m" in run(lambda shell: shell.warn("careful"), color=True).stderr
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[33m" not in run(lambda shell: shell.warn("careful"), color=True).stderr


def test_secret__without_terminal__says_what_to_set():
    done = run(lambda shell: shell.new_passphrase(), "--raw")
    assert "POCO_WALLET_PASSWORD" in json.loads(done.stderr)["error"]["message"]


def test_passphrase__from_its_variable__is_taken(monkeypatch):
    monkeypatch.setenv("POCO_PASSPHRASE", "from the environment")
    done = run(lambda shell: shell.done({}, shell.new_passphrase().reveal()))
    assert done.stdout == "from the environment\n"


def test_passphrase__empty__is_refused():
    assert run(lambda shell: shell.new_passphrase(), "--password", "").exit_code == 2


def test_alias__of_a_command__calls_it_and_is_not_listed():
    @click.group(cls=LazyGroup, aliases={"old": "new"})
    def group():
        pass

    @group.command("new")
    def command():
        click.echo("called")

    assert CliRunner().invoke(group, ["old"]).output == "called\n"
    assert "old" not in CliRunner().invoke(group, ["--help"]).output
