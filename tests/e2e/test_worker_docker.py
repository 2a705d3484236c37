"""A worker that is killed while a container runs takes it up again."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container
from scheduler_stage import Pool, opened, purchase
from terminals import runtimes_under_test
from worker_shell import Shell, wait_until
from worker_stage import Town, founded

from poco.contracts import TaskStatus
from poco.market import Role, development_account, register_app
from poco.orders import random_salt, sign_order
from poco.runtimes import TASK_LABEL

ENGINES = ["docker"] if "docker" in runtimes_under_test() else []
IMAGE = "poco-test-slow:latest"
APP = r"""
#include <stdio.h>
#include <unistd.h>
static void put(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}
int main(void) {
    puts("begins");
    fflush(stdout);
    sleep(6);
    put("/iexec_out/a.txt", "done\n");
    put("/iexec_out/computed.json", "{\"deterministic-output-path\": \"/iexec_out/a.txt\"}");
    return 0;
}
"""


@pytest.fixture(scope="module", params=ENGINES)
def town(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """A market whose app is an image that takes its time."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "app.c").write_text(APP)
    (folder / "Dockerfile").write_text('FROM scratch\nCOPY app /app\nENTRYPOINT ["/app"]\n')
    command = ["cc", "-static", "-o", str(folder / "app"), str(folder / "app.c")]
    subprocess.run(command, check=True)
    image, _ = docker.from_env().images.build(path=str(folder), tag=IMAGE)
    checksum = bytes.fromhex(str(image.id).removeprefix("sha256:"))
    with founded() as town:
        owner = development_account(Role.APP_OWNER)
        app = register_app(town.market.acting_as(owner), "slow", "DOCKER", IMAGE, checksum).address
        order = replace(town.offer.app, app=app, salt=random_salt())
        town.offer = replace(town.offer, app=sign_order(order, town.market.domain, owner))
        yield town


@pytest.fixture
def pool(town: Town, tmp_path: Path) -> Iterator[Pool]:
    stop = threading.Event()
    with opened(town, tmp_path) as pool:
        thread = threading.Thread(target=pool.scheduler.run, args=(stop, 0.05))
        thread.start()
        try:
            yield pool
        finally:
            stop.set()
            thread.join()


@pytest.fixture
def shell(town: Town, tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(town, tmp_path)
    yield shell
    shell.close()


def containers(taskid: bytes) -> list[Container]:
    labels = {"label": f"{TASK_LABEL}=0x{taskid.hex()}"}
    return list(docker.from_env().containers.list(filters=labels))


def test_worker__killed_while_a_container_runs__takes_it_up_again(
    town: Town, pool: Pool, shell: Shell
) -> None:
    process = shell.start(pool.url)
    _, taskid = purchase(town)
    wait_until(lambda: bool(containers(taskid)), shell)
    (first,) = containers(taskid)
    first.pause()  # it is not to end before the worker is back
    process.kill()
    process.wait()
    shell.start(pool.url)
    wait_until(shell.said("goes on with the 1 tasks"), shell)
    (second,) = containers(taskid)
    assert second.id == first.id
    first.unpause()
    wait_until(lambda: town.status(taskid) is TaskStatus.COMPLETED, shell)
    assert containers(taskid) == []
