"""What the pages tell to type exists: commands, options, targets, scripts, variables, files.

Only programs that are not ours are not looked at; they are listed here.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from support.pages import PAGES, ROOT, Line, blocks, command_lines, spans

from poco.cli.main import commands

_PROGRAMS = """
anvil cd chmod chown cp curl debootstrap docker echo export forge git grep iexec install mkdir
node npm openssl pip printf python3 rm sed source systemctl tar umask unzip
"""
NOT_OURS = frozenset(_PROGRAMS.split())
"""Programs that pages call; `make sdk-test` tries those of the official client."""
_OPTION = re.compile(r"--[a-z][a-z0-9-]*")
_VARIABLE = re.compile(r"\b(?:POCO|APE)_[A-Z][A-Z0-9_]*[A-Z0-9]\b(?!<|_)")
_TARGET = re.compile(r"^(?:# make +)?([a-z][a-z.-]*)(?::|  )", re.MULTILINE)
_FILE = re.compile(
    r"(?:\.\./)*(?:apps|benchmarks|contracts|deploy|docs|interfaces|scripts|src|tests)/[\w./*@-]*"
)
_ROW = re.compile(r"^\| `([a-z\\|…][^`]*)`[^|]*\| (.*?) \|", re.MULTILINE)
IDS = [str(page.relative_to(ROOT)) for page in PAGES]


def found_command(words: list[str]) -> tuple[click.Command, click.Context, list[str]]:
    """Follow words from `poco` to a command; return it, its context, and the words behind it."""
    command, context = commands, click.Context(commands, info_name="poco")
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        _, inner, rest = command.resolve_command(context, rest)
        assert inner is not None
        command, context = inner, click.Context(inner, parent=context, info_name=inner.name)
    return command, context, rest


def options_of(command: click.Command) -> set[str]:
    """All options of a command, `--help` too."""
    context = click.Context(command)
    return {
        name for one in command.get_params(context) for name in (*one.opts, *one.secondary_opts)
    }


def typed(page: Path, program: str) -> Iterator[Line]:
    return (line for line in command_lines(page) if line.program == program)


def targets_of(page: Path) -> set[str]:
    """What the Makefiles of the repository and of a page's folder make."""
    files = [folder / "Makefile" for folder in (ROOT, page.parent)]
    return {name for one in files if one.exists() for name in _TARGET.findall(one.read_text())}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_page__lines_that_call_poco__are_understood(page: Path) -> None:
    for line in typed(page, "poco"):
        try:
            command, context, rest = found_command(list(line.words[1:]))
            command.parse_args(context, rest)
        except click.exceptions.Exit:  # --help, --version
            continue
        except click.BadParameter as error:
            # a value to be filled in, or a file that is not here; a missing word is missing
            is_left_out = "…" in str(line) or "does not exist" in error.format_message()
            if isinstance(error, click.MissingParameter) or not is_left_out:
                pytest.fail(f"{line}: {error.format_message()}")
        except click.UsageError as error:
            pytest.fail(f"{line}: {error.format_message()}")


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_page__commands_in_its_text__have_the_options_that_it_names(page: Path) -> None:
    for span in spans(page):
        words = span.replace("\\|", "|").split()
        if words[0] != "poco":
            continue
        command, _, _ = found_command([word for word in words[1:] if word[0].islower()])
        assert {*_OPTION.findall(span)} <= options_of(command), span


def test_page_of_the_command_line__tables__name_commands_and_options_that_exist() -> None:
    text = (ROOT / "docs" / "cli.md").read_text()
    rows = [row for row in _ROW.findall(text) if "--" in row[1] and not row[0].startswith("-")]
    assert len(rows) > 30
    for names, told in rows:
        nouns, *verbs = names.replace("\\|", "|").replace("…", "app|dataset|workerpool").split()
        known = set[str]()
        for noun in nouns.split("|"):
            command, _, _ = found_command([noun, *verbs[:1]])
            known |= options_of(command)
        own = re.sub(r"without [^;]*", "", told)
        assert {*_OPTION.findall(own)} <= known, f"{names}: {told}"


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_page__other_programs__are_called_with_what_exists(page: Path) -> None:
    for line in command_lines(page):
        match (line.program, *line.words[1:]):
            case ("poco", *_):
                continue
            case ("make", *named):
                missing = set(named) - targets_of(page)
            case ("ape", "run", script, *_):
                missing = {script} - {path.stem for path in (ROOT / "scripts").glob("*.py")}
            case ("ape", "accounts", *_):
                missing = set()
            case ("python", "-m", "pytest", *words) | ("pytest", *words):
                missing = {word for word in words if "/" in word and not [*ROOT.glob(word)]}
            case ("python", "-m", module, *_):
                missing = set() if importlib.util.find_spec(module) else {module}
            case (program, *_):
                missing = {program} - NOT_OURS
        assert not missing, f"{line}: {missing}"


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_page__targets_of_make_in_its_text__exist(page: Path) -> None:
    for span in spans(page):
        if span.startswith("make "):
            named = {word for word in span.split()[1:] if not {*"=/"} & {*word}}
            assert named <= targets_of(page), span


@pytest.fixture(scope="module")
def variables() -> set[str]:
    """All variables that something of ours, or a plug-in of Ape, reads."""
    known: set[str] = {"APE_FOUNDRY_HOST", "APE_DATA_FOLDER"}
    for folder in ("src", "scripts", "deploy", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".yaml", ".sh", ".example"}:
                known.update(_VARIABLE.findall(path.read_text()))
    known.update(_VARIABLE.findall((ROOT / "Makefile").read_text()))
    for names in (
        "scheduler",
        "worker",
        "market serve",
        "results serve",
        "secrets serve",
        "indexer serve",
    ):
        command, _, _ = found_command(names.split())
        known.update(f"POCO_{one.name.upper()}" for one in command.params if one.name)
    return known


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_page__variables__are_read_by_something(page: Path, variables: set[str]) -> None:
    assert {*_VARIABLE.findall(page.read_text())} <= variables


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_page__files_of_the_repository_in_its_text__exist(page: Path) -> None:
    for span in spans(page):
        if _FILE.fullmatch(span):
            assert [*ROOT.glob(span)], span


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_page__programs_in_python__can_import_what_they_name(page: Path) -> None:
    for block in blocks(page, "py", "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Import):
                for one in node.names:
                    importlib.import_module(one.name)
            elif isinstance(node, ast.ImportFrom) and node.module:
                module = importlib.import_module(node.module)
                for one in node.names:
                    assert hasattr(module, one.name), f"{node.module}.{one.name}"
