"""The file that decides is found in a fixed order, never past one that exists (spec §1.1)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from poco.appio import (
    Cause,
    ExecutionError,
    Generation,
    Outcome,
    is_declared,
    read_outcome,
    scan_output,
)

V2, V3, V5 = Generation
DATA = (1).to_bytes(32)
DATA_DIGEST = "b10e2d527612073b26eecdfd717e6a320cf44b4afac2b0732d9fcbe2b7fa0cf6"  # spec §1.15


def read(
    root: Path, generation: Generation | None = V5, *, has_callback: bool = False
) -> Outcome | None:
    return read_outcome(scan_output(root), generation, has_callback=has_callback)


def refusal(
    root: Path, generation: Generation | None = V5, *, has_callback: bool = False
) -> ExecutionError:
    with pytest.raises(ExecutionError) as caught:
        read(root, generation, has_callback=has_callback)
    assert caught.value.cause is Cause.DETERMINISM_HASH_NOT_FOUND
    return caught.value


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def write(root: Path, **files: str) -> Path:
    for name, content in files.items():
        (root / name.replace("__", ".")).write_text(content)
    return root


def test_outcome__all_three_files__the_newest_decides(tmp_path: Path) -> None:
    write(tmp_path, r="42", consensus__iexec="two", determinism__iexec="three")
    write(tmp_path, computed__json='{"deterministic-output-path": "/iexec/r"}')
    assert read(tmp_path, V2) == Outcome(sha256(b"42"), "computed.json")
    (tmp_path / "computed.json").unlink()
    assert read(tmp_path, V2) == Outcome(sha256(b"three"), "determinism.iexec")
    (tmp_path / "determinism.iexec").unlink()
    assert read(tmp_path, V2) == Outcome(sha256(b"two"), "consensus.iexec")


@pytest.mark.parametrize("generation", Generation)
def test_outcome__invalid_computed_json__is_never_passed_by(
    tmp_path: Path, generation: Generation
) -> None:
    write(tmp_path, computed__json="{broken", determinism__iexec="x", consensus__iexec="x")
    assert refusal(tmp_path, generation).field == "computed.json"


@pytest.mark.parametrize("name", ["computed.json", "determinism.iexec", "consensus.iexec"])
def test_outcome__link_in_the_place_of_a_file__is_never_passed_by(
    tmp_path: Path, name: str
) -> None:
    write(tmp_path, real="x")
    (tmp_path / name).symlink_to("real")
    assert is_declared(scan_output(tmp_path))
    refusal(tmp_path, V2)


def test_outcome__determinism_file__counts_in_every_generation(tmp_path: Path) -> None:
    write(tmp_path, determinism__iexec="0x" + "ab" * 32 + "\n")
    for generation in (*Generation, None):
        assert read(tmp_path, generation) == Outcome(b"\xab" * 32, "determinism.iexec")


def test_outcome__consensus_file__is_raw_bytes_even_when_hex(tmp_path: Path) -> None:
    write(tmp_path, consensus__iexec="ab" * 32)
    assert read(tmp_path, V2) == Outcome(sha256(b"ab" * 32), "consensus.iexec")


@pytest.mark.parametrize("generation", [V3, V5])
def test_outcome__consensus_file_outside_v2__is_a_mistake_that_is_named(
    tmp_path: Path, generation: Generation
) -> None:
    write(tmp_path, consensus__iexec="x")
    assert "v2" in refusal(tmp_path, generation).rule


@pytest.mark.parametrize("name", ["determinism__iexec", "consensus__iexec"])
def test_outcome__empty_file__decides_nothing(tmp_path: Path, name: str) -> None:
    assert read(write(tmp_path, **{name: ""}), V2) is None


@pytest.mark.parametrize("generation", Generation)
def test_outcome__no_file__is_none(tmp_path: Path, generation: Generation) -> None:
    assert read(write(tmp_path, r="42"), generation) is None
    assert not is_declared(scan_output(tmp_path))


def test_outcome__file_that_was_an_input__is_not_the_app_s_word(tmp_path: Path) -> None:
    write(tmp_path, consensus__iexec="given")
    tree = scan_output(tmp_path, given={"consensus.iexec": sha256(b"given")})
    assert read_outcome(tree, V2, has_callback=False) is None


@pytest.mark.parametrize("root", ["/iexec", "/iexec_out"])
def test_outcome__generation_not_known__takes_either_folder(tmp_path: Path, root: str) -> None:
    write(tmp_path, r="42", computed__json=f'{{"deterministic-output-path": "{root}/r"}}')
    assert read(tmp_path, None) == Outcome(sha256(b"42"), "computed.json")
    refusal(tmp_path, V2 if root == "/iexec_out" else V5)


def test_outcome__tree_algorithm__binds_names(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    write(tmp_path / "d", r="42")
    declared = '{"deterministic-output-path": "d", "deterministic-algorithm": "tree-v1"}'
    write(tmp_path, computed__json=declared)
    outcome = read(tmp_path)
    assert outcome is not None
    assert outcome.digest == keccak(b"tree-v1" + sha256(b"r") + sha256(b"42"))


# --- callbacks ---


def test_callback__of_v5__is_in_computed_json(tmp_path: Path) -> None:
    write(tmp_path, computed__json=f'{{"callback-data": "0x{DATA.hex()}"}}')
    expected = Outcome(bytes.fromhex(DATA_DIGEST), "computed.json", DATA)
    assert read(tmp_path, has_callback=True) == expected


def test_callback__of_v3__is_bound_by_the_determinism_file(tmp_path: Path) -> None:
    write(tmp_path, callback__iexec=f"0x{DATA.hex()}\n", determinism__iexec=DATA_DIGEST)
    expected = Outcome(bytes.fromhex(DATA_DIGEST), "callback.iexec", DATA)
    assert read(tmp_path, V3, has_callback=True) == expected


@pytest.mark.parametrize("determinism", [None, "", "00" * 32, "text"])
def test_callback__of_v3_with_another_determinism__is_refused(
    tmp_path: Path, determinism: str | None
) -> None:
    write(tmp_path, callback__iexec=DATA.hex())
    if determinism is not None:
        write(tmp_path, determinism__iexec=determinism)
    assert DATA_DIGEST in refusal(tmp_path, V3, has_callback=True).rule


@pytest.mark.parametrize("text", ["", "0x", "0", "zz", "00" * 65_537, "00\n\n"])
def test_callback__of_v3_that_is_no_hex_of_its_size__is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path, callback__iexec=text, determinism__iexec=DATA_DIGEST)
    assert refusal(tmp_path, V3, has_callback=True).value == "callback.iexec"


def test_callback__without_any_data__is_refused(tmp_path: Path) -> None:
    write(tmp_path, consensus__iexec="x")
    assert "callback" in refusal(tmp_path, V2, has_callback=True).rule


def test_callback__file_without_a_callback_in_the_deal__is_ignored(tmp_path: Path) -> None:
    write(tmp_path, callback__iexec="00", determinism__iexec="11" * 32)
    assert read(tmp_path, V3) == Outcome(b"\x11" * 32, "determinism.iexec")


def test_callback__of_v3_that_is_large__warns_of_gas(tmp_path: Path) -> None:
    data = bytes(8193)
    write(tmp_path, callback__iexec=data.hex(), determinism__iexec=keccak(data).hex())
    outcome = read(tmp_path, V3, has_callback=True)
    assert outcome is not None
    assert "gas" in outcome.warnings[0]
