"""Say what an app finds when it starts: folders, names, variables (spec offchain §1.2-1.4)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from poco.appio.causes import Cause, ExecutionError
from poco.appio.generation import Generation
from poco.secret import Secret

__all__ = ["ZERO_ADDRESS", "TaskContext", "environment", "file_names"]

ZERO_ADDRESS = "0x" + 40 * "0"
MAX_FILE_NAME = 120
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class TaskContext:
    """What an app may know of its task.

    Attributes:
        task_id: 32 bytes.
        deal_id: 32 bytes.
        index: absolute index of the task, ``bot_first <= index < bot_first + bot_size``.
        bot_first: index of the deal's first task.
        bot_size: number of tasks in the deal.
        dataset_address: hex address of the dataset, or the zero address.
        dataset_file: the dataset's name in the input folder, None when there is no dataset.
        input_files: names of the input files in the input folder, in the requester's order.
        app_secret: the app developer's secret, None when there is none.
        requester_secrets: the requester's secrets by the number in ``iexec_secrets``.
        app_variables: what a v2 registry entry gives to the app.
        bulk_files: names of the bulk's datasets in the input folder, empty in the place of one that
            could not be had; None when the task has no bulk.
    """

    task_id: bytes
    deal_id: bytes
    index: int
    bot_first: int
    bot_size: int
    dataset_address: str = ZERO_ADDRESS
    dataset_file: str | None = None
    input_files: tuple[str, ...] = ()
    app_secret: Secret | None = None
    requester_secrets: Mapping[int, Secret] = field(default_factory=lambda: MappingProxyType({}))
    app_variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    bulk_files: tuple[str, ...] | None = None


def environment(context: TaskContext, generation: Generation = Generation.V5) -> dict[str, str]:
    """Return every variable the app gets, and no other one (spec offchain §1.4).

    The names of v3 and v5 are always set, and those of v2 for a v2 app; what there is none of (a
    dataset, a secret) has no variable.
    """
    layout = generation.layout
    task_id = "0x" + context.task_id.hex()
    number = str(len(context.input_files))
    variables = {
        "IEXEC_TASK_ID": task_id,
        "IEXEC_DEAL_ID": "0x" + context.deal_id.hex(),
        "IEXEC_TASK_INDEX": str(context.index),
        "IEXEC_IN": layout.input,
        "IEXEC_OUT": layout.output,
        "IEXEC_BOT_SIZE": str(context.bot_size),
        "IEXEC_BOT_FIRST_INDEX": str(context.bot_first),
        "IEXEC_BOT_TASK_INDEX": str(context.index),
        "IEXEC_DATASET_ADDRESS": context.dataset_address.lower(),
        "IEXEC_INPUT_FILES_FOLDER": layout.input,
        "IEXEC_INPUT_FILES_NUMBER": number,
        "IEXEC_NB_INPUT_FILES": number,
    }
    if context.dataset_file is not None:
        variables["IEXEC_DATASET_FILENAME"] = context.dataset_file
    if context.bulk_files is not None:
        variables["IEXEC_BULK_SLICE_SIZE"] = str(len(context.bulk_files))
    for position, name in enumerate(context.bulk_files or (), start=1):
        variables[f"IEXEC_DATASET_{position}_FILENAME"] = name
    for position, name in enumerate(context.input_files, start=1):
        variables[f"IEXEC_INPUT_FILE_NAME_{position}"] = name
    if context.app_secret is not None:
        for name in ("IEXEC_APP_DEVELOPER_SECRET", "IEXEC_APP_DEVELOPER_SECRET_1"):
            variables[name] = context.app_secret.reveal()
    for position, secret in context.requester_secrets.items():
        variables[f"IEXEC_REQUESTER_SECRET_{position}"] = secret.reveal()
    if generation is Generation.V2:
        variables |= {
            "XWJOBUID": task_id,
            "XWDIRIN": layout.input,
            "XWSCRATCHPATH": layout.output,
        }
    return {**context.app_variables, **variables}


def file_names(urls: Sequence[str], reserved: Collection[str] = ()) -> tuple[str, ...]:
    """Name the files of one input folder, as a pure function of their addresses.

    A file keeps the last part of its URL's path, made safe; when nothing is left of it or an
    earlier file has that name in any case, it is called ``0x`` and the SHA-256 of its URL
    (spec offchain §1.4). A repeated URL is the same file, and may get the same name.

    Args:
        urls: the dataset's address first if there is one, then the input files in order.
        reserved: names that other files have already.

    Raises:
        ExecutionError: ``TASK_DESCRIPTION_INVALID`` when two different files cannot be told apart.
    """
    taken = {name.lower(): name for name in reserved}
    names = []
    for url in urls:
        name = _base_name(url)
        if not name or name.lower() in taken:
            name = "0x" + hashlib.sha256(url.encode()).hexdigest()
        if taken.setdefault(name.lower(), url) != url:
            raise ExecutionError(
                Cause.TASK_DESCRIPTION_INVALID,
                f"must not share the file name {name} with {taken[name.lower()]}",
                field="params.iexec_input_files",
                value=url,
                remedy="give the file another name",
            )
        names.append(name)
    return tuple(names)


def _base_name(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    name = _UNSAFE.sub("_", unquote(path.rpartition("/")[2]))[:MAX_FILE_NAME]
    return "" if name in (".", "..") else name
