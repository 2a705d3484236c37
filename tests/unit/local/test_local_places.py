"""Ports and folders of a local market, and what killed ones leave."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from poco.errors import ConfigurationError
from poco.local import Ports
from poco.local.places import listening, locked, passing


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left(folder: Path, *, age: float) -> None:
    """Leave a folder behind as a market does that is killed."""
    with passing() as made, locked(made):
        (made / "chain.json").touch()
        made.rename(folder)
    os.utime(folder / "lock", (1.0, folder.stat().st_mtime - age))


def test_passing__in_the_end__is_removed(temporary: Path) -> None:
    with passing() as folder:
        (folder / "lock").touch()
    assert list(temporary.iterdir()) == []


def test_passing__folders_of_markets_that_were_killed__are_removed(temporary: Path) -> None:
    killed, young = temporary / "poco-up-killed", temporary / "poco-up-young"
    stranger = temporary / "poco-up-stranger"
    left(killed, age=1000)
    left(young, age=0)
    stranger.mkdir()
    with passing() as running, locked(running):
        os.utime(running / "lock", (1.0, 1.0))
        with passing() as another:
            assert set(temporary.iterdir()) == {young, stranger, running, another}


def test_passing__no_place__is_refused_in_a_line(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "nowhere"))
    with pytest.raises(ConfigurationError, match=r"nowhere.*--state"), passing():
        pass


def test_ports__kept_and_free__are_those_of_the_last_time(tmp_path: Path) -> None:
    with listening(Ports.free(), tmp_path) as places:
        places.remember(tmp_path)
        urls = places.urls
    assert len(urls) == len(Ports.names())
    with listening(Ports.free(), tmp_path) as places:
        assert places.urls == urls


@pytest.mark.parametrize("text", ["", "[]", '{"rpc": "many"}'])
def test_ports__what_was_kept_is_malformed__are_free_ones(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports.json").write_text(text)
    with listening(Ports.free(), tmp_path) as places:
        assert len(places.urls) == len(Ports.names())
