"""The files for several hosts: poco understands what they start, and they agree with each other.

No registry and no other machine is needed: commands and variables go through the real parser of
`poco`, units through systemd's own checks.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from fastapi import FastAPI

from poco.cli.main import commands
from poco.errors import ChainError, ConfigurationError, UserInputError
from poco.web import application, serving

CHECKOUT = Path(__file__).parents[2]
DEPLOY = CHECKOUT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
EXAMPLE = (DEPLOY / "env.example").read_text()
SETTINGS = dict(re.findall(r"^(\w+)=(.*)$", EXAMPLE, re.MULTILINE))
DEFAULTS = dict(re.findall(r"^#(\w+)=(.*)$", EXAMPLE, re.MULTILINE))
OURS = ("market", "results", "secrets", "scheduler", "indexer", "worker")
THEIRS = ("postgresql", "kubo", "chain")
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
_SPECIFIERS = {"%i": "one", "%S": "/var/lib", "%d": "/run/credentials", "%t": "/run", "%p": "poco"}


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Do what compose does; a variable without a value or default is an error."""

    def value(match: re.Match[str]) -> str:
        name, kind, default = match.groups()
        return variables.get(name) or (default if kind == "-" else variables[name])

    return _VARIABLE.sub(value, text)


def compose_text(name: str) -> str:
    return (DEPLOY / name).read_text()


def compose_services() -> dict[str, Any]:
    services: dict[str, Any] = {}
    for name in ("compose.yaml", "worker.compose.yaml"):
        services |= interpolated(yaml.safe_load(compose_text(name))["services"])
    return services


def interpolated(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: interpolated(part) for name, part in value.items()}
    if isinstance(value, list):
        return [interpolated(part) for part in value]
    return interpolate(value, DEFAULTS | SETTINGS) if isinstance(value, str) else value


SERVICES = compose_services()


