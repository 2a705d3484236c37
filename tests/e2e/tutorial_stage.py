"""Somebody who follows a tutorial on a machine where `poco up` runs."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from local_images import base_with_node, base_with_python
from terminals import BIN, ROOT, runtimes_under_test

from poco.cli.main import commands
from poco.local.info import StackInfo
from poco.local.runfile import running

APPS = ROOT / "apps"
BASES = {"python": base_with_python, "javascript": base_with_node}
HAS_ENGINE = "docker" in runtimes_under_test()
YES = "y\n"
ADDRESS, ID = r"(0x[0-9a-fA-F]{40})\b", r"(0x[0-9a-f]{64})\b"
HEX = re.compile(r"0x[0-9a-fA-F]+…?")
PASSPHRASE = "tutorial"
PATIENCE = 20.0
SHOW_ENTRY = "import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]).decode())"
UNZIP_P = "unzip -p" if shutil.which("unzip") else f"python3 -c {shlex.quote(SHOW_ENTRY)}"
UNZIP = "unzip {0}.zip -d {0}" if shutil.which("unzip") else "python3 -m zipfile -e {0}.zip {0}"


@dataclass
class Reader:
    """Somebody with a tutorial, a terminal and an empty folder."""

    folder: Path
    info: StackInfo

    def type(self, line: str, answer: str = "") -> str:
        """Run a command of ours, and return what it prints on both streams."""
        poco, *words = shlex.split(line)
        assert poco == "poco"
        done = CliRunner().invoke(commands, words, input=answer)
        assert done.exit_code == 0, done.output
        return done.output

    def shell(self, line: str) -> str:
        """Run a line in a shell, with real processes, and return what it prints."""
        environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
        done = subprocess.run(
            line, shell=True, cwd=self.folder, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def edit(self, path: str, **fields: Any) -> None:
        """Edit a section of iexec.json."""
        file = self.folder / "iexec.json"
        document = section = json.loads(file.read_text())
        for name in path.split("."):
            section = section[name]
        section |= fields
        file.write_text(json.dumps(document))

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace a word in a file, like somebody with an editor."""
        file = self.folder / name
        file.write_text(file.read_text().replace(old, new))

    def wallet(self, name: str) -> str:
        """Make a wallet with a passphrase, some money and a name; return its address."""
        self.type("poco wallet create")
        self.type("poco wallet fund")
        store = Path.home() / ".ethereum" / "keystore"
        [made] = store.glob("UTC--*")
        made.rename(store / name)
        return f"0x{made.name.rpartition('--')[2]}"

    def read(self, name: str) -> str:
        """Return what is in a file."""
        return (self.folder / name).read_text()

    def download(self, taskid: str, name: str, more: str = "") -> None:
        """Download a result and unpack it, as one line in a shell."""
        line = f"poco task show {taskid} --download {name} {more} && {UNZIP.format(name)}"
        self.shell(line)


