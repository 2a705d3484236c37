"""Nothing of the contracts is left out of the client: events, errors, functions."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from poco.contracts import (
    EventReader,
    artifact,
    decode_revert,
    hub_interface,
    interface,
    registries,
    token,
    views,
)
from poco.contracts import events as ev
from poco.contracts import hub as hub_module
from poco.contracts.reverts import NO_REASON, REMEDIES
from poco.errors import ConfigurationError, UserInputError

pytestmark = pytest.mark.usefixtures("compiled")

EMITTERS = (
    "PocoHub",
    "PocoHubNative",
    "PocoHubExtension",
    "PocoHubBoost",
    "AppRegistry",
    "DatasetRegistry",
    "WorkerpoolRegistry",
    "Workerpool",
    "RLC",
)
ADDRESS = "0x00000000000000000000000000000000DeaDBeef"


def entries(kind: str) -> dict[str, dict[str, Any]]:
    found = [entry for name in EMITTERS for entry in artifact(name).abi if entry["type"] == kind]
    return {entry["name"]: entry for entry in found}


def test_events__each_of_the_contracts_has_a_record() -> None:
    assert set(entries("event")) <= set(ev.__all__)


def test_events__each_record_has_the_arguments_of_the_abi() -> None:
    for name, entry in entries("event").items():
        if name not in ("Transfer", "Approval"):
            record = getattr(ev, name)
            fields = [field for field in record.__dataclass_fields__ if field != "at"]
            assert len(fields) == len(entry["inputs"]), name


def test_events__of_foreign_contracts__do_not_count() -> None:
    topics = [f"0x{interface('RLC').topic('Transfer').hex()}", "0x" + "00" * 32, "0x" + "00" * 32]
    log = {
        "address": ADDRESS,
        "topics": topics,
        "data": f"0x{7:064x}",
        "blockNumber": "0x1",
        "logIndex": "0x0",
        "transactionHash": "0x00",
    }
    assert len(EventReader([ADDRESS]).decode([log])) == 1
    assert EventReader([]).decode([log]) == ()
    assert EventReader([ADDRESS]).decode([log | {"removed": True}]) == ()


def test_remedies__are_for_errors_that_exist() -> None:
    known = set(entries("error")) | {
        entry["name"] for entry in artifact("App").abi if entry["type"] == "error"
    }
    assert set(REMEDIES) - {NO_REASON} <= known


def test_decode_revert__each_custom_error__has_its_arguments_by_name() -> None:
    values = {"address": ADDRESS, "string": "text"}
    for name, entry in entries("error").items():
        types = [parameter["type"] for parameter in entry["inputs"]]
        data = [
            values.get(kind, b"\x01" * 32 if kind == "bytes32" else b"\x01" * 4)
            if not kind.startswith("uint")
            else 1
            for kind in types
        ]
        selector = keccak(f"{name}({','.join(types)})".encode())[:4]
        error = decode_revert(selector + encode(types, data))
        assert error.name == name
        assert len(error.arguments) == len(types)


def test_decode_revert__solidity_text__is_kept() -> None:
    error = decode_revert(bytes.fromhex("08c379a0") + encode(["string"], ["why"]))
    assert (error.name, error.arguments) == ("Error", {"message": "why"})


def test_decode_revert__mangled_data__is_unknown() -> None:
    assert decode_revert(bytes.fromhex("4e487b71")).name == "Unknown"


def test_functions__every_transaction_of_the_hub_is_in_the_client() -> None:
    source = "".join(inspect.getsource(module) for module in (hub_module, views))
    missing = []
    for mode in ("token", "native"):
        for name, entry in hub_interface(mode).functions.items():
            if "(" in name or entry["stateMutability"] in ("view", "pure"):
                continue
            pieces = (f'"{name}"', f'"{name}Boost"')
            if not any(piece in source for piece in pieces) and not name.startswith(
                ("manage", "broadcast")
            ):
                missing.append(name)
    # What the client does not need: the token calls receiveApproval, the others are of the
    # ERC-20 face and of the owner who gives up.
    assert set(missing) <= {
        "receiveApproval",
        "approveAndCall",
        "increaseAllowance",
        "decreaseAllowance",
        "renounceOwnership",
        "owner",
    }


def test_functions__the_client_calls_only_what_exists() -> None:
    for module, names in (
        (token, ("RLC",)),
        (registries, ("AppRegistry", "DatasetRegistry", "WorkerpoolRegistry", "Workerpool")),
    ):
        known = interface(*names)
        for line in inspect.getsource(module).splitlines():
            for verb in ("self.call(", "self.read(", "self.call_for(_created, "):
                if f'{verb}"' in line:
                    function = line.split(f'{verb}"')[1].split('"')[0]
                    assert known.has(function), function


def test_interface__unknown_function__names_the_remedy() -> None:
    with pytest.raises(ConfigurationError, match="make build"):
        interface("RLC").encode_call("mint", 1)


def test_interface__wrong_number_of_arguments__lists_the_types() -> None:
    with pytest.raises(UserInputError, match="address, uint256"):
        interface("RLC").encode_call("transfer", ADDRESS)


def test_interface__answer_of_another_contract__is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="another contract"):
        interface("RLC").decode_answer("balanceOf", b"")


def test_artifact__not_built__names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="make build"):
        artifact("NoSuchContract")
