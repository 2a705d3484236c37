"""`poco init`: the files that a new project begins with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poco.cli.shell import Shell, output_options
from poco.cli.wallet import creation_options, file_name, make_wallet, take_gift
from poco.errors import PocoError, UserInputError

if TYPE_CHECKING:
    from poco.local.runfile import Running
    from poco.project import ChainEntry

__all__ = ["command"]

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog="Example: poco init --skip-wallet")
@click.option("--skip-wallet", is_flag=True, help="Create no wallet.")
@click.option("--book", type=_FILE, metavar="FILE", help="Take the hub from this address book.")
@click.option(
    "--info", type=_FILE, metavar="FILE", help="Take all from what `poco up --info` wrote."
)
@click.option(
    "--url",
    "urls",
    multiple=True,
    metavar="NAME=URL",
    help="Where a service is, such as host=http://127.0.0.1:8545; may be repeated.",
)
@creation_options
@output_options
def command(
    shell: Shell,
    skip_wallet: bool,
    book: Path | None,
    info: Path | None,
    urls: tuple[str, ...],
    unencrypted: bool,
    keystoredir: str,
    force: bool,
) -> None:
    """Begin a project in this folder: iexec.json, chain.json and a wallet.

    chain.json is for the market that `poco up` runs on this machine, which gives a new wallet some
    money; without one, for a market on the usual ports, with the hub of deployments/31337.json.
    --book or --info name another market; --url says where its services are, by the names of
    chain.json: host (a node), sms, iexecGateway, ipfsGateway, compass, pocoSubgraph.
    """
    from poco.local.runfile import running

    project = shell.project
    found = running() if book is None and info is None else None
    chain = _chain(shell, found, book, info, urls)
    for name in ("iexec.json", "chain.json"):
        if project.has(name):
            shell.confirm(f'"{name}" already exists, replace it?', force)
    document: dict[str, Any] = {}
    if not skip_wallet:
        made = make_wallet(shell, unencrypted=unencrypted, keystoredir=keystoredir, force=force)
        document |= {"walletAddress": made.address, "walletFile": file_name(shell, made)}
    project.write_iexec()
    project.write_chains(chain)
    document |= {"configFile": "iexec.json", "chainConfigFile": "chain.json"}
    if chain.hub is None:
        shell.warn("chain.json has no hub: start a market with `poco up`, then `poco init --force`")
    if chain.host is None:
        shell.warn("chain.json has no node: add it with --url host=URL, or write it there")
    market = "the market that runs here" if found else "a market on the usual local ports"
    story = _story(document, f"the market of {book or info}" if book or info else market)
    if found is not None and not skip_wallet:
        try:
            story += f"\n{take_gift(shell, made.address)[1]}"
        except PocoError as error:  # the project is there all the same
            shell.warn(f"the wallet is empty: {error}; try `poco wallet fund`")
    shell.done(document, story)


def _chain(
    shell: Shell,
    found: Running | None,
    book: Path | None,
    info: Path | None,
    urls: tuple[str, ...],
) -> ChainEntry:
    """Return the chain that the project is for."""
    from poco.project.chains import with_urls
    from poco.project.surroundings import chain_of_book, chain_of_info, local_chain

    if book is not None and info is not None:
        raise UserInputError(
            "a project is for one market",
            field="--info",
            value=str(info),
            remedy="give either --book or --info",
        )
    if book is not None:
        chain = chain_of_book(book)
    elif info is not None:
        chain = chain_of_info(info)
    else:
        announced = None if found is None else found.stack_info.chain_json()
        chain = local_chain(announced, shell.project.folder)
    named = (url.partition("=") for url in urls)
    return with_urls(chain, {name: value for name, _, value in named})


def _story(document: dict[str, Any], market: str) -> str:
    lines = [
        "iexec.json describes what you sell and buy",
        f"chain.json knows {market}",
    ]
    if "walletAddress" in document:
        lines.append(f"wallet {document['walletAddress']} is in {document['walletFile']}")
    return "\n".join(lines)
