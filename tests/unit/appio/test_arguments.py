"""The splitter is the original network's, to the character (spec offchain §1.5)."""

from __future__ import annotations

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from poco.appio import (
    MAX_ARGUMENT_BYTES,
    Cause,
    ExecutionError,
    join_arguments,
    split_arguments,
)


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("dostuff --with-option", ["dostuff", "--with-option"]),
        ('-c "print(1)" x', ["-c", "print(1)", "x"]),
        ("a'b c'd", ["ab cd"]),
        ('x "" y', ["x", "y"]),
        (r"say \"hi\"", ["say", r"\"hi\""]),
        (r"a\ b", ["a\\", "b"]),
        ("a\tb\nc", ["a\tb\nc"]),
        ("""'a "b" c' "d 'e' f" """, ['a "b" c', "d 'e' f"]),
        (r'"a\"b"', [r"a\"b"]),
        ("a\\ 'b", ["a\\", "'b"]),
        ("  a   b  ", ["a", "b"]),
        ("", []),
        (" \t ", []),
        ('""', []),
    ],
)
def test_split__line__gives_the_arguments_of_the_original(line: str, arguments: list[str]) -> None:
    assert list(split_arguments(line)) == arguments


@pytest.mark.parametrize("line", ["it's", 'say "hi', "'a\"", r"'a\'"])
def test_split__open_quote__is_an_invalid_task_description(line: str) -> None:
    with pytest.raises(ExecutionError, match="every quote must be closed") as caught:
        split_arguments(line)
    assert caught.value.cause is Cause.TASK_DESCRIPTION_INVALID


def test_split__many_pieces__take_linear_time() -> None:
    begun = time.monotonic()
    with pytest.raises(ExecutionError, match="arguments may take"):
        split_arguments("a\\" * 400_000)  # 40 s, were they added one by one
    assert time.monotonic() - begun < 30


def test_split__arguments_at_the_bound__are_accepted() -> None:
    assert len(split_arguments("x" * (MAX_ARGUMENT_BYTES - 1))) == 1


def test_split__arguments_over_the_bound__are_refused_by_bytes_not_characters() -> None:
    with pytest.raises(ExecutionError, match=f"{MAX_ARGUMENT_BYTES} bytes"):
        split_arguments("é" * (MAX_ARGUMENT_BYTES // 2))


def reference_split(line: str) -> list[str] | None:
    """Split character by character, as the specification writes it down; None is an error."""
    tokens, run = [], ""
    for character in line:
        if character in "\"' \\":
            tokens += [run] * bool(run) + [character]
            run = ""
        else:
            run += character
    tokens += [run] * bool(run)
    state, escaped, current, out = "N", False, "", []
    for token in tokens:
        if (state == "SQ" and token == "'") or (state == "DQ" and token == '"'):
            if escaped:
                current, escaped = current + token, False
            else:
                state = "N"
        elif state in ("SQ", "DQ"):
            current, escaped = current + token, token == "\\"
        elif token in ("'", '"'):
            if escaped:
                current, escaped = current + token, False
            else:
                state = "SQ" if token == "'" else "DQ"
        elif token == " ":
            if current:
                out.append(current)
            current = ""
        else:
            current, escaped = current + token, token == "\\"
    if current:
        out.append(current)
    return out if state == "N" else None


@given(st.text(alphabet="ab\"' \\\t", max_size=24))
def test_split__any_line__agrees_with_the_written_state_machine(line: str) -> None:
    expected = reference_split(line) if line.strip() else []
    if expected is None:
        with pytest.raises(ExecutionError):
            split_arguments(line)
    else:
        assert list(split_arguments(line)) == expected


_ARGUMENT = st.text(st.sampled_from("ab \"'\\\té"), min_size=1)


@given(st.lists(_ARGUMENT, max_size=6))
def test_join__arguments__are_split_into_the_same(arguments: list[str]) -> None:
    quoted = [not argument.strip() or bool(set(argument) & set(" '\"")) for argument in arguments]
    for index, argument in enumerate(arguments[:-1]):
        assume(not (argument.endswith("\\") and quoted[index + 1]))
    assert split_arguments(join_arguments(arguments)) == tuple(arguments)


@pytest.mark.parametrize("arguments", [["a", ""], ["a b\\", "c d"]])
def test_join__what_no_line_says__is_an_invalid_task_description(arguments: list[str]) -> None:
    with pytest.raises(ExecutionError, match="no line says") as caught:
        join_arguments(arguments)
    assert caught.value.cause is Cause.TASK_DESCRIPTION_INVALID
