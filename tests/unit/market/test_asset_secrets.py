"""Files of secrets that go with assets."""

from __future__ import annotations

from pathlib import Path

import pytest

from poco.errors import UserInputError
from poco.market.asset_secrets import dataset_key_file, read_secret_file


def test_secret_file__is_read_without_the_white_space_around_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n  two words \n")
    assert read_secret_file(tmp_path / "key").reveal() == "two words"


@pytest.mark.parametrize("content", [b"", b" \n", 4097 * b"x", b"\xff\xfe"])
def test_secret_file__without_a_fit_text__is_refused_and_not_shown(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(UserInputError, match="--secret-path") as caught:
        read_secret_file(tmp_path / "key")
    assert "xxx" not in str(caught.value)


def test_secret_file__of_the_greatest_size__is_read(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(4096 * b"x" + b"\n")
    assert len(read_secret_file(tmp_path / "key").reveal()) == 4096


def test_dataset_key__nobody_names_one__is_the_only_one_or_that_of_the_official_client(
    tmp_path: Path,
) -> None:
    (tmp_path / "movies.key").touch()
    assert dataset_key_file(tmp_path) == tmp_path / "movies.key"
    (tmp_path / "others.key").touch()
    assert dataset_key_file(tmp_path) == tmp_path / "dataset.key"
