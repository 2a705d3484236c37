"""The app's word on its result is read with suspicion (spec offchain §1.9)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from poco.appio import Cause, Computed, ExecutionError, Generation, output_path, read_computed


def write(root: Path, content: object) -> Path:
    (root / "computed.json").write_text(json.dumps(content))
    return root


def refusal(root: Path, *, has_callback: bool = False) -> ExecutionError:
    with pytest.raises(ExecutionError) as caught:
        read_computed(root, has_callback=has_callback)
    assert caught.value.cause is Cause.DETERMINISM_HASH_NOT_FOUND
    return caught.value


@pytest.mark.parametrize(
    ("declared", "path"),
    [
        ("/iexec_out/result.txt", "result.txt"),
        ("/iexec_out", ""),
        ("/iexec_out/", ""),
        ("//iexec_out//a/./b/", "a/b"),
        ("result.txt", "result.txt"),
        ("./a/../b", "b"),
        (".", ""),
    ],
)
def test_output_path__inside_the_output__is_normalised(declared: str, path: str) -> None:
    assert output_path(declared) == path


@pytest.mark.parametrize(
    "declared",
    [
        "/iexec_out/../etc/passwd",
        "/iexec_out/../iexec_out/x",
        "../x",
        "a/../../b",
        "/iexec_in/x",
        "/iexec_output/x",
        "/etc/passwd",
        "/",
        "",
        "a\0b",
        "\ud800",
        7,
        None,
        ["/iexec_out/x"],
    ],
)
def test_output_path__outside_the_output_or_no_path__is_refused(declared: object) -> None:
    with pytest.raises(ExecutionError) as caught:
        output_path(declared)
    assert caught.value.cause is Cause.DETERMINISM_HASH_NOT_FOUND


def test_output_path__another_layout__has_its_own_root() -> None:
    assert output_path("/iexec/x", [Generation.V2.layout.output]) == "x"


def test_computed__worker_keys__are_not_believed(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "deterministic-output-path": "/iexec_out/x",
            "result-digest": "0x" + "00" * 32,
            "task-id": "0x11",
            "enclave-signature": "0x22",
            "unknown": 1,
        },
    )
    assert read_computed(tmp_path, has_callback=False) == Computed(output_path="x")


def test_computed__missing__is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path).field == "computed.json"


def test_computed__symbolic_link__is_refused(tmp_path: Path) -> None:
    real = write(tmp_path, {"deterministic-output-path": "/iexec_out/x"}) / "computed.json"
    output = tmp_path / "output"
    output.mkdir()
    (output / "computed.json").symlink_to(real)
    assert "regular file" in refusal(output).rule


@pytest.mark.parametrize("content", [b"", b"{", b"\xff{}", b"[]", b'"text"', b"[" * 100_000])
def test_computed__not_a_json_object__is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "computed.json").write_bytes(content)
    assert "JSON" in refusal(tmp_path).rule


def test_computed__one_mebibyte__is_accepted_and_a_byte_more_refused(tmp_path: Path) -> None:
    text = json.dumps({"deterministic-output-path": "x"})
    (tmp_path / "computed.json").write_text(text.ljust(1024 * 1024))
    assert read_computed(tmp_path, has_callback=False).output_path == "x"
    (tmp_path / "computed.json").write_text(text.ljust(1024 * 1024 + 1))
    assert "1048576 bytes" in refusal(tmp_path).rule


def test_computed__without_the_path__is_refused(tmp_path: Path) -> None:
    assert "deterministic-output-path" in refusal(write(tmp_path, {"callback-data": "0x01"})).rule


@pytest.mark.parametrize("data", ["0x00Ff", "00fF"])
def test_computed__callback_deal__takes_the_data_and_needs_no_path(
    tmp_path: Path, data: str
) -> None:
    write(tmp_path, {"callback-data": data})
    assert read_computed(tmp_path, has_callback=True) == Computed(callback_data=b"\x00\xff")


def test_computed__no_callback_in_the_deal__ignores_the_data(tmp_path: Path) -> None:
    write(tmp_path, {"callback-data": 7, "deterministic-output-path": "x"})
    assert read_computed(tmp_path, has_callback=False) == Computed(output_path="x")


@pytest.mark.parametrize("data", [None, "", "0x", "0x0", "0ff", "0xzz", 7, "0x" + "00" * 65_537])
def test_computed__bad_callback_data__is_refused(tmp_path: Path, data: object) -> None:
    write(tmp_path, {"callback-data": data, "deterministic-output-path": "x"})
    refused = refusal(tmp_path, has_callback=True)
    assert "callback-data" in refused.field
    assert "callback-data" in refused.remedy


def test_computed__large_callback_data__warns_of_gas(tmp_path: Path) -> None:
    write(tmp_path, {"callback-data": "0x" + "00" * 8193})
    computed = read_computed(tmp_path, has_callback=True)
    assert len(computed.warnings) == 1
    assert "gas" in computed.warnings[0]


def test_computed__tree_algorithm__is_an_opt_in(tmp_path: Path) -> None:
    write(tmp_path, {"deterministic-output-path": "x", "deterministic-algorithm": "tree-v1"})
    assert read_computed(tmp_path, has_callback=False).binds_names


@pytest.mark.parametrize("algorithm", ["tree-v2", "", 1, ["tree-v1"]])
def test_computed__unknown_algorithm__is_refused(tmp_path: Path, algorithm: object) -> None:
    write(tmp_path, {"deterministic-output-path": "x", "deterministic-algorithm": algorithm})
    assert "deterministic-algorithm" in refusal(tmp_path).field
