"""The published interfaces are all there, with the signatures that others depend on (spec §1-§8).

What is left out is listed in `docs/compatibility.md`, and nothing else.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import ape
import pytest
import solcx
from eth_utils import keccak
from market import KITTY, deal_id, decode_revert, result_hash, result_seal, revert_data, task_id

ROOT = Path(__file__).parents[2]
REFERENCE = Path(__file__).parent / "reference"
DOCUMENT = ROOT / "docs" / "compatibility.md"
MAX_CODE = 24_576  # bytes, EIP-170

HUB_PARTS = ("PocoHubExtension", "PocoHubBoost")
# Who answers for each published interface.
ANSWERS = {
    "IexecInterfaceToken": ("PocoHub", *HUB_PARTS),
    "IexecInterfaceNative": ("PocoHubNative", *HUB_PARTS),
    "IexecPocoBoost": ("PocoHub", *HUB_PARTS),
    "IexecPocoBoostAccessors": ("PocoHub", *HUB_PARTS),
    "DiamondFacets": ("PocoHub", *HUB_PARTS),
    "AppRegistry": ("AppRegistry",),
    "DatasetRegistry": ("DatasetRegistry",),
    "WorkerpoolRegistry": ("WorkerpoolRegistry",),
    "App": ("App",),
    "Dataset": ("Dataset",),
    "Workerpool": ("Workerpool",),
}


# ---- one line per item of an ABI


def describe_type(item: dict[str, Any]) -> str:
    """A type with the components of structs and the name of an enum."""
    internal = item.get("internalType") or ""
    if item["type"].startswith("tuple"):
        inner = ", ".join(f"{describe_type(part)} {part['name']}" for part in item["components"])
        return f"({inner}){item['type'][5:]}"
    if internal.startswith("enum "):
        return f"{re.split('[. ]', internal)[-1]}:{item['type']}"
    return str(item["type"])


def describe(item: dict[str, Any]) -> str:
    """An item of an ABI as one line; `pure` counts as `view`, since a caller cannot tell."""
    kind = item["type"]
    if kind == "event":
        arguments = [
            f"{describe_type(part)}{' indexed' if part['indexed'] else ''} {part['name']}"
            for part in item["inputs"]
        ]
        return f"event {item['name']}({', '.join(arguments)})"
    if kind == "error":
        arguments = [f"{describe_type(part)} {part['name']}" for part in item["inputs"]]
        return f"error {item['name']}({', '.join(arguments)})"
    if kind != "function":
        return kind
    mutability = item["stateMutability"].replace("pure", "view")
    inputs = ", ".join(describe_type(part) for part in item["inputs"])
    outputs = ", ".join(describe_type(part) for part in item["outputs"])
    line = f"function {item['name']}({inputs}) {mutability}"
    return f"{line} -> {outputs}" if outputs else line


def offered(project, names) -> set[str]:
    """Lines of everything that contracts offer."""
    return {
        describe(item)
        for name in names
        for item in json.loads(
            getattr(project, name).contract_type.model_dump_json(by_alias=True, include={"abi"})
        )["abi"]
    }


def published(interface: str) -> list[str]:
    """Lines of a published interface."""
    return (REFERENCE / f"{interface}.txt").read_text().splitlines()


def short(line: str) -> str:
    """Kind and name of an item, which the document lists."""
    return line.split("(")[0]


def omissions() -> dict[str, set[str]]:
    """The table of omissions in the document: items by interface."""
    section = DOCUMENT.read_text().split("## Left out")[1].split("\n## ")[0]
    table: dict[str, set[str]] = {}
    for interfaces, items in re.findall(r"^\| (`.+?`) \| (`.+?`) \|", section, re.MULTILINE):
        for interface in re.findall(r"`(\w+)`", interfaces):
            table.setdefault(interface, set()).update(re.findall(r"`(.+?)`", items))
    return table


@pytest.mark.parametrize("interface", ANSWERS)
def test_interface__all_but_the_documented_omissions__is_offered(project, interface):
    lines, ours = published(interface), offered(project, ANSWERS[interface])

    missing = {short(line) for line in lines if line not in ours}

    assert lines
    assert missing == omissions().get(interface, set())


def test_omissions__name_published_interfaces_only():
    assert set(omissions()) <= set(ANSWERS)


@pytest.mark.parametrize("mode", ["PocoHub", "PocoHubNative"])
def test_hub__no_two_parts_answer_the_same_function(project, mode):
    main = {line for line in offered(project, (mode,)) if line.startswith("function")}
    for part in HUB_PARTS:
        behind = {line for line in offered(project, (part,)) if line.startswith("function")}
        # Ownership is part of the storage that all parts share; the hub's own answers.
        shared = {short(line) for line in main & behind}
        assert shared <= {
            "function owner",
            "function pendingOwner",
            "function transferOwnership",
            "function acceptOwnership",
            "function renounceOwnership",
        }


# ---- what the compiler says of the sources


@pytest.fixture(scope="module")
def analysed(project):
    """ABI and storage layout of the hub's parts and of `interfaces/`, without generating code."""
    parts = [ROOT / f"contracts/{name}.sol" for name in ("PocoHub", "PocoHubNative", *HUB_PARTS)]
    faces = sorted((ROOT / "interfaces").glob("*.sol"))
    (request,) = ape.compilers.solidity.get_standard_input_json(
        [*parts, *faces], project=project
    ).values()
    wanted = {"*": {"*": ["abi", "storageLayout"]}}
    request["settings"] = request["settings"] | {"outputSelection": wanted}
    answer = solcx.compile_standard(request, base_path=ROOT, solc_version="0.8.30")
    return {
        name: contract
        for source in answer["contracts"].values()
        for name, contract in source.items()
    }


