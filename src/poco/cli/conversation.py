"""What a command says and asks: people on standard error, its answer on standard output.

With ``--raw`` the answer or the failure is one line of JSON, and nothing else is said or asked.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from poco.cli.rendering import failure_document, rendered
from poco.command_line import INTERRUPTED, as_failure, is_lively, is_terminal, visible
from poco.errors import PocoError, UserInputError

if TYPE_CHECKING:
    from rich.status import Status

__all__ = ["Conversation"]


class Conversation:
    """What is said and asked while one command runs.

    Args:
        command: its words, ``poco account deposit`` for example.
        raw: answer in JSON, say and ask nothing else.
        quiet: say nothing but the answer.
    """

    def __init__(self, command: str, *, raw: bool = False, quiet: bool = False) -> None:
        self._command = command
        self.raw = raw
        self.quiet = quiet
        self._status: Status | None = None

    def say(self, text: str) -> None:
        """Tell what goes on; not with --raw or --quiet."""
        if not self.raw and not self.quiet:
            with self._still():
                click.echo(visible(text), err=True)

    def warn(self, text: str) -> None:
        """Tell what people should know; not with --raw."""
        if not self.raw:
            with self._still():
                colour = None if os.environ.get("NO_COLOR") else "yellow"
                click.secho(f"warning: {visible(text)}", err=True, fg=colour)

    def done(
        self,
        document: Mapping[str, Any],
        text: str | None = None,
        *,
        failures: Sequence[str] = (),
    ) -> None:
        """Give the answer.

        Args:
            document: the keys of the raw answer, without ``ok``.
            text: for people; by default the document, aligned.
            failures: what did not work; then ``ok`` is false and the exit code 1.
        """
        shown = rendered(document) if text is None else text
        if self.raw:
            fail = {"fail": list(failures)} if failures else {}
            answer = {"ok": not failures, **document, **fail}
            click.echo(json.dumps(answer, separators=(",", ":")), err=bool(failures))
        else:
            if shown:
                click.echo(visible(shown))
            for failure in failures:
                click.echo(f"error: {visible(failure)}", err=True)
        if failures:
            sys.exit(1)

    def confirm(self, question: str, force: bool = False) -> None:
        """Go on only when the answer is yes, or `force` is given; with --raw nobody is asked.

        Raises:
            UserInputError: it is no, or there is nobody to answer.
        """
        if force:
            return
        nobody = UserInputError(
            f"nobody is there to answer: {question}", remedy="give --force to answer yes"
        )
        if self.raw or sys.stdin is None:
            raise nobody
        with self._asking(nobody):
            agreed = click.confirm(visible(question), err=True)
        if not agreed:
            raise UserInputError("cancelled: the answer was no")

    def ask_secret(self, what: str, remedy: str, *, twice: bool = False) -> str:
        """Ask for a secret text without showing it.

        Args:
            what: what is asked for.
            remedy: how else it can be given.
            twice: to be typed twice, for a new one.

        Raises:
            UserInputError: there is no terminal, or nothing is typed.
        """
        nobody = UserInputError(
            f"{what} is needed, and there is no terminal to ask for it", remedy=remedy
        )
        if not is_terminal(sys.stdin):
            raise nobody
        with self._asking(nobody):
            return str(click.prompt(what, hide_input=True, err=True, confirmation_prompt=twice))

    @contextmanager
    def progress(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show that something takes time; the block may call what it gets with newer texts.

        On a terminal the line is alive, in a log each text is a line.
        """
        if self.raw or self.quiet:
            yield lambda _: None
        elif is_lively(sys.stderr):
            from rich.console import Console
            from rich.text import Text

            try:
                with Console(stderr=True).status(Text(visible(text))) as status:
                    self._status = status
                    yield lambda newer: status.update(Text(visible(newer)))
            finally:
                self._status = None
        else:
            self.say(text)
            yield self.say

    @contextmanager
    def _asking(self, nobody: UserInputError) -> Iterator[None]:
        """Let people answer; Ctrl-C ends the command, and an input that ends is nobody."""
        try:
            with self._still():
                yield
        except click.Abort as error:
            if isinstance(error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from None
            self.say("")
            raise nobody from None

    @contextmanager
    def _still(self) -> Iterator[None]:
        """Let the living line of `progress` rest while something else is written."""
        if self._status is None:
            yield
        else:
            self._status.stop()
            yield
            self._status.start()

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """End the process with one line for any failure of the block, JSON with --raw."""
        try:
            yield
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            if not self.raw:
                raise
            click.echo(failure_document(self._command, "Interrupted", "interrupted"), err=True)
            sys.exit(INTERRUPTED)
        except Exception as error:
            self._end(as_failure(error))

    def _end(self, error: PocoError) -> NoReturn:
        if self.raw:
            line = failure_document(self._command, type(error).__name__, str(error))
        else:
            line = f"error: {visible(' '.join(str(error).split()))}"
        click.echo(line, err=True)
        sys.exit(error.exit_code)
