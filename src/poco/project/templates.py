"""What `init` commands write for people to edit; the defaults of the official client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eth_utils.address import is_address

from poco.orders import ZERO_ADDRESS, OrderKind

__all__ = [
    "app",
    "category",
    "dataset",
    "description",
    "edited_fields",
    "unsigned_order",
    "workerpool",
]

_ZERO32 = "0x" + 64 * "0"


def edited_fields(section: Mapping[str, Any], *drafts: Mapping[str, Any]) -> list[str]:
    """Return the fields of a section that people wrote, and that a new draft would lose.

    Args:
        section: the section as it is.
        drafts: what commands write there; the one that is nearest counts. An address in the place
            of another is no loss: commands know whose wallet it is, and what was deployed.
    """

    def differing(draft: Mapping[str, Any]) -> list[str]:
        return [name for name in section if _is_lost(section[name], draft.get(name))]

    return min(map(differing, drafts), key=len)


def _is_lost(value: Any, newer: Any) -> bool:
    return value != newer and not (
        is_address(value) and is_address(newer) and newer != ZERO_ADDRESS
    )


def description() -> dict[str, Any]:
    """Return a new iexec.json."""
    return {
        "description": "Describe your application, dataset or workerpool to your users",
        "license": "MIT",
        "author": "?",
        "social": {"website": "?", "github": "?"},
        "logo": "logo.png",
        "buyConf": {},
    }


def app(owner: str) -> dict[str, str]:
    """Return the section ``app`` of a new app."""
    return {
        "owner": owner,
        "name": "hello-world",
        "type": "DOCKER",
        "multiaddr": "iexechub/python-hello-world:8.0.4",
        "checksum": "0xb0b664b7a6d249f81c067a9262b1763144eeb3ca63e553567f71673442ce9e84",
    }


def dataset(owner: str) -> dict[str, str]:
    """Return the section ``dataset`` of a new dataset."""
    return {
        "owner": owner,
        "name": "my-dataset",
        "multiaddr": "/ipfs/QmW2WQi7j6c7UgJTarActp7tDNikE4B2qXtFCfLPdsgaTQ",
        "checksum": _ZERO32,
    }


def workerpool(owner: str) -> dict[str, str]:
    """Return the section ``workerpool`` of a new workerpool."""
    return {"owner": owner, "description": "my-workerpool"}


def category() -> dict[str, str]:
    """Return the section ``category`` of a new category; the time reference is in seconds."""
    return {"name": "XXL", "description": "new hub category", "workClockTimeRef": "100"}


def unsigned_order(kind: OrderKind, requester: str = ZERO_ADDRESS, **assets: str) -> dict[str, Any]:
    """Return an order to be edited and signed.

    Args:
        kind: its kind.
        requester: requester and beneficiary of a request order.
        assets: addresses of ``app``, ``dataset`` and ``workerpool`` that are known.
    """
    known = {name: assets.get(name, ZERO_ADDRESS) for name in ("app", "dataset", "workerpool")}

    def restricts(*names: str) -> dict[str, str]:
        return {f"{name}restrict": ZERO_ADDRESS for name in names}

    match kind:
        case OrderKind.APP:
            return {
                "app": known["app"],
                "appprice": "0",
                "volume": "1000000",
                "tag": [],
                **restricts("dataset", "workerpool", "requester"),
            }
        case OrderKind.DATASET:
            return {
                "dataset": known["dataset"],
                "datasetprice": "0",
                "volume": "1000000",
                "tag": [],
                **restricts("app", "workerpool", "requester"),
            }
        case OrderKind.WORKERPOOL:
            return {
                "workerpool": known["workerpool"],
                "workerpoolprice": "0",
                "volume": "1",
                "category": "0",
                "trust": "0",
                "tag": [],
                **restricts("app", "dataset", "requester"),
            }
        case OrderKind.REQUEST:
            return {
                "app": known["app"],
                "appmaxprice": "0",
                "dataset": known["dataset"],
                "datasetmaxprice": "0",
                "workerpool": known["workerpool"],
                "workerpoolmaxprice": "0",
                "volume": "1",
                "category": "0",
                "trust": "0",
                "tag": [],
                "beneficiary": requester,
                "callback": ZERO_ADDRESS,
                "params": {
                    "iexec_args": "",
                    "iexec_input_files": [],
                    "iexec_result_encryption": False,
                },
                "requester": requester,
            }
