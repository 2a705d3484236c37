"""`poco status`: how the market on this machine is."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from poco.cli.shell import Shell, output_options

__all__ = ["command"]


@click.command(epilog="Example: poco status --info market.json")
@click.option(
    "--info",
    "info_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write addresses, keys and URLs here as JSON, like `poco up --info`.",
)
@output_options
def command(shell: Shell, info_file: Path | None) -> None:
    """Ask each service of the market that `poco up` runs on this machine how it is.

    Ends with exit code 1 when one is not well, and with 3 when no market runs.
    """
    from poco.errors import ConfigurationError
    from poco.local.runfile import runfile_path, running
    from poco.local.status import look

    found = running()
    if found is None:
        raise ConfigurationError(
            "no market runs on this machine",
            field="run file",
            value=str(runfile_path()),
            remedy="poco up starts one",
        )
    from poco.contracts.book import write_json
    from poco.local.summary import terms

    if info_file is not None:
        write_json(info_file, found.info, "--info")
    services = look(found)
    width = max(len(one.url) for one in services) + 2
    rows = [
        f"  {one.name:<13}{'ok' if one.ok else 'ILL':<5}{one.url:<{width}}{one.detail}"
        for one in services
    ]
    document = {
        "pid": found.pid,
        "state": found.state,
        "workers": found.workers,
        "appTypes": found.app_types,
        "simulatedEnclaves": True,
        "services": {one.name: asdict(one) for one in services},
        "info": found.info,
    }
    failures = [f"{one.name}: {one.detail}" for one in services if not one.ok]
    text = "\n".join((f"market of process {found.pid}", *rows, *terms(found)))
    shell.done(document, text, failures=failures)
