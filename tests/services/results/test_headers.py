"""A range is a part of the file, or none."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poco.services.results.headers import Span, read_range
from poco.web import HttpError

numbers = st.integers(0, 200)


@given(st.binary(max_size=100), st.none() | numbers, st.none() | numbers)
def test_read_range__any__is_what_the_standard_says(
    content: bytes, first: int | None, last: int | None
) -> None:
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    if first is None and last is None:
        expected = None
    elif first is None:
        assert last is not None
        expected = content[max(0, len(content) - last) :]
    else:
        expected = content[first:] if last is None else content[first : last + 1]
    if expected == b"":
        with pytest.raises(HttpError, match="the file has"):
            read_range(header, len(content))
        return
    span = read_range(header, len(content))
    assert (span is None) == (expected is None)
    if span is not None:
        assert content[span.start : span.start + span.length] == expected


@given(st.none() | st.text(max_size=20), st.integers(0, 50))
def test_read_range__any_text__is_a_part_or_refused(header: str | None, size: int) -> None:
    with suppress(HttpError):
        span = read_range(header, size) or Span(0, size)
        assert 0 <= span.start <= span.start + span.length <= size
