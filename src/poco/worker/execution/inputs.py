"""Lay out what an app reads (spec offchain §1.1, §1.2, §1.4, §1.6).

Files are named by what stands on chain alone, so that an app finds the same on every worker.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from poco import appio
from poco.appio import ArchiveTooLargeError, Cause, DealParams, ExecutionError, Generation
from poco.appio.encryption import decrypt_dataset
from poco.errors import PocoError
from poco.worker.execution.bulk import bulk_names, each_of_bulk
from poco.worker.execution.folders import TaskFolders
from poco.worker.execution.model import DatasetFile, TaskInputs

__all__ = ["InputNames", "PlacedInputs", "name_inputs", "place_inputs", "placed_inputs"]

_ZIP_MAGIC = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class InputNames:
    """What the files of a task are called in the app's input folder.

    Attributes:
        dataset: name of the dataset, None without one.
        dirinuri: name of v2's own input, None without one.
        files: names of the input files, in the requester's order.
        bulk: names of the bulk's datasets, empty for one that is not there; None without a bulk.
    """

    dataset: str | None
    dirinuri: str | None
    files: tuple[str, ...]
    bulk: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class PlacedInputs:
    """The inputs that lie in the output folder, where v2 has them; none of another generation.

    Attributes:
        digests: SHA-256 of each file by its path.
        size: bytes of all of them.
        entries: number of files and folders.
    """

    digests: Mapping[str, bytes]
    size: int
    entries: int


def name_inputs(task: TaskInputs, params: DealParams) -> InputNames:
    """Name the files that a task reads.

    Raises:
        ExecutionError: ``TASK_DESCRIPTION_INVALID`` when two files cannot be told apart.
    """
    urls = list(params.downloads)
    enclave_name = task.dataset.address.lower() if task.dataset and task.tee else None
    if task.dataset and not enclave_name:
        urls.insert(0, task.dataset.multiaddr)
    bulk = bulk_names(task.bulk)
    reserved = {name for name in (enclave_name, *(bulk or ())) if name}
    names = list(appio.file_names(urls, reserved))
    dataset = enclave_name or (names.pop(0) if task.dataset else None)
    dirinuri = names.pop(0) if params.dirinuri else None
    return InputNames(dataset, dirinuri, tuple(names), bulk)


def place_inputs(
    task: TaskInputs,
    params: DealParams,
    names: InputNames,
    generation: Generation,
    folders: TaskFolders,
) -> PlacedInputs:
    """Put dataset and input files where the app finds them.

    Raises:
        ExecutionError: when a file was not downloaded, has the place of another one, or cannot be
            decrypted or unpacked.
    """
    shared = generation is Generation.V2
    target = folders.output if shared else folders.input
    digests: dict[str, bytes] = {}
    files = dict(zip(names.files, params.input_files, strict=True))
    if names.dirinuri:
        source = _downloaded(task, params.dirinuri)
        if _is_zip(names.dirinuri, source):
            digests |= _unpack(params.dirinuri, source, target)
        else:
            files[names.dirinuri] = params.dirinuri
    for name, url in files.items():
        shutil.copyfile(_downloaded(task, url), _vacant(target / name, url))
    if task.dataset and names.dataset:
        _place_dataset(task.dataset, _vacant(target / names.dataset, task.dataset.multiaddr))
    bulk = {name: one for name, one in zip(names.bulk or (), task.bulk or (), strict=True) if one}
    each_of_bulk(
        bulk.items(),
        lambda item: item[0],
        lambda item: _place_dataset(item[1], _vacant(target / item[0], item[1].multiaddr)),
    )
    placed = (*files, *bulk, *([names.dataset] if names.dataset else ()))
    for name in placed:
        (target / name).chmod(0o666 if shared else 0o644)
    if not shared:
        return _note(PlacedInputs({}, 0, 0), folders)
    for name in placed:
        with (target / name).open("rb") as stream:
            digests[name] = appio.stream_digest(stream)
    size = sum((target / path).stat().st_size for path in digests)
    return _note(PlacedInputs(digests, size, sum(1 for _ in target.rglob("*"))), folders)


def placed_inputs(folders: TaskFolders) -> PlacedInputs | None:
    """Return what `place_inputs` put, or None when it did not come to its end."""
    try:
        noted = json.loads(folders.note.read_text())
    except (OSError, ValueError):
        return None
    digests = {path: bytes.fromhex(digest) for path, digest in noted["digests"].items()}
    return PlacedInputs(digests, noted["size"], noted["entries"])


def _note(placed: PlacedInputs, folders: TaskFolders) -> PlacedInputs:
    """Keep what was put for a worker that starts again."""
    digests = {path: digest.hex() for path, digest in placed.digests.items()}
    noted = {"digests": digests, "size": placed.size, "entries": placed.entries}
    folders.note.write_text(json.dumps(noted))
    return placed


def _downloaded(task: TaskInputs, url: str) -> Path:
    if url not in task.input_files:
        raise ExecutionError(
            Cause.INPUT_FILES_DOWNLOAD_FAILED,
            "every input file must have been downloaded",
            field="params.iexec_input_files",
            value=url,
            permanent=False,
        )
    return task.input_files[url]


def _vacant(target: Path, url: str) -> Path:
    if os.path.lexists(target):
        raise ExecutionError(
            Cause.TASK_DESCRIPTION_INVALID,
            f"must not have the name {target.name}, which the unpacked dirinuri has taken",
            field="params",
            value=url,
            remedy="give the file another name",
        )
    return target


def _is_zip(name: str, source: Path) -> bool:
    """Tell by name and content whether v2 unpacks its input (spec offchain §1.6)."""
    if not name.lower().endswith(".zip"):
        return False
    with source.open("rb") as stream:
        return stream.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC


def _unpack(url: str, source: Path, target: Path) -> dict[str, bytes]:
    try:
        return appio.unpack_archive(source, target, appio.INPUT_LIMITS)
    except ValueError as error:
        too_large = isinstance(error, ArchiveTooLargeError)
        raise ExecutionError(
            Cause.INPUT_TOO_LARGE if too_large else Cause.INPUT_ARCHIVE_INVALID,
            str(error),
            field="params.dirinuri",
            value=url,
            remedy="pack plain files and folders, or give the file another extension than .zip",
        ) from error


def _place_dataset(dataset: DatasetFile, target: Path) -> None:
    if dataset.key is None:
        shutil.copyfile(dataset.path, target)
        return
    try:
        decrypt_dataset(dataset.path, target, dataset.key.reveal())
    except PocoError as error:
        raise ExecutionError(
            Cause.PRE_COMPUTE_DATASET_DECRYPTION_FAILED,
            error.rule,
            field="dataset",
            value=dataset.address,
            remedy="its owner must push the key that the registered file was encrypted with",
        ) from error