def test_hub_parts__share_one_storage_layout(analysed):
    def layout(name):
        return [
            (item["slot"], item["offset"], item["label"], item["type"].split("(")[0])
            for item in analysed[name]["storageLayout"]["storage"]
        ]

    layouts = {name: layout(name) for name in ("PocoHub", "PocoHubNative", *HUB_PARTS)}

    assert layouts["PocoHub"]
    assert all(found == layouts["PocoHub"] for found in layouts.values())


def functions(abi):
    """Selectors of the functions of an ABI, by signature."""
    found = {}
    for item in abi:
        if item["type"] == "function":
            types = ",".join(canonical(part) for part in item["inputs"])
            signature = f"{item['name']}({types})"
            found[signature] = keccak(text=signature)[:4]
    return found


def canonical(item):
    if not item["type"].startswith("tuple"):
        return item["type"]
    return f"({','.join(canonical(part) for part in item['components'])}){item['type'][5:]}"


@pytest.mark.parametrize("face", ["IPocoHubToken", "IPocoBoost"])
def test_hub__answers_every_function_of_its_faces(analysed, hub, stranger, face):
    unanswered = []
    for signature, selector in functions(analysed[face]["abi"]).items():
        try:
            stranger.provider.web3.eth.call(
                {"from": stranger.address, "to": hub.address, "data": selector + bytes(320)}
            )
        except Exception as error:
            data = revert_data(error)
            if data[:4] == keccak(text="Escrow_FallbackDisabled(bytes4)")[:4]:
                unanswered.append(signature)

    assert len(functions(analysed[face]["abi"])) >= 5
    assert unanswered == []


@pytest.mark.parametrize(
    ("face", "contract"),
    [
        ("IPocoHubNative", "PocoHubNative"),
        ("IPocoHubToken", "PocoHub"),
        ("IPocoBoost", "PocoHub"),
        ("IAppRegistry", "AppRegistry"),
        ("IDatasetRegistry", "DatasetRegistry"),
        ("IWorkerpoolRegistry", "WorkerpoolRegistry"),
        ("IApp", "App"),
        ("IDataset", "Dataset"),
        ("IWorkerpool", "Workerpool"),
        ("IRLC", "RLC"),
    ],
)
def test_interfaces__are_what_the_contracts_offer(project, analysed, face, contract):
    parts = (contract, *HUB_PARTS) if contract.startswith("PocoHub") else (contract,)
    lines = {describe(item) for item in analysed[face]["abi"] if item["type"] == "function"}

    assert lines
    assert flat(lines) <= flat(offered(project, parts))


