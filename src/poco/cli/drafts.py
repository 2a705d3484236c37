"""What `init` commands write into iexec.json for people to edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from poco.cli.shell import Shell

__all__ = ["draft_force_option", "write_draft"]

draft_force_option = click.option(
    "--force", is_flag=True, help="Replace what you edited without asking."
)


def write_draft(
    shell: Shell, path: str, draft: Mapping[str, Any], force: bool, *others: Mapping[str, Any]
) -> None:
    """Write a section of iexec.json; asks before something is lost that people wrote.

    Args:
        shell: the command.
        path: the section, ``app`` or ``order.apporder`` for example.
        draft: its new content.
        force: do not ask.
        others: further contents that commands write there.

    Raises:
        UserInputError: people want to keep it, or there is nobody to ask.
    """
    from poco.project.templates import edited_fields

    section: Any = shell.project.read_iexec()
    for name in path.split("."):
        section = section.get(name) if isinstance(section, Mapping) else None
    if isinstance(section, Mapping) and (lost := edited_fields(section, draft, *others)):
        shell.confirm(
            f'"{path}" in "iexec.json" was edited ({", ".join(lost)}), replace it?', force
        )
    shell.project.update_iexec(path, draft)
