"""What an app reaches over the network when its worker's operator allows something."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace

import docker
import pytest
from runtime_bench import Bench, Stage, crash

from poco.errors import ConfigurationError
from poco.runtimes import TASK_LABEL, WORKER_LABEL, DockerRuntime, RunResult

pytestmark = pytest.mark.parametrize("bench", ["docker"], indirect=True)

WORKER = "0x" + "cd" * 20


@pytest.fixture
def greeter() -> Iterator[int]:
    """Serve a greeting on all addresses of this host; returns the port."""
    with socket.create_server(("0.0.0.0", 0)) as server:

        def greet() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(100)
                        connection.sendall(b"hello")

        threading.Thread(target=greet, daemon=True).start()
        yield int(server.getsockname()[1])


def run(stage: Stage, allowed: list[str], *arguments: str) -> RunResult:
    labels = {WORKER_LABEL: WORKER, TASK_LABEL: "0x77"}
    spec = replace(stage.spec, arguments=arguments, labels=labels)
    return DockerRuntime(network=allowed).run(spec)


def test_network__allowed_address__is_reached_through_the_proxy(stage: Stage, greeter: int) -> None:
    result = run(stage, [f"127.0.0.0/8:{greeter}"], "call", f"127.0.0.1:{greeter}")
    assert result.stdout == b"HTTP/1.1 200 Connected\r\n\r\nhello"


@pytest.mark.parametrize("target", ["127.0.0.1:1", "127.0.0.2:{port}", "example.org:443"])
def test_network__anything_else__is_refused(stage: Stage, greeter: int, target: str) -> None:
    result = run(stage, [f"127.0.0.1:{greeter}"], "call", target.format(port=greeter))
    assert result.stdout.startswith(b"HTTP/1.1 403 ")


def test_network__allowed_name_of_a_private_address__is_refused(stage: Stage, greeter: int) -> None:
    result = run(stage, [f"localhost:{greeter}"], "call", f"localhost:{greeter}")
    assert result.stdout.startswith(b"HTTP/1.1 403 ")


def test_network__nobody_listens_there__is_told(stage: Stage) -> None:
    result = run(stage, ["127.0.0.1:1"], "call", "127.0.0.1:1")
    assert result.stdout.startswith(b"HTTP/1.1 502 ")


def test_network__other_ports_of_the_host__stay_shut(stage: Stage, greeter: int) -> None:
    result = run(stage, ["127.0.0.1:1"], "knock", str(greeter))
    assert (result.exit_code, result.stdout) == (0, b"shut\n")


def test_network__worker_killed_and_started_again__is_there_again(
    stage: Stage, greeter: int
) -> None:
    allowed = [f"127.0.0.1:{greeter}"]
    labels = {WORKER_LABEL: WORKER, TASK_LABEL: "0x99"}
    arguments = ("call", f"127.0.0.1:{greeter}", "3")  # after three seconds
    spec = replace(stage.spec, arguments=arguments, labels=labels, resume=True)
    crash(spec, after=0.2, network=allowed)
    result = DockerRuntime(network=allowed).run(spec)
    assert result.stdout == b"HTTP/1.1 200 Connected\r\n\r\nhello"
    assert "poco" not in subprocess.check_output(["iptables", "-S", "INPUT"], text=True)


def test_network__after_the_run__nothing_is_left(stage: Stage) -> None:
    run(stage, ["127.0.0.1:1"], "exit", "0")
    assert docker.from_env().networks.list(names=[stage.spec.name]) == []
    assert "poco" not in subprocess.check_output(["iptables", "-S", "INPUT"], text=True)


def test_reap__network_without_a_run__is_removed(bench: Bench, stage: Stage) -> None:
    client = docker.from_env()
    labels = {WORKER_LABEL: WORKER, TASK_LABEL: "0x88"}
    options = {"com.docker.network.bridge.name": "poco-test"}
    client.networks.create(stage.spec.name, internal=True, labels=labels, options=options)
    bench.runtime.reap(WORKER, {"0x88"})
    assert client.networks.list(names=[stage.spec.name]) != []
    bench.runtime.reap(WORKER)
    assert client.networks.list(names=[stage.spec.name]) == []


@pytest.mark.parametrize(
    "entry",
    ["example.org", "example.org:", "example.org:0", "a/b:1", ":443", "*:443", "10.0.0.0/40:1"],
)
def test_network__entry_that_says_nothing__is_refused_at_once(bench: Bench, entry: str) -> None:
    with pytest.raises(ConfigurationError, match=r"write example\.org:443"):
        DockerRuntime(network=[entry])


def test_network__no_firewall__is_the_operators_to_mend(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigurationError, match="run the worker as root"):
        run(stage, ["127.0.0.1:1"], "exit", "0")
    assert docker.from_env().networks.list(names=[stage.spec.name]) == []
