"""Trading on one machine: who is who, orders in a folder, assets, purchases, results.

::

    folder = MarketFolder(Path("market"))
    orders = folder.orders(market.chain.chain_id)
    offer = Offer(app=orders["apporder"], workerpool=orders["workerpoolorder"])
    deal = buy(market, offer, sign_request(market, account, offer, params, volume=2))
    for taskid in wait_for_tasks(market, deal, patience=600):
        collect_result(market, taskid, Path("results"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poco.lazy import lazy_names

if TYPE_CHECKING:
    from poco.market.accounts import Role, development_account, load_account
    from poco.market.assets import (
        Registered,
        file_checksum,
        register_app,
        register_dataset,
        register_workerpool,
    )
    from poco.market.folder import MarketFolder
    from poco.market.packaging import PackagedApp, package_app
    from poco.market.purchase import Offer, buy, sign_request, wait_for_tasks
    from poco.market.results import collect_result, require_writable_folder

__all__ = [
    "MarketFolder",
    "Offer",
    "PackagedApp",
    "Registered",
    "Role",
    "buy",
    "collect_result",
    "development_account",
    "file_checksum",
    "load_account",
    "package_app",
    "register_app",
    "register_dataset",
    "register_workerpool",
    "require_writable_folder",
    "sign_request",
    "wait_for_tasks",
]

__getattr__ = lazy_names(
    __name__,
    {
        "accounts": ("Role", "development_account", "load_account"),
        "assets": (
            "Registered",
            "file_checksum",
            "register_app",
            "register_dataset",
            "register_workerpool",
        ),
        "folder": ("MarketFolder",),
        "packaging": ("PackagedApp", "package_app"),
        "purchase": ("Offer", "buy", "sign_request", "wait_for_tasks"),
        "results": ("collect_result", "require_writable_folder"),
    },
)
