"""The throw-away chain and the one-line errors of scripts."""

from __future__ import annotations

import shutil
import socket

import pytest

from poco.command_line import one_line_errors
from poco.contracts import Chain
from poco.errors import ChainError, ConfigurationError, PeerError
from poco.local_chain import local_chain, local_node, travel

needs_anvil = pytest.mark.usefixtures("_anvil_on_path")


@pytest.fixture
def _anvil_on_path() -> None:
    assert shutil.which("anvil"), "anvil is missing: make setup"


@needs_anvil
def test_local_chain__block_ends__takes_the_chain_with_it() -> None:
    with local_chain() as chain:
        assert chain.chain_id == 31337
    with pytest.raises(ChainError):
        Chain.connect(chain.url)


@needs_anvil
def test_local_chain__killed__tells_how_it_ended() -> None:
    with local_node() as node:
        assert node.ended == ""
        node.kill()
        assert node.ended == "killed by signal 9"


@needs_anvil
def test_local_chain__proxy_in_the_environment__is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with local_chain() as chain:
        assert chain.block_number() == 0


@needs_anvil
def test_travel__seconds__pass_on_the_chain() -> None:
    with local_chain() as chain:
        before = chain.timestamp()
        travel(chain, 3000)
        assert 3000 <= chain.timestamp() - before < 3060


@needs_anvil
def test_local_chain__port_is_taken__is_an_error_of_configuration() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with (
            pytest.raises(ConfigurationError, match="choose another port"),
            local_chain(port=taken.getsockname()[1]),
        ):
            raise AssertionError("the chain must not start")


def test_local_chain__no_anvil__is_an_error_of_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigurationError, match="make setup"), local_chain():
        raise AssertionError("the chain must not start")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (PeerError("two\nlines"), 5, "error: two lines"),
        (OSError("disk full"), 3, "disk full"),
        (ZeroDivisionError("nought"), 70, "unexpected ZeroDivisionError: nought"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_one_line_errors__any_failure__is_one_line_and_its_exit_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, words: str
) -> None:
    with pytest.raises(SystemExit) as caught, one_line_errors():
        raise error
    said = capsys.readouterr().err
    assert caught.value.code == code
    assert words in said
    assert said.count("\n") == 1
