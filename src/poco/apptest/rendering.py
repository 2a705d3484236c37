"""Show a report to people and to programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from poco.appio import ExecutionError
from poco.apptest.comparison import Difference
from poco.apptest.judgement import Attempt, Report

__all__ = ["as_document", "render"]

_LOG_LINES = 10


def as_document(report: Report) -> dict[str, Any]:
    """Return a report as JSON values; bytes are hex with ``0x``, times seconds."""
    return {
        "ok": report.ok,
        "app": {
            "type": report.app.app_type,
            "multiaddr": report.app.multiaddr,
            "checksum": _hex(report.app.checksum),
        },
        "generation": report.attempts[0].execution.generation,
        "runs": [_run(attempt) for attempt in report.attempts],
        "agree": report.agree,
        "differences": [
            {
                "path": difference.path,
                "counts": difference.counts,
                "offset": difference.offset,
                "first": _hex(difference.first),
                "second": _hex(difference.second),
            }
            for difference in report.differences
        ],
        "violations": [
            {
                "cause": violation.cause,
                "field": violation.field,
                "value": _plain(violation.value),
                "rule": violation.rule,
                "remedy": violation.remedy,
            }
            for violation in report.violations
        ],
        "warnings": list(report.warnings),
    }


def render(report: Report) -> str:
    """Return a report as text."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    first = report.attempts[0]
    generation = first.execution.generation
    app = report.app
    yield f"app        {app.multiaddr} ({app.app_type}{f', {generation}' if generation else ''})"
    yield f"checksum   {_hex(app.checksum)}"
    for number, attempt in enumerate(report.attempts, start=1):
        execution = attempt.execution
        ended = "not started" if execution.exit_code is None else f"exit code {execution.exit_code}"
        yield f"run {number}      {ended}, {execution.seconds:.2f} s"
        yield f"  digest   {_hex(attempt.digest) or 'none'}"
    if first.digest is not None:
        yield f"  from     {first.execution.source or 'the archive itself'}"
    if first.execution.callback_data:
        yield f"  callback {_hex(first.execution.callback_data)}"
    yield ""
    yield "result.zip (* is what workers must agree on)"
    yield from _tree(first)
    if first.digest is None and first.execution.stderr:
        yield ""
        yield "the last lines of stderr"
        text = first.execution.stderr.decode(errors="replace")
        yield from (f"  {_printable(line)}" for line in text.splitlines()[-_LOG_LINES:])
    yield from _section("violations of the app contract", map(_violation, report.violations))
    yield from _section("warnings", map(_printable, report.warnings))
    yield from _section("files that differ", map(_difference, report.differences))
    yield ""
    yield _verdict(report)


def _verdict(report: Report) -> str:
    if report.ok:
        return "The app keeps the contract, and both runs agree."
    if report.agree:
        return "Both runs agree, but the app breaks the contract."
    if all(attempt.digest is not None for attempt in report.attempts):
        return "The runs do not agree: workers will not reach consensus."
    return "The app has no result: workers would contribute the error."


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    listed = list(lines)
    if listed:
        yield ""
        yield title
        yield from (f"  {line}" for line in listed)


def _tree(attempt: Attempt) -> Iterator[str]:
    shown: set[str] = set()
    for path in sorted(attempt.tree.files, key=lambda path: path.split("/")):
        *folders, name = path.split("/")
        for depth in range(len(folders)):
            folder = "/".join(folders[: depth + 1])
            if folder not in shown:
                shown.add(folder)
                yield f"    {'  ' * depth}{_printable(folders[depth])}/"
        mark = "*" if path in attempt.counting else " "
        label = "  " * len(folders) + _printable(name)
        yield f"  {mark} {label:<40} {attempt.tree.files[path].size:>12,} bytes"


def _violation(violation: ExecutionError) -> str:
    return _printable(str(violation))


def _difference(difference: Difference) -> str:
    path, mark = _printable(difference.path), "*" if difference.counts else " "
    if difference.offset is None:
        run = 1 if difference.second is None else 2
        return f"{mark} {path}: only in run {run}"
    sides = (_bytes(difference.first or b""), _bytes(difference.second or b""))
    return f"{mark} {path}: from byte {difference.offset} on {sides[0]}, then {sides[1]}"


def _bytes(content: bytes) -> str:
    text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in content)
    return f"{content.hex(' ')} |{text}|" if content else "end of file"


def _printable(text: str) -> str:
    """Keep an app from writing to the terminal of its developer."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


def _run(attempt: Attempt) -> dict[str, Any]:
    execution = attempt.execution
    return {
        "exitCode": execution.exit_code,
        "seconds": round(execution.seconds, 3),
        "digest": _hex(attempt.digest),
        "source": execution.source,
        "callbackData": _hex(execution.callback_data),
        "archiveSha256": _hex(execution.archive_digest) if attempt.digest else None,
        "files": [
            {"path": file.path, "size": file.size, "counts": file.path in attempt.counting}
            for file in attempt.tree.files.values()
        ],
        "stdout": execution.stdout.decode(errors="replace"),
        "stderr": execution.stderr.decode(errors="replace"),
    }


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _hex(value: bytes | None) -> str | None:
    return f"0x{value.hex()}" if value else None
