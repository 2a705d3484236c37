"""Older shapes of iexec.json, rewritten in memory to the one of today; pure.

Three eras are known. The first sold apps with ``params.envvars`` and bought with ``order.buy``;
the second named things ``dapp``, ``data``, ``pool`` and ``user``; the third had ``mrenclave``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from poco.orders import OrderKind
from poco.project import templates

__all__ = ["modernised"]

_SECTIONS = {"dapp": "app", "workerPool": "workerpool", "workerpools": "workerpool"}
_ORDERS = {
    "dapporder": "apporder",
    "dataorder": "datasetorder",
    "poolorder": "workerpoolorder",
    "userorder": "requestorder",
}
_PARTY = {"dapp": "app", "data": "dataset", "pool": "workerpool", "user": "requester"}
_FIELD = re.compile(r"(dapp|data|pool|user)(price|maxprice|restrict)?")
_PRICES = {"app": "appprice", "dataset": "datasetprice"}
_SIGNER = ("requester", "beneficiary")
"""Older requests leave out who signs them."""
_NO_CHECKSUM = "0x" + 64 * "0"
"""The first era knew none: the name of the image decides."""


def modernised(document: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the document in the shape of today.

    Args:
        document: the content of iexec.json or iexec.js, of any era.

    Returns:
        A new document, and a sentence for each thing that became something else.
    """
    conversion = _Conversion(json.loads(json.dumps(document)))
    conversion.run()
    return conversion.content, tuple(conversion.notes)


class _Conversion:
    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self.notes: list[str] = []

    def run(self) -> None:
        for old, new in _SECTIONS.items():
            if isinstance(self.content.get(old), dict) and new not in self.content:
                self._became(old, new)
                self.content[new] = self.content.pop(old)
        for name in ("app", "dataset"):
            if isinstance(self.content.get(name), dict):
                self._asset(name, self.content[name])
        if isinstance(self.content.get("order"), dict):
            self._orders(self.content["order"])

    def _asset(self, name: str, asset: dict[str, Any]) -> None:
        params = asset.pop("params", None)
        if isinstance(params, dict):
            self._asset_params(name, asset, params)
        if "price" in asset:
            price = str(asset.pop("price"))
            kind = OrderKind(f"{name}order")
            is_new = kind not in self.content.get("order", {})
            order = self._order(kind)
            order[_PRICES[name]] = price if is_new else order.get(_PRICES[name], price)
            self._became(f"{name}.price", f"order.{kind}.{_PRICES[name]}")
        if asset.pop("mrenclave", None):
            self.notes.append(
                f'iexec.json: "{name}.mrenclave" is left out: enclaves of that era are gone'
            )

    def _asset_params(self, name: str, asset: dict[str, Any], params: dict[str, Any]) -> None:
        if "type" in params:
            asset.setdefault("type", params["type"])
            self._became(f"{name}.params.type", f"{name}.type")
        for key in ("envvars", "uri"):
            if key in params:
                asset.setdefault("multiaddr", params[key])
                asset.setdefault("checksum", _NO_CHECKSUM)
                self._became(f"{name}.params.{key}", f"{name}.multiaddr")

    def _orders(self, orders: dict[str, Any]) -> None:
        for old, new in _ORDERS.items():
            if old in orders and new not in orders:
                self._became(f"order.{old}", f"order.{new}")
                orders[new] = orders.pop(old)
        for kind in OrderKind:
            if isinstance(orders.get(kind), dict):
                orders[kind] = self._fields(kind, orders[kind])
        buy, sell = orders.pop("buy", None), orders.pop("sell", None)
        if isinstance(buy, dict):
            self._became("order.buy", "order.requestorder")
            request = self._order(OrderKind.REQUEST)
            request.update(self._prices(orders) | self._fields(OrderKind.REQUEST, buy))
        if isinstance(sell, dict):
            self._became("order.sell", "order.workerpoolorder")
            offer = self._fields(OrderKind.WORKERPOOL, sell)
            if "price" in offer:
                offer["workerpoolprice"] = str(offer.pop("price"))
            self._order(OrderKind.WORKERPOOL).update(offer)

    def _fields(self, kind: OrderKind, order: Mapping[str, Any]) -> dict[str, Any]:
        renamed: dict[str, Any] = {}
        for key, value in order.items():
            found = _FIELD.fullmatch(key)
            name = f"{_PARTY[found[1]]}{found[2] or ''}" if found else key
            if name != key:
                self._became(f"order.{kind}.{key}", f"order.{kind}.{name}")
            renamed[name] = value
        if kind is OrderKind.REQUEST and "params" in renamed:
            renamed["params"] = self._params(renamed["params"])
        return renamed

    def _params(self, params: Any) -> Any:
        """Read a text as an argument line; ``cmdline`` and ``dirinuri`` stay: they mean v2."""
        if isinstance(params, str):
            try:
                json.loads(params)
            except ValueError:
                self._became("the text order.requestorder.params", "params.iexec_args")
                return {"iexec_args": params}
        return params

    def _prices(self, orders: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a purchase of the first era agreed to: the prices that the file asks for."""
        sales = ((name, key, orders.get(f"{name}order")) for name, key in _PRICES.items())
        return {
            f"{name}maxprice": sale[key]
            for name, key, sale in sales
            if isinstance(sale, dict) and key in sale
        }

    def _order(self, kind: OrderKind) -> dict[str, Any]:
        """Return the unsigned order of a kind, a new one with defaults if there is none."""
        orders = self.content.setdefault("order", {})
        if not isinstance(orders.get(kind), dict):
            order = templates.unsigned_order(kind)
            orders[str(kind)] = {key: order[key] for key in order if key not in _SIGNER}
        found: dict[str, Any] = orders[kind]
        return found

    def _became(self, old: str, new: str) -> None:
        self.notes.append(f'iexec.json of an older era: "{old}" is read as "{new}"')
