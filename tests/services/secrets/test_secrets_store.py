"""Encryption at rest, master keys, and the audit; on both engines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from support.postgresql import start_postgresql

from poco.errors import ConfigurationError, UserInputError
from poco.orders import TaskId
from poco.secret import Secret
from poco.services.secrets import KeyFile, KeyRing, SecretName, SecretStore
from poco.services.secrets.keys import ENVIRONMENT_VARIABLE
from poco.services.secrets.tables import METADATA

APP = SecretName.app("0x" + 20 * "11")
OTHER_APP = SecretName.app("0x" + 20 * "22")
SETTING = SecretName.setting("0x" + 20 * "33", "name")
TASK = TaskId(b"\x01" * 32)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    with start_postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/secrets.sqlite"
    found: str = request.getfixturevalue("postgresql")
    engine = create_engine(found.replace("postgresql:", "postgresql+psycopg:"))
    METADATA.drop_all(engine)
    engine.dispose()
    return found


@pytest.fixture
def store(url: str, key_file: Path) -> Iterator[SecretStore]:
    made = SecretStore(url, KeyRing.load(key_file))
    yield made
    made.close()


def value(store: SecretStore, name: SecretName) -> str:
    found = store.get(name)
    assert found is not None
    return found.value.reveal()


def run(store: SecretStore, statement: str) -> None:
    with store._database.writing() as connection:
        connection.execute(text(statement))


# RECORDS


def test_put__new__is_kept_once(store: SecretStore) -> None:
    assert store.get(APP) is None
    assert store.put(APP, Secret("value"))
    assert not store.put(APP, Secret("other"))
    assert value(store, APP) == "value"
    assert store.policy(APP) is False


def test_put__replace__needs_something_to_replace(store: SecretStore) -> None:
    assert not store.put(SETTING, Secret("new"), replace=True)
    store.put(SETTING, Secret("old"))
    assert store.put(SETTING, Secret("new"), replace=True, software=True)
    assert value(store, SETTING) == "new"
    assert store.policy(SETTING) is True


def test_put__nonce__counts_once(store: SecretStore) -> None:
    address = SETTING.address
    assert store.nonce(address) == 0
    assert not store.put(SETTING, Secret("value"), nonce=1)
    assert store.put(SETTING, Secret("value"), nonce=0)
    assert store.nonce(address) == 1
    assert not store.put(SETTING, Secret("other"), nonce=0, replace=True)
    assert store.put(SETTING, Secret("other"), nonce=1, replace=True)


def test_put__refused__does_not_use_the_nonce(store: SecretStore) -> None:
    store.put(APP, Secret("value"))
    assert not store.put(APP, Secret("value"), nonce=0)
    assert store.nonce(APP.address) == 0


def test_counts__by_kind(store: SecretStore) -> None:
    store.put(APP, Secret("value"))
    store.put(OTHER_APP, Secret("value"))
    store.enclave_address(TASK, 0)
    assert store.counts() == {"dataset": 0, "setting": 0, "app": 2, "requester": 0, "enclave": 1}


def test_record__equal_secrets__look_different(store: SecretStore) -> None:
    store.put(APP, Secret("same"))
    store.put(OTHER_APP, Secret("same"))
    with store._database.reading() as connection:
        rows = connection.execute(text("select ciphertext, nonce from secrets")).all()
    assert len({bytes(row[0]) for row in rows}) == len({bytes(row[1]) for row in rows}) == 2
    assert all(b"same" not in bytes(row[0]) for row in rows)


@pytest.mark.parametrize(
    ("change", "found_as"),
    [
        (f"subject = '{OTHER_APP.address}'", OTHER_APP),
        ("name = '2'", SecretName(APP.kind, APP.address, "2")),
        ("kind = 'dataset', name = ''", SecretName.dataset(APP.address)),
        ("version = 7", APP),
        ("software = true", APP),
        ("nonce = ciphertext", APP),
        ("ciphertext = nonce", APP),
    ],
)
def test_record__changed_or_moved__is_noticed(
    store: SecretStore, change: str, found_as: SecretName
) -> None:
    store.put(APP, Secret("hidden"))
    run(store, f"update secrets set {change}")
    with pytest.raises(ConfigurationError, match="was changed, or moved") as caught:
        store.get(found_as)
    assert "hidden" not in str(caught.value)


def test_record__earlier_value_put_back__is_noticed(store: SecretStore) -> None:
    store.put(SETTING, Secret("old"))
    run(store, "create table kept as select nonce, ciphertext from secrets")
    store.put(SETTING, Secret("new"), replace=True)
    for column in ("nonce", "ciphertext"):
        run(store, f"update secrets set {column} = (select {column} from kept)")
    run(store, "drop table kept")
    with pytest.raises(ConfigurationError, match="was changed, or moved"):
        store.get(SETTING)


def test_enclave_address__asked_at_once__is_one(store: SecretStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: store.enclave_address(TASK, 0), range(16)))
    assert len(found) == 1


def test_put__at_once__succeeds_once(store: SecretStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda n: store.put(APP, Secret(str(n))), range(16)))
    assert outcomes.count(True) == 1
    assert value(store, APP) == str(outcomes.index(True))


def test_enclave_key__expired__is_deleted(store: SecretStore) -> None:
    later = TaskId(b"\x02" * 32)
    store.enclave_address(TASK, expires=10)
    store.enclave_address(later, expires=20)
    store.put(APP, Secret("value"))
    assert store.purge(now=15) == 1
    assert store.enclave_key(TASK) is None
    assert store.enclave_key(later) is not None
    assert store.get(APP) is not None


def test_releases__in_order__and_by_task_and_secret(url: str, key_file: Path) -> None:
    store = SecretStore(url, KeyRing.load(key_file), clock=lambda: 7.0)
    other = TaskId(b"\x02" * 32)
    store.record(TASK, b"\x03" * 32, "0xworker", "127.0.0.1", ["app 0xAA", "dataset 0xBB"])
    store.record(other, b"\x03" * 32, "0xworker", "127.0.0.1", ["app 0xAA"])
    store.record(other, b"\x03" * 32, "0xworker", "127.0.0.1", [])
    assert [line.secret for line in store.releases()] == ["app 0xAA", "dataset 0xBB", "app 0xAA"]
    assert [line.secret for line in store.releases(taskid=other)] == ["app 0xAA"]
    found = list(store.releases(secret="0xbb"))
    assert [(line.taskid, line.at) for line in found] == [(f"0x{TASK.hex()}", 7.0)]
    assert list(store.releases(secret="%")) == []
    store.close()


# MASTER KEYS


def test_store__other_master_key__is_refused_at_once(url: str, key_file: Path) -> None:
    SecretStore(url, KeyRing.load(key_file)).close()
    key_file.unlink()
    KeyFile(key_file).create()
    with pytest.raises(ConfigurationError, match="encrypted with another master key"):
        SecretStore(url, KeyRing.load(key_file))


def test_rotate__all_records__need_the_new_key_only(store: SecretStore, key_file: Path) -> None:
    old = key_file.read_text()
    names = [SecretName.app(f"0x{number:040x}") for number in range(1, 8)]
    for name in names:
        store.put(name, Secret(str(name)))
    address = store.enclave_address(TASK, 0)
    file = KeyFile(key_file)
    file.add_key()
    assert _rotated(store, key_file, chunk=3) == len(names) + 1
    file.drop_old_keys()
    assert old.strip() not in key_file.read_text()
    fresh = SecretStore(str(store._database._engine.url), KeyRing.load(key_file))
    assert [value(fresh, name) for name in names] == [str(name) for name in names]
    found = fresh.enclave_key(TASK)
    assert found is not None
    assert found[0] == address
    fresh.close()


def test_rotate__service_that_runs_meanwhile__goes_on(store: SecretStore, key_file: Path) -> None:
    store.put(APP, Secret("before"))
    file = KeyFile(key_file)
    file.add_key()
    _rotated(store, key_file)
    assert value(store, APP) == "before"
    file.drop_old_keys()
    store.put(OTHER_APP, Secret("after"))
    fresh = SecretStore(str(store._database._engine.url), KeyRing.load(key_file))
    assert value(fresh, OTHER_APP) == "after"
    fresh.close()


def test_rotate__interrupted__is_continued(store: SecretStore, key_file: Path) -> None:
    file = KeyFile(key_file)
    store.put(APP, Secret("one"))
    store.put(OTHER_APP, Secret("two"))
    file.add_key()
    keys = key_file.read_text()
    beside = SecretStore(str(store._database._engine.url), KeyRing.load(key_file))
    run(store, f"update keyring set key_id = '{KeyRing.load(key_file).newest}'")
    assert beside._rotate_chunk(1) == 1
    file.add_key()
    assert key_file.read_text() == keys
    assert (value(store, APP), value(store, OTHER_APP)) == ("one", "two")
    assert beside.rotate() == 1
    file.drop_old_keys()
    assert (value(store, APP), value(store, OTHER_APP)) == ("one", "two")
    beside.close()


def _rotated(store: SecretStore, key_file: Path, *, chunk: int = 500) -> int:
    """Rotate as another process would."""
    other = SecretStore(str(store._database._engine.url), KeyRing.load(key_file))
    moved = other.rotate(chunk=chunk)
    other.close()
    return moved


# KEY FILES


def test_key_file__made__is_for_its_owner_only(key_file: Path) -> None:
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert len(KeyFile(key_file).read()[0]) == 32


def test_key_file__exists__is_never_overwritten(key_file: Path) -> None:
    before = key_file.read_text()
    with pytest.raises(UserInputError, match="never overwritten"):
        KeyFile(key_file).create()
    assert key_file.read_text() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_key_file__others_may_read_it__is_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"its mode is 0{mode:o}.*chmod 600"):
        KeyRing.load(key_file)


def test_key_file__read_only__is_accepted(key_file: Path) -> None:
    key_file.chmod(0o400)
    assert KeyRing.load(key_file).newest


@pytest.mark.parametrize("content", ["", "abc", 62 * "0", "xyz " + 64 * "0"])
def test_key_file__malformed__is_refused_without_showing_it(key_file: Path, content: str) -> None:
    key_file.write_text(content)
    with pytest.raises(ConfigurationError, match="64 hex digits") as caught:
        KeyRing.load(key_file)
    assert content == "" or content not in str(caught.value)


def test_key_file__missing__says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="poco secrets init-key"):
        KeyRing.load(tmp_path / "none")


def test_key_file__folder_in_its_place__is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        KeyFile(tmp_path / "folder" / "key").create()


def test_environment__holds_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, f"{os.urandom(32).hex()} {os.urandom(32).hex()}\n")
    assert len(KeyRing.load(None)._keys) == 2


def test_environment__empty__asks_for_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    with pytest.raises(ConfigurationError, match="--master-key-file"):
        KeyRing.load(None)
