"""Apps that mean harm, in every sandbox: none gets out, each ends with its cause (spec §6.2)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import socket
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from terminals import runtimes_under_test

from poco.appio import Cause, OutputLimits
from poco.runtimes import WORKER_LABEL, DockerRuntime, RunLimits, Runtime, WasmRuntime
from poco.worker.execution import AppReference, Execution, TaskInputs, execute, remove_tree

MIB = 1024**2
HOSTILE = Path(__file__).parents[1] / "hostile"
IMAGE = "poco-test-hostile:latest"
SECRET = "https://example.org/secret"
ZIP = "https://example.org/input.zip"
RESULT = "/iexec_out/result"
WORKER = "0x" + "66" * 20
GROWTH = 64 * MIB
"""How much memory of the worker an app may cost, in bytes."""

PATIENCE, HASTE = 120.0, 2.0
"""Seconds of apps that end otherwise, and of those that only time ends."""

Run = Callable[..., Execution]
Hostile = tuple[Runtime, AppReference]


@pytest.fixture(scope="session")
def wasm(tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    module = tmp_path_factory.mktemp("hostile") / "hostile.wasm"
    make("wasm", f"WASM={module}", f"BUILD={module.parent}")
    checksum = hashlib.sha256(module.read_bytes()).digest()
    return WasmRuntime(allow_files=True), AppReference(str(module), checksum, "WASM")


@pytest.fixture(scope="session")
def container(tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    runtime = DockerRuntime()
    assert runtime.answers(), "no Docker engine answers: scripts/start-dockerd.sh starts one"
    make("image", f"IMAGE={IMAGE}", f"BUILD={tmp_path_factory.mktemp('image')}")
    image = docker.from_env().images.get(IMAGE)
    return runtime, AppReference(IMAGE, bytes.fromhex(str(image.id).removeprefix("sha256:")))


@pytest.fixture
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Run]:
    """Return what executes a deed, and check afterwards that nothing is left of it."""
    runtime, app = request.getfixturevalue(request.param)
    secret = tmp_path / "secret"
    secret.write_text("secret")

    def do(
        deed: str, seconds: float = PATIENCE, memory: int = 64 * MIB, **changes: object
    ) -> Execution:
        task = TaskInputs(
            task_id=hashlib.sha256(deed.encode()).digest(),
            deal_id=bytes(32),
            index=0,
            bot_first=0,
            bot_size=1,
            app=app,
            params=json.dumps({"iexec_args": deed, "iexec_input_files": [SECRET]}),
            limits=RunLimits(
                seconds=seconds,
                memory=memory,
                processes=64,
                output=OutputLimits(size=8 * MIB, entries=1000),
            ),
            input_files={SECRET: secret},
            worker=WORKER,
        )
        with bounded_memory():
            return execute(
                replace(task, **changes),  # type: ignore[arg-type]
                runtime,
                tmp_path / "work",
            )

    yield do
    if (tmp_path / "work").exists():
        remove_tree(tmp_path / "work")
    assert {path.name for path in tmp_path.iterdir()} <= {"secret", "input.zip"}
    assert secret.read_text() == "secret"
    if runtime.app_type == "DOCKER":
        filters = {"label": f"{WORKER_LABEL}={WORKER}"}
        assert docker.from_env().containers.list(all=True, filters=filters) == []


WASM = ["wasm"] if "wasm" in runtimes_under_test() and shutil.which("clang-14") else []  # CI has it
CONTAINER = ["container"] if "docker" in runtimes_under_test() else []
both = pytest.mark.parametrize("run", WASM + CONTAINER, indirect=True)
in_container = pytest.mark.parametrize("run", CONTAINER, indirect=True)
in_wasm = pytest.mark.parametrize("run", WASM, indirect=True)


def time_for(cause: Cause) -> float:
    """Return the time of an app that ends with a cause."""
    return HASTE if cause is Cause.APP_COMPUTE_TIMEOUT else PATIENCE


@both
@pytest.mark.parametrize(
    ("deed", "cause"),
    [
        ("fill", Cause.APP_OUTPUT_TOO_LARGE),
        ("crowd", Cause.APP_OUTPUT_TOO_LARGE),
        ("burrow", Cause.OUTPUT_TREE_INVALID),
        ("spin", Cause.APP_COMPUTE_TIMEOUT),
        ("shout", Cause.APP_COMPUTE_TIMEOUT),
        ("exit 3", Cause.APP_COMPUTE_FAILED),
        ("abort", Cause.APP_COMPUTE_FAILED),
        ("declare /iexec_out/../../etc/passwd", Cause.DETERMINISM_HASH_NOT_FOUND),
        ("declare ../../secret", Cause.DETERMINISM_HASH_NOT_FOUND),
        ("declare /etc/passwd", Cause.DETERMINISM_HASH_NOT_FOUND),
        ("declare /dev/zero", Cause.DETERMINISM_HASH_NOT_FOUND),
        ("nonsense", Cause.DETERMINISM_HASH_NOT_FOUND),
        ("bulk", Cause.DETERMINISM_HASH_NOT_FOUND),
        (f"link {RESULT} ../../../../secret {RESULT}", Cause.DETERMINISM_HASH_NOT_FOUND),
        ("name " + "61" * 32, Cause.POST_COMPUTE_TOO_LONG_RESULT_FILE_NAME),
    ],
)
def test_deed__in_any_sandbox__ends_with_its_cause(run: Run, deed: str, cause: Cause) -> None:
    failure = run(deed, seconds=time_for(cause)).failure
    assert failure is not None
    assert failure.cause is cause


@both
def test_veil__deleted_files_that_are_held_open__count_as_output(run: Run) -> None:
    failure = run("veil").failure
    assert failure is not None
    assert failure.cause is Cause.APP_OUTPUT_TOO_LARGE


@in_container
@pytest.mark.parametrize(
    ("deed", "cause", "code"),
    [
        ("hoard", Cause.APP_OUT_OF_MEMORY, 137),
        ("scratch", Cause.APP_OUT_OF_MEMORY, 137),
        ("shared-memory", Cause.APP_OUT_OF_MEMORY, 137),
        ("volume", Cause.APP_OUT_OF_MEMORY, 137),
        ("sparse", Cause.APP_OUTPUT_TOO_LARGE, 0),
        ("deaf", Cause.APP_COMPUTE_TIMEOUT, 137),
        ("exit 255", Cause.APP_COMPUTE_FAILED, 255),
        ("raise 11", Cause.APP_COMPUTE_FAILED, 139),
        ("raise 9", Cause.APP_COMPUTE_FAILED, 137),
        ("kill-all", Cause.APP_COMPUTE_FAILED, 1),
        ("fifo", Cause.OUTPUT_TREE_INVALID, 0),
        ("computed-fifo", Cause.OUTPUT_TREE_INVALID, 0),
        ("socket", Cause.OUTPUT_TREE_INVALID, 0),
        ("name fffe", Cause.OUTPUT_TREE_INVALID, 0),
        ("link /iexec_out/computed.json /etc/passwd", Cause.DETERMINISM_HASH_NOT_FOUND, 0),
        (f"link {RESULT} /dev/zero {RESULT}", Cause.DETERMINISM_HASH_NOT_FOUND, 0),
    ],
)
def test_deed__in_a_container__ends_with_its_cause(
    run: Run, deed: str, cause: Cause, code: int
) -> None:
    execution = run(deed, seconds=time_for(cause))
    assert execution.failure is not None
    assert (execution.failure.cause, execution.exit_code) == (cause, code)


@in_wasm
@pytest.mark.parametrize(
    "deed",
    [
        "hoard",  # memory that cannot grow is the app's to handle
        "sparse",  # a file cannot be that long
        "name fffe",  # names are text
        f"link {RESULT} /dev/zero {RESULT}",  # links lead nowhere else
    ],
)
def test_deed__that_wasi_refuses__is_the_apps_failure(run: Run, deed: str) -> None:
    failure = run(deed).failure
    assert failure is not None
    assert failure.cause is Cause.APP_COMPUTE_FAILED


@both
def test_lie__own_digest__is_not_believed(run: Run) -> None:
    assert run("lie").digest == hashlib.sha256(b"42").digest()


@both
def test_leak__hard_link_to_the_input__cannot_be_made(run: Run) -> None:
    execution = run("leak")
    assert execution.failure is None
    assert execution.output is not None
    assert not (execution.output / "secret").exists()


@both
def test_name__control_characters__are_archived_as_they_are(run: Run) -> None:
    execution = run("name 0a1b5b")
    assert execution.archive is not None
    assert "\n\x1b[" in zipfile.ZipFile(execution.archive).namelist()


@both
def test_large__hundred_megabytes__pass_through_little_memory(run: Run) -> None:
    limits = RunLimits(seconds=60, memory=64 * MIB, output=OutputLimits(size=200 * MIB))
    execution = run("large 100", limits=limits)
    assert execution.failure is None
    expected = hashlib.sha256(bytes(100 * MIB)).digest()
    assert execution.digest == expected


@both
@pytest.mark.parametrize("kind", ["bomb", "slip", "link"])
def test_input_archive__made_by_an_enemy__is_refused_before_anything_runs(
    run: Run, tmp_path: Path, kind: str
) -> None:
    archive = tmp_path / "input.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        if kind == "bomb":
            with packed.open("zeros", "w", force_zip64=True) as member:
                for _ in range(100):
                    member.write(bytes(MIB))
        elif kind == "slip":
            packed.writestr("../../../../../slipped", "x")
        else:
            link = zipfile.ZipInfo("link")
            link.external_attr = 0o120777 << 16
            packed.writestr(link, "/etc/passwd")
    params = json.dumps({"cmdline": "spin", "dirinuri": ZIP})
    execution = run("spin", params=params, input_files={ZIP: archive})
    assert execution.failure is not None
    assert execution.exit_code is None
    assert execution.failure.cause is (
        Cause.INPUT_TOO_LARGE if kind == "bomb" else Cause.INPUT_ARCHIVE_INVALID
    )


@in_container
def test_escape__every_way_out__is_shut(run: Run) -> None:
    execution = run("escape")
    assert (execution.failure, execution.stdout) == (None, b"")


@in_container
def test_egress__host_network_and_cloud__cannot_be_reached(run: Run) -> None:
    with listener() as (port, visitors):
        targets = [f"{address} {port}" for address in own_addresses()]
        targets += ["169.254.169.254 80", "1.1.1.1 443", "172.17.0.1 2375"]
        execution = run(f"egress {' '.join(targets)}")
        assert visitors == []
    assert (execution.failure, execution.exit_code) == (None, 0)  # no peer has answered


@in_container
def test_fork_bomb__is_held_at_its_number_of_processes_until_its_time_is_over(run: Run) -> None:
    memory = 512 * MIB  # of which 64 processes do not run out
    execution = run("fork-bomb", seconds=HASTE, memory=memory)
    assert execution.failure is not None
    assert execution.failure.cause is Cause.APP_COMPUTE_TIMEOUT
    assert execution.exit_code == 137


@in_container
def test_zombies__and_one_that_outlives_its_parents__end_with_the_app(run: Run) -> None:
    assert run("zombies").failure is None


@in_container
def test_setuid__file_of_the_app__is_a_plain_file_in_the_archive(run: Run) -> None:
    execution = run("setuid")
    assert execution.archive is not None
    mode = zipfile.ZipFile(execution.archive).getinfo("root").external_attr >> 16
    assert mode & 0o7000 == 0


@in_container
def test_link__in_the_place_of_the_log__is_replaced_and_not_followed(run: Run) -> None:
    execution = run("link /iexec_out/stdout.txt /iexec_in/secret /iexec_out")
    assert execution.output is not None
    log = execution.output / "stdout.txt"
    assert not log.is_symlink()
    assert log.read_bytes() == b""


def make(*arguments: str) -> None:
    made = subprocess.run(
        ["make", "-C", str(HOSTILE), *arguments], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr


@contextlib.contextmanager
def bounded_memory() -> Iterator[None]:
    """Check that the peak of this process's memory stays near to where it was."""
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak is from now on
    yield
    assert memory("VmHWM") - before < GROWTH


def memory(field: str) -> int:
    """Return a figure of this process in bytes."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024


@contextlib.contextmanager
def listener() -> Iterator[tuple[int, list[str]]]:
    """Listen on every address of this host; yields the port and who has come."""
    visitors: list[str] = []
    with socket.create_server(("0.0.0.0", 0)) as server:

        def welcome() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, peer = server.accept()
                    visitors.append(peer[0])
                    connection.close()

        threading.Thread(target=welcome, daemon=True).start()
        yield server.getsockname()[1], visitors


def own_addresses() -> list[str]:
    """Return the IPv4 addresses of this host that an app might try."""
    found = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False)
    return ["127.0.0.1", *(word for word in found.stdout.split() if ":" not in word)]
