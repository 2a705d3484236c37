"""`poco secrets`: the service as a process, and what its operator does."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from secrets_stage import Stage

from poco.cli.main import main
from poco.cli.secrets import command
from poco.errors import ConfigurationError
from poco.orders import TaskId
from poco.secret import Secret
from poco.services.secrets import KeyFile, KeyRing, SecretName, SecretsClient, SecretStore

APP = SecretName.app("0x" + 20 * "11")
TASK = TaskId(b"\x01" * 32)


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/secrets.sqlite"


def test_serve__simulated__says_what_it_protects_and_serves(
    stage: Stage, anvil: str, tmp_path: Path, key_file: Path, database: str
) -> None:
    book = tmp_path / "book.json"
    stage.market.book.write(book)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    arguments = ["--rpc", anvil, "--deployment", book, "--database", database, "--port", port]
    lists = ["--worker", stage.address("worker"), "--workerpool", stage.pool]
    process = subprocess.Popen(
        [sys.executable, "-c", "from poco.cli.main import main; main()", "secrets", "serve"]
        + [str(argument) for argument in arguments]
        + ["--master-key-file", str(key_file), "--simulated", *lists],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        banner, address = process.stderr.readline(), process.stderr.readline()
        assert "SIMULATED ENCLAVE" in banner
        assert "there is no hardware enclave" in banner
        url = address.split()[-1]
        with httpx.Client(transport=httpx.HTTPTransport(retries=8), timeout=60) as http:
            assert http.get(f"{url}/tee/framework").json() == "SIMULATED"
        client = SecretsClient(url)
        taskid = stage.task(dataset=False)
        enclave = client.challenge(taskid, stage.keys["scheduler"])
        found = client.session(stage.authorization(taskid, enclave), stage.keys["worker"])
        assert found.enclave_key is not None
        client.close()
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert "Traceback" not in errors


def test_serve__no_master_key__is_one_line(
    stage: Stage,
    anvil: str,
    tmp_path: Path,
    database: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("POCO_SECRETS_MASTER_KEY", raising=False)
    book = tmp_path / "book.json"
    stage.market.book.write(book)
    with pytest.raises(SystemExit) as caught:
        main("secrets", "serve", "--rpc", anvil, "--deployment", str(book), "--database", database)
    assert caught.value.code == 3
    errors = capsys.readouterr().err
    assert errors.startswith("error: master key")
    assert errors.count("\n") == 1


def test_serve__malformed_worker__is_named(
    stage: Stage, anvil: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = tmp_path / "book.json"
    stage.market.book.write(book)
    with pytest.raises(SystemExit) as caught:
        main("secrets", "serve", "--rpc", anvil, "--deployment", str(book), "--worker", "0x12")
    assert caught.value.code == 2
    assert "worker = '0x12'" in capsys.readouterr().err


def test_serve__gateway_that_is_none__is_named(
    stage: Stage,
    anvil: str,
    tmp_path: Path,
    key_file: Path,
    database: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    book = tmp_path / "book.json"
    stage.market.book.write(book)
    paths = ["--deployment", str(book), "--master-key-file", str(key_file), "--database", database]
    with pytest.raises(SystemExit) as caught:
        main("secrets", "serve", "--rpc", anvil, *paths, "--ipfs-gateway", "nowhere")
    assert caught.value.code == 3
    assert "'nowhere': must be the base URL of an IPFS gateway" in capsys.readouterr().err


def test_init_key__then_rotate_key__keeps_the_secrets(tmp_path: Path, database: str) -> None:
    file = tmp_path / "keys" / "master.key"
    run = CliRunner().invoke
    assert run(command, ["init-key", "--master-key-file", str(file)]).exit_code == 0
    before = file.read_text()
    store = SecretStore(database, KeyRing.load(file))
    store.put(APP, Secret("value"))
    arguments = ["rotate-key", "--database", database, "--master-key-file", str(file)]
    outcome = run(command, arguments)
    assert outcome.exit_code == 0
    assert "1 secrets" in outcome.output
    assert before.strip() not in file.read_text()
    found = store.get(APP)
    assert found is not None
    assert found.value == Secret("value")
    store.close()


def test_rotate_key__file_of_another_database__is_left_alone(
    tmp_path: Path, key_file: Path, database: str
) -> None:
    SecretStore(database, KeyRing.load(key_file)).close()
    other = tmp_path / "other.key"
    KeyFile(other).create()
    before = other.read_text()
    arguments = ["rotate-key", "--database", database, "--master-key-file", str(other)]
    assert isinstance(CliRunner().invoke(command, arguments).exception, ConfigurationError)
    assert other.read_text() == before


def test_rotate_key__keys_in_the_environment__uses_the_first(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = 32 * "11", 32 * "22"
    monkeypatch.setenv("POCO_SECRETS_MASTER_KEY", old)
    store = SecretStore(database, KeyRing.load(None))
    store.put(APP, Secret("value"))
    store.close()
    monkeypatch.setenv("POCO_SECRETS_MASTER_KEY", f"{new} {old}")
    outcome = CliRunner().invoke(command, ["rotate-key", "--database", database])
    assert "1 secrets" in outcome.output
    monkeypatch.setenv("POCO_SECRETS_MASTER_KEY", new)
    store = SecretStore(database, KeyRing.load(None))
    assert store.get(APP) is not None
    store.close()


def test_audit__tells_releases_as_text_and_as_json(key_file: Path, database: str) -> None:
    store = SecretStore(database, KeyRing.load(key_file), clock=lambda: 0.0)
    store.record(TASK, bytes(32), "0xworker", "127.0.0.1", ["app 0xAA", "dataset 0xBB"])
    store.close()
    options = ["audit", "--database", database, "--master-key-file", str(key_file)]
    lines = CliRunner().invoke(command, options).output.splitlines()
    assert lines[0] == (
        f"1970-01-01T00:00:00+00:00 app 0xAA task 0x{TASK.hex()} worker 0xworker (127.0.0.1)"
    )
    selected = [*options, "--raw", "--task", f"0x{TASK.hex()}", "--secret", "0xbb"]
    (line,) = CliRunner().invoke(command, selected).output.splitlines()
    assert json.loads(line)["secret"] == "dataset 0xBB"


@pytest.mark.parametrize("taskid", ["0x12", "words"])
def test_audit__malformed_task__is_a_usage_error(taskid: str) -> None:
    outcome = CliRunner().invoke(command, ["audit", "--task", taskid])
    assert outcome.exit_code == 2
    assert "it has 32 bytes in hex" in outcome.output
