"""How fast orders are checked, and how long the package takes to load.

``python -m benchmarks.orders`` compares with eth_account's own typed data, and with
``import web3``, all on one core.
"""

from __future__ import annotations

import subprocess
import sys

import click
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from benchmarks.timing import seconds_per_call
from poco.errors import InternalError
from poco.orders import (
    ZERO_ADDRESS,
    AppOrder,
    Asset,
    DatasetOrder,
    Domain,
    RequestOrder,
    StaticChainView,
    WorkerpoolOrder,
    checked_address,
    order_hash,
    order_typed_data,
    recover_signer,
    sign_order,
    why_not_match,
)

__all__ = ["Book"]

_IMPORTS = ("poco.orders", "poco.contracts", "web3")


class Book:
    """Many different signed orders of one market, and what its hub knows.

    Args:
        size: number of order sets; each matches.
    """

    def __init__(self, size: int) -> None:
        keys: list[LocalAccount] = [Account.from_key(keccak(text=f"key {i}")) for i in range(4)]
        app_owner, dataset_owner, scheduler, requester = keys
        hub, app, dataset, pool = (
            checked_address("contract", f"0x{keccak(text=f'contract {i}')[:20].hex()}")
            for i in range(4)
        )
        self.domain = Domain(31337, hub)
        self.requester = requester.address
        self.view = StaticChainView(
            domain=self.domain,
            owners={
                Asset.APP: {app: app_owner.address},
                Asset.DATASET: {dataset: dataset_owner.address},
                Asset.WORKERPOOL: {pool: scheduler.address},
            },
            balances={requester.address: 10**12, scheduler.address: 10**12},
        )
        self.sets: list[tuple[AppOrder, DatasetOrder, WorkerpoolOrder, RequestOrder]] = []
        for number in range(size):
            salt = keccak(text=f"salt {number}")
            terms = AppOrder(app=app, appprice=1_000, volume=1, salt=salt)
            data = DatasetOrder(dataset=dataset, datasetprice=1_000_000, volume=1, salt=salt)
            offer = WorkerpoolOrder(
                workerpool=pool, workerpoolprice=10**9, volume=1, category=0, trust=1, salt=salt
            )
            request = RequestOrder(
                app=app,
                appmaxprice=1_000,
                dataset=dataset,
                datasetmaxprice=1_000_000,
                workerpool=pool,
                workerpoolmaxprice=10**9,
                requester=requester.address,
                volume=1,
                category=0,
                trust=1,
                beneficiary=ZERO_ADDRESS,
                params='{"iexec_args":"--column price"}',
                salt=salt,
            )
            self.sets.append(
                (
                    sign_order(terms, self.domain, app_owner),
                    sign_order(data, self.domain, dataset_owner),
                    sign_order(offer, self.domain, scheduler),
                    sign_order(request, self.domain, requester),
                )
            )

    def verify(self) -> None:
        """Hash every request order and recover its signer."""
        for *_, request in self.sets:
            signer = recover_signer(order_hash(request, self.domain), request.sign)
            _require(signer == self.requester)

    def verify_with_eth_account(self) -> None:
        """Do what `verify` does with eth_account alone."""
        for *_, request in self.sets:
            message = encode_typed_data(full_message=order_typed_data(request, self.domain))
            signer = Account.recover_message(message, signature=request.sign)
            _require(signer == self.requester)

    def match(self) -> None:
        """Check every order set against all rules, four signatures included."""
        for orders in self.sets:
            _require(not why_not_match(*orders, self.view))


def _require(holds: bool) -> None:
    if not holds:
        raise InternalError("the benchmark's orders must be valid")


def _load(statement: str) -> None:
    subprocess.run([sys.executable, "-c", statement], check=True)


@click.command()
@click.option("--size", default=100, show_default=True, help="Order sets per round.")
@click.option("--rounds", default=9, show_default=True, help="Rounds; medians are printed.")
def main(size: int, rounds: int) -> None:
    """Print rates of checking orders, and start-up times."""
    book = Book(size)
    checks = {
        "order_hash + recover_signer": book.verify,
        "eth_account: encode_typed_data + recover": book.verify_with_eth_account,
        "why_not_match, four orders": book.match,
    }
    seconds = seconds_per_call(checks, rounds=rounds, calls=size)
    baseline = seconds["eth_account: encode_typed_data + recover"]
    click.echo(f"{'orders':42} {'per second':>10} {'times eth_account':>18}")
    for name, taken in seconds.items():
        click.echo(f"{name:42} {1 / taken:>10,.0f} {baseline / taken:>18.1f}")

    statements = {"(interpreter alone)": lambda: _load("")}
    statements |= {
        f"import {name}": lambda name=name: _load(f"import {name}")  # type: ignore[misc]
        for name in _IMPORTS
    }
    loads = seconds_per_call(statements, rounds=rounds)
    click.echo(f"\n{'start-up':42} {'ms':>10} {'of import web3':>18}")
    for name, taken in loads.items():
        click.echo(f"{name:42} {1_000 * taken:>10,.0f} {taken / loads['import web3']:>18.2f}")


if __name__ == "__main__":
    main()
