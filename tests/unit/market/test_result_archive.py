"""Archives of strangers: the digest is computed again, and nothing leaves the folder."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poco import appio
from poco.appio import OutputLimits
from poco.errors import PeerError
from poco.result_archive import ResultLink, inspect_archive, parse_link

COMPUTED = '{"deterministic-output-path": "/iexec_out/result"}'


def zipped(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_inspect__archive_of_a_worker__has_the_digest_of_its_output(tmp_path: Path) -> None:
    output = tmp_path / "out"
    (output / "result").mkdir(parents=True)
    (output / "result" / "a.txt").write_text("alpha\n")
    (output / "result" / "b.txt").write_text("beta\n")
    (output / "computed.json").write_text(COMPUTED)
    tree = appio.scan_output(output)
    appio.write_archive(tree, tmp_path / "result.zip")
    content = inspect_archive(tmp_path / "result.zip")
    # spec offchain §1.15
    assert content.digest.hex() == (
        "5d4f61e0cc308f642c6c3ef737e23ec0383545b9ea4a4bee9c901c8fa16dbe04"
    )
    assert content.names == ("computed.json", "result/a.txt", "result/b.txt")


def test_inspect__deal_with_callback__has_the_digest_of_its_data(tmp_path: Path) -> None:
    data = f"0x{1:064x}"
    archive = zipped(tmp_path / "a.zip", {"computed.json": f'{{"callback-data": "{data}"}}'})
    content = inspect_archive(archive, has_callback=True)
    assert content.callback_data == (1).to_bytes(32)
    # spec offchain §1.15
    assert content.digest.hex() == (
        "b10e2d527612073b26eecdfd717e6a320cf44b4afac2b0732d9fcbe2b7fa0cf6"
    )


def test_inspect__archives_of_older_apps__have_their_digests(tmp_path: Path) -> None:
    older = zipped(tmp_path / "v3.zip", {"determinism.iexec": "0x" + "ab" * 32})
    assert inspect_archive(older).digest == b"\xab" * 32
    oldest = zipped(tmp_path / "v2.zip", {"consensus.iexec": "hello\n"})
    assert inspect_archive(oldest).digest == hashlib.sha256(b"hello\n").digest()
    silent = zipped(tmp_path / "silent.zip", {"movie.avi": "frames"})
    assert inspect_archive(silent).digest == hashlib.sha256(silent.read_bytes()).digest()


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "a/../../evil.txt"], ids=str)
def test_inspect__name_that_leads_elsewhere__is_refused(tmp_path: Path, name: str) -> None:
    archive = zipped(tmp_path / "a.zip", {name: "x", "computed.json": COMPUTED})
    with pytest.raises(PeerError, match="relative names"):
        inspect_archive(archive)
    assert not (tmp_path / "evil.txt").exists()
    assert not (tmp_path.parent / "evil.txt").exists()


def test_inspect__more_than_the_limit__is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"result/bomb": "0" * 10_000_000})
    assert archive.stat().st_size < 100_000
    with pytest.raises(PeerError, match="may unpack to 1000000 bytes"):
        inspect_archive(archive, limits=OutputLimits(size=1_000_000))
    with pytest.raises(PeerError, match="may have 0 entries"):
        inspect_archive(archive, limits=OutputLimits(entries=0))


def test_inspect__same_name_twice__is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"computed.json": COMPUTED})
    with zipfile.ZipFile(archive, "a") as more, pytest.warns(UserWarning, match="Duplicate"):
        more.writestr("computed.json", COMPUTED)
    with pytest.raises(PeerError, match="must follow the app contract"):
        inspect_archive(archive)


def test_inspect__damaged__is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"computed.json": COMPUTED, "result/a": "content" * 99})
    content = bytearray(archive.read_bytes())
    content[60] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(PeerError, match="must follow the app contract"):
        inspect_archive(archive)


_NAMES = st.text(st.sampled_from("abcABC012._- é漢\U0001d48f"), min_size=1, max_size=15).filter(
    lambda name: name not in (".", "..") and not name.endswith(".iexec")
)
_FOLDERS = st.dictionaries(_NAMES, st.binary(max_size=64), min_size=1, max_size=4)


@settings(max_examples=60)
@given(direct=_FOLDERS, nested=_FOLDERS, algorithm=st.sampled_from([None, "tree-v1"]), path=_NAMES)
def test_inspect__any_output__has_the_digest_that_the_worker_found(
    tmp_path_factory: pytest.TempPathFactory,
    direct: dict[str, bytes],
    nested: dict[str, bytes],
    algorithm: str | None,
    path: str,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    output = folder / "out"
    for place, files in ((output / path, direct), (output / path / "nested in it", nested)):
        place.mkdir(parents=True)
        for name, content in files.items():
            (place / name).write_bytes(content)
    declared = {"deterministic-output-path": path, "deterministic-algorithm": algorithm}
    (output / "computed.json").write_text(json.dumps(declared))
    tree = appio.scan_output(output)
    outcome = appio.read_outcome(tree, appio.Generation.V5, has_callback=False)
    assert outcome is not None
    first = appio.write_archive(tree, folder / "result.zip")
    content = inspect_archive(folder / "result.zip")
    assert content.digest == outcome.digest
    assert set(content.names) == set(tree.files)
    assert appio.write_archive(tree, folder / "again.zip") == first


def test_parse_link__of_http__carries_the_checksum() -> None:
    link = parse_link(appio.http_link("http://host/v2/results/0x12", bytes([5]) * 32))
    assert link == ResultLink("http", "http://host/v2/results/0x12", bytes([5]) * 32)


def test_parse_link__of_ipfs__has_none() -> None:
    assert parse_link(appio.ipfs_link("Qm")) == ResultLink("ipfs", "/ipfs/Qm")


@pytest.mark.parametrize(
    "results",
    [
        b"",
        b"[]",
        b"{}",
        b'{"storage": "http"}',
        rb'{"storage": "http", "location": "http://host/\ud800"}',
        b"\xff",
        b"[" * 10**5,
    ],
)
def test_parse_link__anything_else__is_a_fault_of_the_peer(results: bytes) -> None:
    with pytest.raises(PeerError, match="result link"):
        parse_link(results)
