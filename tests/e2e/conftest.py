"""Folders and terminals of the end-to-end tests; see `terminals`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from terminals import Terminal, imitate_checkout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return imitate_checkout(tmp_path)


@pytest.fixture
def terminal(project: Path) -> Iterator[Terminal]:
    made = Terminal(project)
    yield made
    made.close()
