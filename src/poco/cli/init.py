"""`poco init`: the files that a new project begins with."""

from __future__ import annotations

from typing import Any

import click

from poco.cli.shell import Shell, output_options
from poco.cli.wallet import creation_options, file_name, make_wallet, take_gift
from poco.errors import PocoError

__all__ = ["command"]


@click.command(epilog="Example: poco init --skip-wallet")
@click.option("--skip-wallet", is_flag=True, help="Create no wallet.")
@creation_options
@output_options
def command(
    shell: Shell, skip_wallet: bool, unencrypted: bool, keystoredir: str, force: bool
) -> None:
    """Begin a project in this folder: iexec.json, chain.json and a wallet.

    chain.json is for the market that `poco up` runs on this machine, which gives a new wallet some
    money; without one, for a market on the usual ports, with the hub of deployments/31337.json.
    """
    from poco.local.runfile import running
    from poco.project.surroundings import local_chain

    project = shell.project
    for name in ("iexec.json", "chain.json"):
        if project.has(name):
            shell.confirm(f'"{name}" already exists, replace it?', force)
    found = running()
    chain = local_chain(None if found is None else found.stack_info.chain_json(), project.folder)
    document: dict[str, Any] = {}
    if not skip_wallet:
        made = make_wallet(shell, unencrypted=unencrypted, keystoredir=keystoredir, force=force)
        document |= {"walletAddress": made.address, "walletFile": file_name(shell, made)}
    project.write_iexec()
    project.write_chains(chain)
    document |= {"configFile": "iexec.json", "chainConfigFile": "chain.json"}
    if chain.hub is None:
        shell.warn("chain.json has no hub: start a market with `poco up`, then `poco init --force`")
    story = _story(document, running=found is not None)
    if found is not None and not skip_wallet:
        try:
            story += f"\n{take_gift(shell, made.address)[1]}"
        except PocoError as error:  # the project is there all the same
            shell.warn(f"the wallet is empty: {error}; try `poco wallet fund`")
    shell.done(document, story)


def _story(document: dict[str, Any], *, running: bool) -> str:
    market = "the market that runs here" if running else "a market on the usual local ports"
    lines = [
        "iexec.json describes what you sell and buy",
        f"chain.json knows {market}",
    ]
    if "walletAddress" in document:
        lines.append(f"wallet {document['walletAddress']} is in {document['walletFile']}")
    return "\n".join(lines)
