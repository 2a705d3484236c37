"""``poco app test``: what a developer does with an app before it is sold."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click

from poco.appio import Generation
from poco.apptest import Trial, as_document, locate_app, render, try_app
from poco.errors import AppError, UserInputError
from poco.runtimes import RunLimits
from poco.secret import Secret
from poco.worker.execution import remove_tree

__all__ = ["test"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_MIB = 1024**2
_DEVELOPER = "app"


@click.command(epilog='Example: poco app test app.wasm --args "--column price" --input-file a.csv')
@click.argument("app")
@click.option("--args", default="", metavar="LINE", help="Argument line, split as on a worker.")
@click.option(
    "--input-file", "input_files", type=_FILE, multiple=True, help="Input file; may be repeated."
)
@click.option("--dataset", type=_FILE, help="Dataset, not encrypted.")
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="N=VALUE",
    help="Secret N of the requester, or the developer's as app=VALUE; @FILE reads the value. "
    "Use values made up for the test. May be repeated; implies --tee.",
)
@click.option("--tee", is_flag=True, help="Lay out the input as for a confidential task.")
@click.option(
    "--generation",
    type=click.Choice([*Generation]),
    help="Generation of the app contract; by default what the image's label says, or v5.",
)
@click.option("--callback", is_flag=True, help="Run it for a deal with a callback contract.")
@click.option("--trust", default=1, show_default=True, type=click.IntRange(0), help="Deal's trust.")
@click.option(
    "--timeout",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Time of the category.",
)
@click.option(
    "--memory", default=1024, show_default=True, type=click.IntRange(1), metavar="MIB",
    help="Memory of the worker.",
)  # fmt: skip
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Leave both runs in this new folder.",
)
@click.option("--raw", is_flag=True, help="Print JSON.")
def test(
    app: str,
    args: str,
    input_files: tuple[Path, ...],
    dataset: Path | None,
    secrets: tuple[str, ...],
    tee: bool,
    generation: str | None,
    callback: bool,
    trust: int,
    timeout: float,
    memory: int,
    keep: Path | None,
    raw: bool,
) -> None:
    """Run APP twice as a worker would, offline, without a chain.

    APP is a WASM module (a file that ends with .wasm), a folder with a Dockerfile (or a Makefile
    that makes the image), or the reference of an image. The report shows the result archive, the
    digest, everything that breaks the app contract, and where the two runs differ.

    Exit code 0 means that workers would reach consensus; 6 that they would not, or that the app
    breaks the contract.
    """
    numbered = dict(_secret(text) for text in secrets)
    trial = Trial(
        args=args,
        input_files=input_files,
        dataset=dataset,
        app_secret=numbered.pop(0, None),
        requester_secrets=numbered,
        generation=Generation(generation) if generation else None,
        callback=callback,
        tee=tee,
        trust=trust,
        limits=RunLimits(seconds=timeout, memory=memory * _MIB),
    )
    reference, runtime = locate_app(app)
    if keep:
        _create(keep)
        report = try_app(reference, runtime, trial, keep)
    else:
        folder = Path(tempfile.mkdtemp(prefix="poco-app-test-"))
        try:
            report = try_app(reference, runtime, trial, folder)
        finally:
            remove_tree(folder)
    click.echo(json.dumps(as_document(report), indent=2) if raw else render(report))
    if not report.ok:
        sys.exit(AppError.exit_code)


def _secret(text: str) -> tuple[int, Secret]:
    """Read ``N=VALUE``; the developer's secret has the number 0 here."""
    name, equals, value = text.partition("=")
    known = name == _DEVELOPER or (name.isascii() and name.isdigit() and not name.startswith("0"))
    if not equals or not known:
        raise UserInputError(
            "a secret is N=VALUE with a number N from 1, or app=VALUE",
            field="--secret",
            value=name if equals else "…",
            remedy="for example --secret 1=test-login",
        )
    if value.startswith("@"):
        try:
            value = Path(value[1:]).read_text().rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UserInputError(
                "must name a readable file with a text",
                field="--secret",
                value=value,
                remedy=str(error),
            ) from error
    return 0 if name == _DEVELOPER else int(name), Secret(value)


def _create(folder: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise UserInputError(
            "must not exist yet", field="--keep", value=str(folder), remedy="name a new folder"
        ) from error
