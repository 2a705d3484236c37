"""Files of a project that people spoilt."""

from __future__ import annotations

import pytest

from poco.errors import UserInputError
from poco.project.files import read_json


@pytest.mark.parametrize(
    ("content", "place", "cause"),
    [
        ('{"a": 1,\n}', "line ", "a comma too many"),
        ('{"a": [1,\n]}', "line ", "a comma too many"),
        ('{"a": 1,\n// mine\n"b": 2}', "line 2", "a comment, which JSON does not have"),
        ("{'a': 1}", "line 1 column 2", "a name without double quotes"),
        ('{"a": b}', "line 1 column 7", "a text without double quotes"),
        ('{"a": "b\n}', "line 1", "the quote that ends the text is missing"),
        ('{"a: 1}', "line 1", "the quote that ends the text is missing"),
        ('{"a" 1}', "line 1 column 6", "a colon is missing"),
        ('{"a": 1\n"b": 2}', "line 2 column 1", "a comma or a brace is missing"),
        ('{"a": 1', "line 1 column 8", "a comma or a brace is missing"),
        ('{"a": "C:\\dir"}', "line 1 column 10", "a single backslash"),
        ("{}}", "line 1 column 3", "a brace too many"),
        ("", "line 1 column 1", "nothing at all"),
    ],
)
def test_json__slip_of_the_pen__is_told_with_its_place_and_usual_cause(
    tmp_path, content, place, cause
):
    path = tmp_path / "iexec.json"
    path.write_text(content)
    with pytest.raises(UserInputError) as caught:
        read_json(path)
    assert place in str(caught.value)
    assert cause in str(caught.value)