@contextmanager
def market_of_poco_up(home: Path) -> Iterator[StackInfo]:
    """Run `poco up` for a home folder, where commands find it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_STATE_HOME", str(home))
        patch.setenv("POCO_WALLET_PASSWORD", PASSPHRASE)
        words = ["--detach", "--free-ports", "--block-time=0", "--workers=1", "--without=subgraph"]
        subprocess.run([BIN / "poco", "up", *words], check=True, capture_output=True)
        try:
            market = running()
            assert market
            yield market.stack_info
        finally:
            subprocess.run([BIN / "poco", "down"], check=True, capture_output=True)


def found(pattern: str, text: str) -> str:
    """Return what a reader copies from the output of a command."""
    match = re.search(pattern, text)
    assert match, text
    return match[1]


def play(reader: Reader, session: str, *, base: str = "") -> None:
    """Type what a page shows behind its prompts; the answers are those that it shows.

    Ids, which differ, are not compared, and the one that is typed is that of the last task.

    Args:
        reader: who types.
        session: the block of the page.
        base: image to build on, in the place of the one that a Dockerfile fetches.
    """
    said = taskid = ""
    for line in session.splitlines():
        if not line.startswith("$ "):
            answer = HEX.sub("0x", line)
            assert answer in ("", "…", *HEX.sub("0x", said).splitlines()), f"{line!r} in {said}"
            continue
        typed = HEX.sub(taskid, line[2:].partition(" #")[0]).replace("unzip -p", UNZIP_P)
        typed = typed.replace("docker build", f"docker build --build-arg BASE={base}")
        said = reader.type(typed) if typed.startswith("poco ") else reader.shell(typed)
        if task := re.search(f"task {ID}", said):
            taskid = task[1]


def module_or_image(reader: Reader, app: str) -> tuple[str, str]:
    """Build the image of an app, without the label that tells its version; type and address."""
    if not HAS_ENGINE:
        return "WASM", str(APPS / app / "app.wasm")
    folder = reader.folder / "image"
    reader.shell(f"make -s -C {APPS / app} {folder / app} BUILD={folder}")
    (folder / "Dockerfile").write_text(f'FROM scratch\nCOPY {app} /\nENTRYPOINT ["/{app}"]\n')
    reader.shell(f"docker build image --tag poco-tutorial-{app}")
    return "DOCKER", f"poco-tutorial-{app}"


def transcode_by_hand(reader: Reader, image: str) -> None:
    """Try the app of version 2 as its tutorial says that workers do."""
    sample = APPS / "v2-transcode" / "samples" / "small.zip"
    (reader.folder / "in_out").mkdir()
    with zipfile.ZipFile(sample) as archive:
        archive.extractall(reader.folder / "in_out")
    reader.shell(
        f"""
        IN_OUT=$PWD/in_out DOCKERIMAGE={image} CMDLINE="-i /iexec/small.ppm /iexec/small.pgm"
        docker run --rm -v ${{IN_OUT}}:/iexec ${{DOCKERIMAGE}} ${{CMDLINE}}
        """
    )
    assert reader.read("in_out/consensus.iexec")


def analyse_by_hand(reader: Reader, image: str, samples: Path) -> None:
    """Try the app of version 3 with a dataset, in the folders that its tutorial makes."""
    reader.shell(
        rf"""
        mkdir iexec_in iexec_out && \
        cp {shlex.quote(str(samples))}/*.txt iexec_in/. && \
        docker run --rm -e IEXEC_DATASET_FILENAME="atlas.txt" \
            -e IEXEC_INPUT_FILES_FOLDER=/iexec_in \
            -e IEXEC_NB_INPUT_FILES=1 -e IEXEC_INPUT_FILE_NAME_1=scan.txt \
            -v `pwd`/iexec_in/:/iexec_in -v `pwd`/iexec_out:/iexec_out {image}
        """
    )
    assert reader.read("iexec_out/determinism.iexec")


def build_and_test(reader: Reader, language: str) -> str:
    """Build the app of the tutorial, try it by hand, and return its image."""
    image = f"poco-tutorial-{language}"
    app = f"my-hello-world-app-{language}"
    shutil.copytree(APPS / f"hello-world-{language}", reader.folder / app)
    base = BASES[language]()
    reader.shell(f"cd {app} && docker build . --tag {image} --build-arg BASE={base}")
    (reader.folder / "iexec_in").mkdir()
    (reader.folder / "iexec_out").mkdir()
    basic = reader.shell(
        rf"""
        docker run --rm \
            -v $PWD/iexec_in:/iexec_in \
            -v $PWD/iexec_out:/iexec_out \
            -e IEXEC_IN=/iexec_in \
            -e IEXEC_OUT=/iexec_out \
            {image} arg1 arg2 arg3
        """
    )
    assert "Hello, arg1!" in basic
    said = reader.shell(
        rf"""
        touch iexec_in/file1 && \
        touch iexec_in/file2 && \
        docker run --rm \
            -v $PWD/iexec_in:/iexec_in \
            -v $PWD/iexec_out:/iexec_out \
            -e IEXEC_IN=/iexec_in \
            -e IEXEC_OUT=/iexec_out \
            -e IEXEC_INPUT_FILE_NAME_1=file1 \
            -e IEXEC_INPUT_FILE_NAME_2=file2 \
            -e IEXEC_INPUT_FILES_NUMBER=2 \
            {image} \
            arg1 arg2 arg3
        """
    )
    assert "Hello, arg1!" in said
    assert json.loads(reader.read("iexec_out/computed.json"))
    return image


def debugged(reader: Reader, taskid: str) -> str:
    """Ask for the logs of a task, until the scheduler has got them from the worker."""
    end = time.monotonic() + PATIENCE
    while True:
        told = reader.type(f"poco task debug {taskid} --logs --chain bellecour")
        if "appLogs" in told:
            return told
        assert time.monotonic() < end, told
        time.sleep(0.1)