def flat(lines):
    """Without the parentheses around a returned struct: a face may list its fields instead."""
    return {
        re.sub(r" -> \((.*)\)$", lambda found: " -> " + unnamed(found[1]), line) for line in lines
    }


def unnamed(components):
    return ", ".join(part.rsplit(" ", 1)[0] for part in components.split(", "))


def test_contracts__fit_the_code_size_limit(project):
    sizes = {
        name: len(contract.contract_type.runtime_bytecode.bytecode) // 2 - 1
        for name in (
            "PocoHub",
            "PocoHubNative",
            *HUB_PARTS,
            "AppRegistry",
            "DatasetRegistry",
            "WorkerpoolRegistry",
            "App",
            "Dataset",
            "Workerpool",
            "RLC",
        )
        for contract in (getattr(project, name),)
    }

    assert {name: size for name, size in sizes.items() if not 0 < size < MAX_CODE} == {}


# ---- ids and hashes on chain are those of poco.orders, which the vectors of spec §12 pin


def test_ids__of_deal_and_task__are_those_of_the_formulas(market):
    orders = market.orders(request={"volume": 2})
    deal = market.match(orders)
    (matched,) = [log for log in deal.receipt.events if log.event_name == "OrdersMatched"]
    initialized = market.hub.initialize(deal.dealid, 1, sender=market.cast["stranger"])

    (event,) = initialized.events
    assert bytes(matched.requestHash) == market.hash(orders.request)
    assert bytes(matched.dealid) == deal_id(market.hash(orders.request), 0)
    assert bytes(event.taskid) == task_id(deal.dealid, 1)


def test_ids__of_a_result__are_those_of_the_formulas(market, worker_1):
    digest = keccak(text="result")
    taskid = market.initialize(market.match())

    market.contribute_and_finalize(worker_1, taskid, digest)

    contribution = market.hub.viewContribution(taskid, worker_1)
    assert bytes(contribution.resultHash) == result_hash(taskid, digest)
    assert bytes(contribution.resultSeal) == result_seal(worker_1.address, taskid, digest)


def test_kitty__is_one_less_than_the_hash_of_its_name(hub):
    name = int.from_bytes(keccak(text="iExecKitty")[:20]) - 1

    assert int(KITTY, 16) == name
    assert hub.kitty_address() == KITTY


def test_selectors__of_clients__are_those_of_the_published_hub(hub):
    selectors = {
        "matchOrders": "156194d4",
        "sponsorMatchOrders": "2f391533",
        "initialize": "5b36c66b",
        "contribute": "34623484",
        "contributeAndFinalize": "5facd761",
        "reveal": "fc334e8c",
        "reopen": "f6c68e10",
        "finalize": "8fc375e5",
        "claim": "bd66528a",
        "manageAppOrder": "b2b07e66",
        "manageRequestOrder": "8dd971d5",
        "assertDatasetDealCompatibility": "80f03425",
        "matchOrdersBoost": "8a8b3607",
        "pushResultBoost": "9bced28b",
        "viewDealBoost": "63fbac17",
    }
    found = functions(json.loads(hub.contract_type.model_dump_json(by_alias=True))["abi"])

    named = {signature.split("(")[0]: selector.hex() for signature, selector in found.items()}
    assert {name: named[name] for name in selectors} == selectors


# ---- the document


def errors_of_the_document() -> set[str]:
    """Names of our errors in the tables of the document."""
    return set(re.findall(r"`(\w+)(?:\([^`]*\))?`", DOCUMENT.read_text()))


def test_document__maps_every_error_of_the_hub(hub):
    ours = {error.name for error in hub.contract_type.errors}

    assert ours - errors_of_the_document() == set()


def test_document__names_tests_that_exist():
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    forge = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.sol"))
    named = set(re.findall(r"`(test_\w+__\w+)`", DOCUMENT.read_text()))

    assert named
    assert {name for name in named if f"{name}(" not in tests + forge} == set()


def test_revert__of_an_unknown_function__is_decoded(hub):
    data = keccak(text="Escrow_FallbackDisabled(bytes4)")[:4] + b"\x12\x34\x56\x78".ljust(32, b"\0")

    assert decode_revert(hub, data) == ("Escrow_FallbackDisabled", (b"\x12\x34\x56\x78",))
