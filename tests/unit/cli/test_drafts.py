"""Sections of iexec.json that `init` commands write, and people edit."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from poco.cli.main import commands
from poco.project import Project

WALLET = ("--account", "TEST::1")


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    project = Project(tmp_path)
    project.write_iexec()
    chain = {"id": "31337", "host": "http://127.0.0.1:1"}
    document = {"default": "local", "chains": {"local": chain}}
    (tmp_path / "chain.json").write_text(json.dumps(document))
    return project


def init(*words, answer=None):
    return CliRunner(mix_stderr=False).invoke(commands, [*words, *WALLET], input=answer)


@pytest.mark.parametrize("noun", ["app", "dataset", "workerpool"])
def test_init__section_that_was_edited__is_replaced_only_when_people_agree(project, noun):
    assert init(noun, "init").exit_code == 0
    mine = project.section(noun) | {"multiaddr": "mine"}
    project.update_iexec(noun, mine)
    done = init(noun, "init", answer="n\n")
    assert done.exit_code == 2
    assert f'"{noun}" in "iexec.json" was edited (multiaddr), replace it?' in done.stderr
    assert project.section(noun) == mine
    assert "--force" in init(noun, "init", "--raw").stderr
    assert project.section(noun) == mine
    assert init(noun, "init", "--raw", "--force").exit_code == 0
    assert project.section(noun) != mine


@pytest.mark.parametrize("types", [("DOCKER", "WASM"), ("WASM", "DOCKER"), ("WASM", "WASM")])
def test_init__section_as_it_was_written__is_replaced_without_a_question(project, types):
    for kind in types:
        assert init("app", "init", "--type", kind).exit_code == 0
    assert project.section("app")["type"] == types[1]


def test_init__of_another_wallet__is_no_loss(project):
    init("app", "init")
    project.update_iexec("app.owner", "0x" + "11" * 20)
    assert init("app", "init", "--raw").exit_code == 0


def test_order_init__app_is_deployed_anew__takes_the_new_one_and_keeps_a_price(project):
    first, second = "0x" + "11" * 20, "0x" + "22" * 20
    project.save_deployed("app", 31337, first)
    assert init("order", "init", "--app").exit_code == 0
    project.save_deployed("app", 31337, second)
    assert init("order", "init", "--app").exit_code == 0
    assert project.section("order.apporder")["app"] == second
    project.update_iexec("order.apporder.appprice", "1 RLC")
    assert "(appprice)" in init("order", "init", "--raw").stderr
    assert project.section("order.apporder")["appprice"] == "1 RLC"


def test_category_init__edited_draft__is_kept(project):
    raw = CliRunner(mix_stderr=False)
    raw.invoke(commands, ["category", "init", "--raw"])
    project.update_iexec("category.name", "mine")
    assert raw.invoke(commands, ["category", "init", "--raw"]).exit_code == 2
    assert project.section("category")["name"] == "mine"
