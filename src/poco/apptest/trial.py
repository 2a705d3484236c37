"""Run an app twice, as two workers would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import cast
from urllib.parse import quote

from poco import appio
from poco.appio import GENERATION_LABEL, Generation
from poco.apptest.comparison import compare
from poco.apptest.judgement import Report, advice, judge
from poco.errors import UserInputError
from poco.runtimes import RunLimits, Runtime
from poco.secret import Secret
from poco.worker.execution import AppReference, DatasetFile, TaskInputs, execute

__all__ = ["Trial", "try_app"]

_ORIGIN = "https://input.example/"
_TASK = bytes.fromhex("7a" * 32)
_DEAL = bytes.fromhex("de" * 32)
_DATASET = "0x" + "da" * 20
_CALLBACK = "0x" + "ca" * 20


@dataclass(frozen=True, slots=True)
class Trial:
    """What an app is tried with.

    Attributes:
        args: its argument line.
        input_files: files it finds under their own names; the first one is v2's ``dirinuri``.
        dataset: a plain file.
        app_secret: the developer's secret.
        requester_secrets: the requester's secrets by number.
        generation: what the app speaks; None for what its image says.
        callback: whether the deal has a callback contract.
        tee: whether it runs as a confidential task; also implied by a secret.
        trust: how many workers must agree, roughly; see `TaskInputs`.
        limits: what a run may use.
    """

    args: str = ""
    input_files: tuple[Path, ...] = ()
    dataset: Path | None = None
    app_secret: Secret | None = None
    requester_secrets: Mapping[int, Secret] = field(default_factory=lambda: MappingProxyType({}))
    generation: Generation | None = None
    callback: bool = False
    tee: bool = False
    trust: int = 1
    limits: RunLimits = field(default_factory=lambda: RunLimits(seconds=60))


def try_app(app: AppReference, runtime: Runtime, trial: Trial, workdir: Path) -> Report:
    """Run an app twice and judge what it leaves.

    Args:
        app: the app, see `locate_app`.
        runtime: runs apps of its type.
        trial: what to try it with.
        workdir: an empty folder, where the runs are left in ``run-1`` and ``run-2``.

    Raises:
        UserInputError: when an input cannot be given to an app.
        ConfigurationError: when the runtime does not work on this host.
    """
    task = _task(app, trial)
    if trial.generation not in (None, Generation.V2):
        runtime = cast(Runtime, _Labelled(runtime, str(trial.generation)))
    first, second = (
        judge(task, execute(task, runtime, workdir / f"run-{number}")) for number in (1, 2)
    )
    differences = compare(first.tree, second.tree, first.counting | second.counting)
    return Report(app, (first, second), tuple(differences), advice(first))


class _Labelled:
    """A runtime whose images say what the developer says."""

    def __init__(self, runtime: Runtime, generation: str) -> None:
        self._runtime = runtime
        self._generation = generation

    def labels(self, image: str, checksum: bytes) -> Mapping[str, str]:  # noqa: ARG002
        return {GENERATION_LABEL: self._generation}

    def __getattr__(self, name: str) -> object:
        return getattr(self._runtime, name)


def _task(app: AppReference, trial: Trial) -> TaskInputs:
    files = {_ORIGIN + _url_name(path): path for path in trial.input_files}
    if len(files) < len(trial.input_files):
        raise UserInputError(
            "input files are told apart by their names",
            field="input files",
            value=[str(path) for path in trial.input_files],
            remedy="give each one its own name",
        )
    urls = list(files)
    params: dict[str, object] = {"iexec_args": trial.args}
    if trial.generation is Generation.V2:
        params = {"cmdline": trial.args, "dirinuri": urls.pop(0) if urls else ""}
    if urls:
        params["iexec_input_files"] = urls
    dataset = None
    if trial.dataset:
        url = _ORIGIN + "dataset/" + _url_name(trial.dataset)
        dataset = DatasetFile(_DATASET, url, trial.dataset)
    return TaskInputs(
        task_id=_TASK,
        deal_id=_DEAL,
        index=0,
        bot_first=0,
        bot_size=1,
        app=app,
        params=json.dumps(params),
        limits=trial.limits,
        dataset=dataset,
        input_files=files,
        callback=_CALLBACK if trial.callback else appio.ZERO_ADDRESS,
        trust=trial.trust,
        tee=trial.tee or trial.app_secret is not None or bool(trial.requester_secrets),
        app_secret=trial.app_secret,
        requester_secrets=trial.requester_secrets,
    )


def _url_name(path: Path) -> str:
    if not path.is_file():
        raise UserInputError(
            "must be a readable file", field="input", value=str(path), remedy="check the path"
        )
    return quote(path.name)