def parsed(words: list[str], variables: Mapping[str, str]) -> click.Context:
    """Return the context of the sub-command, with its parameters as poco would see them."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        context = commands.make_context("poco", list(words))
        while isinstance(context.command, click.Group):
            rest = [*context.protected_args, *context.args]
            name, command, rest = context.command.resolve_command(context, rest)
            assert command is not None
            context = command.make_context(name, rest, parent=context)
        return context


def variables_of(context: click.Context) -> set[str]:
    return {f"POCO_{option.name.upper()}" for option in context.command.params if option.name}


def directives(unit: Path, name: str) -> list[str]:
    found = re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)
    return [re.sub("%[iSdtp]", lambda match: _SPECIFIERS[match[0]], line) for line in found]


def command_of(unit: Path) -> list[str]:
    (line,) = directives(unit, "ExecStart")
    program, *words = shlex.split(interpolate(line, SETTINGS))
    assert program == "/opt/poco/bin/poco"
    return words


def listening(service: str) -> int:
    """Return the port of a service, as poco understands its command."""
    context = parsed(SERVICES[service]["command"], SERVICES[service]["environment"])
    return int(context.params["metrics_port" if service == "worker" else "port"])


# Compose


@pytest.mark.parametrize("service", OURS)
def test_compose__command_and_variables_of_a_service__are_understood(service: str) -> None:
    environment = SERVICES[service]["environment"]

    context = parsed(SERVICES[service]["command"], environment)

    given = {name for name in environment if name.startswith("POCO_")}
    assert given <= variables_of(context)
    for name in given:
        source = context.get_parameter_source(name.removeprefix("POCO_").lower())
        assert source is click.core.ParameterSource.ENVIRONMENT


def test_compose__variables_of_the_operator__are_those_of_the_example() -> None:
    text = compose_text("compose.yaml") + compose_text("worker.compose.yaml")
    used = {match[1]: match[3] for match in _VARIABLE.finditer(text) if match[2] == "-"}

    assert {match[1] for match in _VARIABLE.finditer(text)} == SETTINGS.keys() | DEFAULTS.keys()
    assert used == {name: DEFAULTS[name] for name in used}


@pytest.mark.parametrize("file", ["compose.yaml", "worker.compose.yaml"])
def test_compose__what_services_refer_to__is_declared_and_nothing_else(file: str) -> None:
    document = yaml.safe_load(compose_text(file))
    services = document["services"].values()

    for kind in ("secrets", "configs"):
        used = {
            entry if isinstance(entry, str) else entry["source"]
            for service in services
            for entry in service.get(kind, [])
        }
        assert used == document[kind].keys()
    volumes = {entry.split(":")[0] for s in services for entry in s.get("volumes", [])}
    named = {volume for volume in volumes if re.fullmatch(r"\w+", volume)}
    assert named == document.get("volumes", {}).keys()


def test_compose__dependencies__exist_and_tell_how_they_are() -> None:
    for service in SERVICES.values():
        for other in service.get("depends_on", {}):
            assert "healthcheck" in SERVICES[other]


@pytest.mark.parametrize("service", OURS)
def test_compose__port_of_a_service__is_the_one_asked_and_published(service: str) -> None:
    port = listening(service)

    assert SERVICES[service]["healthcheck"]["test"] == ["CMD", "healthy", str(port)]
    if service != "worker":
        assert SERVICES[service]["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_compose__urls_between_services__name_a_service_and_its_port() -> None:
    ports = {name: listening(name) for name in OURS} | {"kubo": 5001}
    urls = [
        re.match(r"[a-z+]+://(\w+):(\d+)$", word)
        for name in OURS
        for word in [*SERVICES[name]["command"], *SERVICES[name]["environment"].values()]
    ]
    inside = [url for url in urls if url]

    assert inside
    assert all(ports[url[1]] == int(url[2]) for url in inside)


def test_compose__databases_of_services__are_made_with_the_cluster() -> None:
    urls = [word for name in OURS for word in SERVICES[name]["command"] if "postgresql:" in word]
    made = re.findall(r"^CREATE DATABASE (\w+);$", compose_text("databases.sql"), re.MULTILINE)

    assert sorted(urls) == [f"postgresql://poco@postgresql/{name}" for name in sorted(made)]


@pytest.mark.parametrize("service", [*OURS, *THEIRS])
def test_compose__a_container__may_do_little_and_comes_back(service: str) -> None:
    settings = SERVICES[service]

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", settings["user"])
    assert settings["read_only"]
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert settings["restart"] == "unless-stopped"
    assert settings["logging"]["options"].keys() == {"max-size", "max-file"}


@pytest.mark.parametrize("service", [*OURS, *THEIRS])
def test_compose__secrets__come_as_files(service: str) -> None:
    environment = SERVICES[service].get("environment", {})

    for name in environment:
        if re.search("PASS|KEY|TOKEN", name):
            assert environment[name].startswith("/run/secrets/")


def test_compose__worker_of_a_trial__is_on_the_network_of_the_services() -> None:
    network = yaml.safe_load(compose_text("trial.compose.yaml"))["networks"]["default"]
    project = yaml.safe_load(compose_text("compose.yaml"))["name"]

    assert network == {"name": f"{project}_default", "external": True}


# The image


def test_image__what_it_copies__is_sent_to_the_engine() -> None:
    sent = re.findall(r"^!(.+)$", (CHECKOUT / ".dockerignore").read_text(), re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", compose_text("Dockerfile"), re.MULTILINE)
    sources = [name for names in copied for name in names.split()]

    assert sorted(sources) == sorted(sent)
    assert all((CHECKOUT / name).exists() for name in sources)


def test_image__links_in_the_package__lead_to_what_is_copied() -> None:
    for link in (path for path in (CHECKOUT / "src").rglob("*") if path.is_symlink()):
        target = link.resolve().relative_to(CHECKOUT)
        assert f"COPY {target} {target}\n" in compose_text("Dockerfile")


def test_image__its_packages__are_those_that_are_tested() -> None:
    assert locked("requirements.txt") <= locked("requirements-dev.txt")


def locked(name: str) -> set[str]:
    return set(re.findall(r"^\S+==\S+", (CHECKOUT / name).read_text(), re.MULTILINE))


def service_that(is_well: bool) -> FastAPI:
    def healthy() -> Mapping[str, object]:
        if not is_well:
            raise ChainError("the node must answer")
        return {}

    return application("poco example", description="", healthy=healthy)


@pytest.mark.parametrize("is_well", [True, False])
def test_health_check__a_service__passes_when_it_is_well(is_well: bool) -> None:
    with serving(service_that(is_well)) as url:
        port = url.rpartition(":")[2]
        done = subprocess.run(
            [sys.executable, DEPLOY / "healthy.py", port], capture_output=True, check=False
        )

    assert (done.returncode == 0) is is_well


# Units


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the units, with the PostgreSQL drop-in, as on a host where poco is installed."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    folder = tmp_path_factory.mktemp("units")
    units = []
    for unit in UNITS:
        copy = folder / unit.name
        copy.write_text(unit.read_text().replace("/opt/poco/bin/poco", sys.executable))
        (folder / f"{unit.name}.d").mkdir()
        shutil.copy(DEPLOY / "systemd" / "postgresql.conf", folder / f"{unit.name}.d")
        units.append(copy)
    return units


def test_units__each__is_accepted_by_systemd(installed: list[Path]) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *installed],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_units__each__is_hardly_exposed(installed: list[Path]) -> None:
    done = subprocess.run(
        [
            "systemd-analyze",
            "security",
            "--offline=yes",
            "--threshold=16",
            "--no-pager",
            *installed,
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units__command__is_understood_with_the_example(unit: Path) -> None:
    context = parsed(command_of(unit), {**SETTINGS, "POCO_DEPLOYMENT": "/etc/poco/market.json"})

    assert context.params["rpc"] == SETTINGS["POCO_RPC"]
    assert context.params["deployment"] == Path("/etc/poco/market.json")


def test_units__there__is_one_for_each_service() -> None:
    assert sorted(unit.stem for unit in UNITS) == sorted(
        f"poco-{name}@" if name == "worker" else f"poco-{name}" for name in OURS
    )


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units__files_of_keys__are_credentials(unit: Path) -> None:
    names = {line.split(":")[0] for line in directives(unit, "LoadCredential")}
    named = {Path(word).name for word in command_of(unit) if word.startswith("/run/")}

    assert named == names


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units__start__asks_for_each_file_first_and_names_the_one_that_is_missing(
    unit: Path,
) -> None:
    keys = [line.split(":")[1] for line in directives(unit, "LoadCredential")]
    books = [line.split("=")[1] for line in directives(unit, "Environment")]

    assert directives(unit, "AssertPathExists") == books + keys


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units__end_with_a_fault__is_tried_again_unless_only_the_operator_can_mend_it(
    unit: Path,
) -> None:
    given_up = directives(unit, "RestartPreventExitStatus")

    assert directives(unit, "Restart") == ["always"]
    assert given_up == [str(UserInputError.exit_code)]
    assert str(ConfigurationError.exit_code) not in given_up  # a database that is down is one
