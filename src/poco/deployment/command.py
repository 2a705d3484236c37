"""What ``ape run deploy`` does between its options and the library."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from poco.contracts import AddressBook, EventReader, Mode, Wallet
from poco.contracts.book import require_writable
from poco.deployment.ape_network import compiler_settings, connected, load_signer
from poco.deployment.categories import load_categories
from poco.deployment.deployer import Deployment, Step, deploy
from poco.deployment.verification_file import verification_path, write_verification
from poco.orders import checked_address
from poco.toolchain.export import ensure_built

__all__ = ["run"]


def run(
    mode: str | None,
    token: str | None,
    categories: Path | None,
    account: str | None,
    out: Path | None,
    network: str | None,
) -> None:
    """Deploy a market and write its address book, with progress on standard output.

    Args:
        mode: token or native; None is that of the market that is there, else token.
        token: address of the base token.
        categories: JSON file.
        account: alias of the account that pays and owns.
        out: the address book.
        network: Ape's name of the network.

    Raises:
        PocoError: what went wrong; nothing was written then.
    """
    console = Console(highlight=False, soft_wrap=True)
    base_token = None if token is None else checked_address("token", token)
    wanted = None if categories is None else load_categories(categories)
    with console.status("compiling"):
        ensure_built()
    with connected(network) as chain:
        path = out or Path("deployments") / f"{chain.chain_id}.json"
        require_writable(path)
        known = AddressBook.load(path) if path.exists() else None
        wallet = Wallet(chain, load_signer(account), EventReader(()))
        chosen = None if mode is None else Mode(mode)
        console.print(f"chain {chain.chain_id}, account {wallet.address}")
        with console.status("deploying") as status:

            def report(step: Step) -> None:
                console.print(_line(step))
                status.update(f"after {step.name}")

            deployment = deploy(
                wallet, chosen, token=base_token, categories=wanted, known=known, report=report
            )
        if deployment.book != known:
            write_verification(verification_path(path), deployment.plan, compiler_settings())
            deployment.book.write(path)
        console.print(_summary(deployment, path, is_new=deployment.book != known))


def _line(step: Step) -> str:
    done = f"{step.gas:>11,} gas" if step.gas else f"{'verified':>15}"
    return f"  {step.name:<28} {step.address} {done}"


def _summary(deployment: Deployment, path: Path, *, is_new: bool) -> str:
    if not deployment.gas_used and not is_new:
        return f"{deployment.book.mode} market verified, nothing changed: {path}"
    return f"{deployment.book.mode} market, total {deployment.gas_used:,} gas: {path}"
