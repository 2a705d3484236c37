"""Forms are cut into their parts, however the line cuts them."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poco.errors import UserInputError
from poco.services.results.multipart import FormReader, Part

BOUNDARY = "--x"
KIND = f"multipart/form-data; boundary={BOUNDARY}"
# What looks like a boundary, or nearly, is what a reader may trip over.
CONTENTS = st.lists(
    st.sampled_from(
        [b"\r", b"\n", b"\r\n", b"-", b"--", b"--x", b"\r\n--", b"\r\n----", b"a", b"\0"]
    ),
    max_size=12,
).map(b"".join)
NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=10)


def form(files: list[tuple[str, bytes]]) -> bytes:
    parts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, content in files
    )
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def read(body: bytes, cuts: list[int]) -> list[tuple[str, bytes]]:
    reader = FormReader(KIND)
    edges = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    files: list[tuple[str, bytes]] = []
    for start, end in pairwise(edges):
        for found in reader.feed(body[start:end]):
            if isinstance(found, Part):
                assert found.kind == "application/octet-stream"
                files.append((found.filename, b""))
            else:
                files[-1] = (files[-1][0], files[-1][1] + found)
    reader.close()
    return files


@given(
    st.lists(st.tuples(NAMES, CONTENTS), max_size=4),
    st.lists(st.integers(0, 10_000), max_size=20),
)
def test_feed__any_files_in_any_pieces__are_the_files(
    files: list[tuple[str, bytes]], cuts: list[int]
) -> None:
    if any(b"\r\n----x" in b"\r\n" + content for _, content in files):
        return  # a sender chooses another boundary
    assert read(form(files), cuts) == files


@given(st.binary(max_size=300), st.text(max_size=50))
def test_feed__any_bytes__are_a_form_or_refused(body: bytes, boundary: str) -> None:
    for kind in (KIND, f"multipart/form-data; boundary={boundary}", boundary):
        with suppress(UserInputError):
            reader = FormReader(kind)
            list(reader.feed(body))
            reader.close()
            assert reader.is_complete


def test_feed__name_in_percents__is_decoded() -> None:
    assert read(form([("caf%C3%A9.txt", b"a")]), []) == [("café.txt", b"a")]


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (form([("a", b"a")])[:-4], "ends before its last boundary"),
        (b"----x" + b"a" * 20_000, "may have 16384 bytes"),
        (b"----xyz\r\n\r\n", "in a line of its own"),
        (form([("a", b"a")]).replace(b'name="a"', b"name*=idna''%ff"), "must be readable"),
        (form([("a", b"a")]).replace(b'name="a"', b"name*=undefined''x"), "must be readable"),
        (form([("a", b"a")]).replace(b'name="a"', b"name*" + b"9" * 5_000), "must be readable"),
    ],
)
def test_feed__that_is_no_form__says_why(body: bytes, rule: str) -> None:
    with pytest.raises(UserInputError, match=rule):
        read(body, [])


@pytest.mark.parametrize("boundary", ["*=idna''%ff", "*=undefined''x", f"*{'9' * 5_000}=x", ""])
def test_form__boundary_that_cannot_be_read__is_refused(boundary: str) -> None:
    with pytest.raises(UserInputError, match="with a boundary"):
        FormReader(f"multipart/form-data; boundary{boundary}")
