"""What the execution of a task depends on, and what it yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from poco import appio
from poco.appio import ExecutionError, Generation
from poco.runtimes import RunLimits
from poco.secret import Secret

__all__ = ["AppReference", "DatasetFile", "Execution", "TaskInputs"]


@dataclass(frozen=True, slots=True)
class AppReference:
    """The app of a deal, as its registry entry says.

    Attributes:
        multiaddr: image reference, or address of a WASM module; a v2 entry may hold the app's
            parameters instead, see `poco.appio.parse_app`.
        checksum: 32 bytes; zero bytes when none was registered.
        app_type: ``DOCKER`` or ``WASM``.
    """

    multiaddr: str
    checksum: bytes
    app_type: str = "DOCKER"


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """The dataset of a deal, already on this host.

    Attributes:
        address: hex address of the dataset.
        multiaddr: where it came from; its last part names the file for the app.
        path: the local copy, whose checksum has been verified.
        key: decrypts it, None when it is not encrypted.
    """

    address: str
    multiaddr: str
    path: Path
    key: Secret | None = None


@dataclass(frozen=True, slots=True)
class TaskInputs:
    """All that the execution of a task depends on.

    Attributes:
        task_id: 32 bytes.
        deal_id: 32 bytes.
        index: absolute index of the task in its requester's bag.
        bot_first: index of the deal's first task.
        bot_size: number of tasks in the deal.
        app: the app to run.
        params: the deal's ``params`` as they stand on chain.
        limits: what the run may use; ``limits.seconds`` is the category's time.
        dataset: the dataset, or None.
        input_files: local copies by the URL of all in ``parse_params(params).downloads``.
        callback: hex address of the deal's callback contract, or the zero address.
        trust: the deal's trust. An app of v2 or v3 that declares no result has its archive as the
            result, where nobody needs to agree with it: up to a trust of 1.
        tee: whether the deal's tag asks for an enclave; such an app finds the dataset under its
            address (spec offchain §1.4).
        gpu: whether the app gets the host's GPUs.
        app_secret: the app developer's secret, None when there is none.
        requester_secrets: the requester's secrets by the number in ``iexec_secrets``.
        result_key: public key of the beneficiary, PEM, that the archive is encrypted with; empty
            for a plain archive.
        worker: hex address of the worker, by which it finds its runs again.
        bulk: the datasets of the task's slice of a bulk, None in the place of one that the task may
            not have; None without a bulk. The app finds each under its address.
    """

    task_id: bytes
    deal_id: bytes
    index: int
    bot_first: int
    bot_size: int
    app: AppReference
    params: str
    limits: RunLimits
    dataset: DatasetFile | None = None
    input_files: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}))
    callback: str = appio.ZERO_ADDRESS
    trust: int = 1
    tee: bool = False
    gpu: bool = False
    app_secret: Secret | None = None
    requester_secrets: Mapping[int, Secret] = field(default_factory=lambda: MappingProxyType({}))
    result_key: bytes = b""
    worker: str = ""
    bulk: tuple[DatasetFile | None, ...] | None = None

    @property
    def has_callback(self) -> bool:
        """Whether the deal names a callback contract."""
        return int(self.callback, 16) != 0


@dataclass(frozen=True, slots=True)
class Execution:
    """What became of a task on this host.

    Attributes:
        digest: the 32 bytes to contribute and reveal, the app's own or those of an error result;
            None when there is nothing to contribute and another worker should try.
        callback_data: bytes for the callback contract, empty without callback.
        archive: path of the archive to upload, encrypted if that was asked for; None only when
            `digest` is None.
        archive_digest: its SHA-256, 32 bytes, empty without archive.
        stdout: what the app wrote there, bounded.
        stderr: likewise.
        exit_code: the app's exit code, None when it was never started.
        seconds: wall clock time of the app's run.
        failure: why there is no result of the app's own, None when there is one.
        warnings: remarks for the requester.
        generation: what the app was taken to speak, None when that was not found out.
        source: name of the file that decided on the digest, empty when the archive did.
        output: the folder as the app left it, with the logs.
        inputs: SHA-256 by path of the inputs in that folder, where v2 has them.
    """

    digest: bytes | None
    callback_data: bytes
    archive: Path | None
    archive_digest: bytes
    stdout: bytes
    stderr: bytes
    exit_code: int | None
    seconds: float
    failure: ExecutionError | None
    warnings: tuple[str, ...] = ()
    generation: Generation | None = None
    source: str = ""
    output: Path | None = None
    inputs: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
