"""A project folder and its files."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from poco.errors import ConfigurationError, UserInputError
from poco.orders import AppOrder, OrderKind, WorkerpoolOrder
from poco.project import Project
from poco.project.templates import unsigned_order

ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
SALT = b"\x01" * 32


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_missing_file__says_what_writes_it(project):
    with pytest.raises(UserInputError, match="poco init"):
        project.read_iexec()
    with pytest.raises(UserInputError, match="poco init"):
        project.chain()


def test_chain__that_stands_in_for_another__is_noticed(tmp_path):
    chain = {"id": "31337", "host": "http://127.0.0.1:8545"}
    document = {"default": "local", "chains": {"local": chain}}
    (tmp_path / "chain.json").write_text(json.dumps(document))
    notices = []
    assert Project(tmp_path, notices.append).chain("bellecour").name == "local"
    assert notices == ["the network bellecour is no more: local stands in for it"]


def test_section__missing__says_what_writes_it(project):
    project.write_iexec()
    with pytest.raises(UserInputError, match="poco app init"):
        project.section("app")
    with pytest.raises(UserInputError, match="poco order init --app"):
        project.section("order.apporder")


def test_update__of_a_nested_value__keeps_the_rest(project):
    project.write_iexec()
    project.update_iexec("app", {"name": "mine"})
    project.update_iexec("order.apporder", unsigned_order(OrderKind.APP, app=ADDRESS))
    assert project.section("app") == {"name": "mine"}
    assert project.section("order.apporder")["app"] == ADDRESS
    assert project.read_iexec()["license"] == "MIT"


def test_old_module__is_read_noticed_and_written_as_json(tmp_path):
    (tmp_path / "iexec.js").write_text("module.exports = {app: {params: {type: 'DOCKER'}}};")
    notices = []
    project = Project(tmp_path, notices.append)
    assert project.section("app") == {"type": "DOCKER"}
    project.read_iexec()
    [notice] = notices
    assert "app.params.type" in notice
    project.update_iexec("category", {"name": "XS"})
    assert json.loads((tmp_path / "iexec.json").read_text()) == {
        "app": {"type": "DOCKER"},
        "category": {"name": "XS"},
    }


@pytest.mark.parametrize("content", ["{", "[]", "nothing"])
def test_iexec__that_is_no_object__is_refused(project, content):
    (project.folder / "iexec.json").write_text(content)
    with pytest.raises(UserInputError, match=r"iexec\.json"):
        project.read_iexec()


def test_file__too_large_or_unreadable__is_refused(project):
    path = project.folder / "iexec.json"
    path.write_bytes(b" " * (16 * 1024**2 + 1))
    with pytest.raises(UserInputError, match="larger"):
        project.read_iexec()
    path.write_bytes(b"\xff")
    with pytest.raises(UserInputError, match="readable"):
        project.read_iexec()


def test_orders__of_two_chains__are_kept_apart(project):
    order = AppOrder(app=ADDRESS, salt=SALT, sign=b"\x01")
    pool = WorkerpoolOrder(workerpool=ADDRESS, salt=SALT, sign=b"\x02")
    project.save_order(1, order)
    project.save_order(2, pool, order)
    assert project.orders(1) == {"apporder": order}
    assert project.orders(2) == {"apporder": order, "workerpoolorder": pool}
    assert project.orders(3) == {}


def test_deployed__by_kind_and_chain__is_found_again(project):
    assert project.deployed("app", 1) is None
    project.save_deployed("app", 1, ADDRESS)
    project.save_deployed("dataset", 2, ADDRESS)
    assert project.deployed("app", 1) == project.deployed("dataset", 2) == ADDRESS
    assert project.deployed("app", 2) is None


@pytest.mark.parametrize("content", [{"dapp": {}}, {"app": "0x"}, []])
def test_deployed__file_of_another_shape__is_refused(project, content):
    (project.folder / "deployed.json").write_text(json.dumps(content))
    with pytest.raises(UserInputError, match=r"deployed\.json"):
        project.deployed("app", 1)


def test_updates__at_the_same_time__are_all_kept(project):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: project.save_deployed("app", n, ADDRESS), range(40)))
    assert all(project.deployed("app", n) == ADDRESS for n in range(40))


def test_folder__that_may_not_be_written__is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        Project(tmp_path / "file").write_iexec()
