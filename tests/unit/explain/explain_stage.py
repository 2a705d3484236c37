"""Four orders that match, the hub they are for, and how to change one thing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from poco.explain import Explanation, explain_orders
from poco.orders import (
    TDX,
    TEE,
    AnyOrder,
    AppOrder,
    Asset,
    DatasetOrder,
    Domain,
    RequestOrder,
    StaticChainView,
    WorkerpoolOrder,
    checked_address,
    order_hash,
    sign_order,
)


def address(byte: int) -> str:
    return checked_address("test", "0x" + f"{byte:02x}" * 20)


APP, DATASET, POOL, OTHER = (address(byte) for byte in (0xA1, 0xD1, 0xB1, 0x99))
REGISTRIES = dict(zip(Asset, (address(0xE1), address(0xE2), address(0xE3)), strict=True))
PRICES = {"app": 1_000, "dataset": 2_000, "workerpool": 10_000}
VOLUME = 3
BALANCE = 40_000
"""Of the requester; the deal costs 39,000."""
KEYS: dict[str, LocalAccount] = {
    kind: Account.from_key(bytes([number]) * 32)
    for number, kind in enumerate(
        ("apporder", "datasetorder", "workerpoolorder", "requestorder", "sponsor"), start=1
    )
}
REQUESTER = KEYS["requestorder"].address


def matching_orders() -> dict[str, Any]:
    """Return orders of which none breaks a rule, by kind, not signed."""
    return {
        "apporder": AppOrder(
            app=APP,
            appprice=PRICES["app"],
            volume=10,
            tag=TEE,
            datasetrestrict=DATASET,
            workerpoolrestrict=POOL,
            requesterrestrict=REQUESTER,
            salt=b"\x01" * 32,
        ),
        "datasetorder": DatasetOrder(
            dataset=DATASET,
            datasetprice=PRICES["dataset"],
            volume=20,
            apprestrict=APP,
            workerpoolrestrict=POOL,
            requesterrestrict=REQUESTER,
            salt=b"\x02" * 32,
        ),
        "workerpoolorder": WorkerpoolOrder(
            workerpool=POOL,
            workerpoolprice=PRICES["workerpool"],
            volume=5,
            tag=TEE | TDX,
            category=1,
            trust=4,
            apprestrict=APP,
            datasetrestrict=DATASET,
            requesterrestrict=REQUESTER,
            salt=b"\x03" * 32,
        ),
        "requestorder": RequestOrder(
            app=APP,
            appmaxprice=PRICES["app"],
            dataset=DATASET,
            datasetmaxprice=PRICES["dataset"],
            workerpool=POOL,
            workerpoolmaxprice=PRICES["workerpool"],
            requester=REQUESTER,
            volume=VOLUME,
            tag=TEE,
            category=1,
            trust=4,
            beneficiary=REQUESTER,
            params='{"iexec_args":"hi"}',
            salt=b"\x04" * 32,
        ),
    }


@dataclass
class Fair:
    """Orders and hub; tests change one thing, then look what is said of it."""

    domain: Domain = field(default_factory=lambda: Domain(31337, address(0x11)))
    orders: dict[str, Any] = field(default_factory=matching_orders)
    view: StaticChainView = None  # type: ignore[assignment]  # made of the domain below

    def __post_init__(self) -> None:
        owners = zip(Asset, (APP, DATASET, POOL), list(KEYS)[:3], strict=True)
        self.view = StaticChainView(
            domain=self.domain,
            registries=REGISTRIES,
            owners={asset: {entry: KEYS[kind].address} for asset, entry, kind in owners},
            balances={
                REQUESTER: BALANCE,
                KEYS["workerpoolorder"].address: PRICES["workerpool"] * 3 // 10 * VOLUME,
            },
        )
        self.sign()

    def change(self, kind: str, **fields: Any) -> Fair:
        """Change an order; its signature is for the old one until it is signed."""
        self.orders[kind] = replace(self.orders[kind], **fields)
        return self

    def look(self, **facts: Any) -> Fair:
        """Change the hub."""
        self.view = replace(self.view, **facts)
        return self

    def sign(self, **signers: LocalAccount) -> Fair:
        """Sign all orders, by their owners unless another signer is given."""
        for kind, order in self.orders.items():
            self.orders[kind] = sign_order(order, self.domain, signers.get(kind, KEYS[kind]))
        return self

    def hash(self, kind: str) -> bytes:
        return order_hash(self.orders[kind], self.domain)

    def consume(self, kind: str) -> Fair:
        return self.look(volumes_consumed={self.hash(kind): self.orders[kind].volume})

    def explain(self, *kinds: str, **options: Any) -> Explanation:
        """Explain all orders, or some kinds only."""
        chosen: dict[str, AnyOrder] = {
            kind: order for kind, order in self.orders.items() if not kinds or kind in kinds
        }
        return explain_orders(chosen, options.pop("view", self.view), **options)  # type: ignore[arg-type]
