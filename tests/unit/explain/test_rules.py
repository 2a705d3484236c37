"""Nothing is left without an explanation: every error, code, event and text of the original."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from eth_abi import encode
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

import poco
from poco.appio.causes import Cause, Status
from poco.contracts import ContributionStatus, TaskStatus, artifact, events
from poco.contracts.reverts import NO_REASON
from poco.explain import explain_code, explain_error, explain_original, explain_revert, render
from poco.explain.codes import CODES, code_named
from poco.explain.errors import error_entries
from poco.explain.happenings import SENTENCES
from poco.explain.matching import MATCHING
from poco.explain.originals import ORIGINALS, known_as
from poco.explain.rules import RULES
from poco.scheduler.statuses import ReplicateStatus, Stage
from poco.transactions import TransactionStatus

SOURCES = Path(poco.__file__).parent
DOCS = SOURCES.parents[1] / "docs"
SOLIDITY = {"Error", "Panic", NO_REASON, "Unknown"}
REFUSALS = {"RefusedError", "_missing"}
"""Calls in the secret service whose argument is a code."""
_CODE = re.compile(r"[A-Z]+(_[A-Z0-9]+)+")


def compiled_errors() -> set[str]:
    names = [file.stem for file in (SOURCES / "contracts" / "artifacts").glob("*.json")]
    return {
        entry["name"] for name in names for entry in artifact(name).abi if entry["type"] == "error"
    }


def literals(node: ast.AST) -> set[str]:
    """Return what looks like a code in a piece of source, but names that it exports."""
    exported = {
        name
        for found in ast.walk(node)
        if isinstance(found, ast.Assign) and getattr(found.targets[0], "id", "") == "__all__"
        for name in ast.literal_eval(found.value)
    }
    constants = (found.value for found in ast.walk(node) if isinstance(found, ast.Constant))
    return {
        text for text in constants if isinstance(text, str) and _CODE.fullmatch(text)
    } - exported


def sources(folder: str) -> list[ast.Module]:
    return [ast.parse(file.read_text()) for file in (SOURCES / folder).rglob("*.py")]


def codes_of_the_worker() -> set[str]:
    found = set().union(*map(literals, sources("worker")))
    return {name for name in found if not name.startswith("SC_")}  # those are of the system


def codes_of_the_secret_service() -> set[str]:
    calls = (
        node
        for tree in sources("services/secrets")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in REFUSALS
    )
    return set().union(*map(literals, calls))


def selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


# COMPLETENESS


def test_errors__of_all_contracts__are_explained_and_no_others() -> None:
    assert set(error_entries()) == compiled_errors()
    assert set(RULES) | set(MATCHING) == compiled_errors() | SOLIDITY


@pytest.mark.parametrize("name", sorted(error_entries()))
def test_explain_error__by_name__has_everything(name: str) -> None:
    (finding,) = explain_error(name).findings
    assert finding.rule == name
    assert re.fullmatch(r"contracts §\d+(\.\d+)?", finding.source)
    for part in (finding.sentence, finding.field, finding.allowed, finding.actual, finding.remedy):
        assert part
        assert "{" not in part
    assert finding.parties
    assert finding.command.startswith("poco ") or not finding.command
    for given_ in error_entries()[name]["inputs"]:
        named = given_["name"].upper()
        assert named in " ".join((finding.sentence, finding.allowed, finding.actual)) or (
            name.endswith("SignatureInvalid") or named == "ORDERHASH"
        )


@pytest.mark.parametrize(
    "names",
    [
        [str(cause) for cause in Cause],
        [str(status) for status in Status],
        [str(status) for status in ReplicateStatus],
        [str(stage) for stage in Stage],
        [str(status) for status in TransactionStatus],
        [status.name for status in TaskStatus],
        [status.name for status in ContributionStatus],
        sorted(codes_of_the_worker()),
        sorted(codes_of_the_secret_service()),
    ],
)
def test_explain_code__of_every_list__has_everything(names: list[str]) -> None:
    assert names
    for name in names:
        assert code_named(name) == name
        for finding in explain_code(name).findings:
            assert finding.sentence
            assert finding.parties
            assert finding.remedy
            assert finding.command.startswith("poco ")


def test_codes__that_are_explained__are_told_by_somebody() -> None:
    assert set(CODES["a cause of a worker", "offchain appendix A"]) <= codes_of_the_worker()
    explained = set(CODES["a refusal of the secret service", "offchain §4"])
    assert explained == codes_of_the_secret_service()


def test_events__of_the_market__have_a_sentence_each() -> None:
    kinds = {
        name
        for name in events.__all__
        if isinstance(kind := getattr(events, name), type)
        and issubclass(kind, events.Event)
        and kind is not events.Event
    }
    assert set(SENTENCES) == kinds


def test_originals__are_the_table_of_the_documentation() -> None:
    text = (DOCS / "compatibility.md").read_text().partition("## Errors")[2]
    for line in (line for line in text.splitlines() if line.startswith("| `")):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for name in re.findall(r"`(\w+)\(", cells[0]):
            for code in re.findall(r"(?<!\()\b0x[0-9a-f]{2}\b", cells[1]):
                assert name in known_as(f"iExecV5-matchOrders-{code}"), line
            for quoted in re.findall(r'`"([^"]+)"`', cells[1]):
                assert name in known_as(quoted), line
            boost = cells[2] if len(cells) > 2 else ""
            for words in filter(None, boost.split(";")):
                if words.strip()[0].isupper() and "`" not in words:
                    assert known_as(f"PocoBoost: {words.strip()}"), line
    assert set(ORIGINALS) <= set(re.findall(r"`(\w+)\(", text))


# REVERTS


def test_explain_revert__of_a_rule__tells_both_values() -> None:
    data = selector("Match_TagNotOffered(bytes32,bytes32)")
    data += (0x101).to_bytes(32) + (0x1).to_bytes(32)
    (finding,) = explain_revert(data).findings
    assert (finding.field, finding.allowed, finding.actual) == (
        "workerpoolorder.tag",
        "tee,gpu",
        "tee",
    )
    assert finding.command.endswith("--require-tag tee,gpu")


def test_explain_revert__of_statuses_and_times__has_them_in_words() -> None:
    data = selector("Task_WrongStatus(uint8,uint8)") + encode(["uint8", "uint8"], [1, 3])
    (finding,) = explain_revert(data).findings
    assert (finding.allowed, finding.actual) == ("ACTIVE", "COMPLETED")
    data = selector("Task_ContributionClosed(uint256,uint256)")
    (finding,) = explain_revert(data + encode(["uint256"] * 2, [0, 2**200])).findings
    assert finding.allowed == "1970-01-01T00:00:00Z"
    assert finding.actual == f"{2**200} s after 1970"


def test_explain_revert__balance_too_low__says_how_much_to_deposit() -> None:
    values = ["0x" + "11" * 20, 5, 12]
    data = selector("Escrow_BalanceTooLow(address,uint256,uint256)")
    (finding,) = explain_revert(data + encode(["address", "uint256", "uint256"], values)).findings
    assert finding.command == "poco account deposit 7"


def test_explain_revert__text_of_the_original__is_recognised() -> None:
    data = selector("Error(string)") + encode(["string"], ["iExecV5-matchOrders-0x06"])
    (finding,) = explain_revert(data).findings
    assert finding.rule == "Match_TagNotOffered"
    assert finding.originally[0] == "iExecV5-matchOrders-0x06"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "Reverted"),
        (selector("Panic(uint256)") + (0x11).to_bytes(32), "Panic"),
        (selector("Error(string)") + encode(["string"], ["paused"]), "Error"),
        (b"\x01\x02\x03\x04", "Unknown"),
        (selector("Match_TrustTooLow(uint256,uint256)"), "Unknown"),
    ],
)
def test_explain_revert__that_is_no_rule__says_what_it_is(data: bytes, rule: str) -> None:
    (finding,) = explain_revert(data).findings
    assert finding.rule == rule
    assert finding.remedy


@given(st.binary(max_size=200))
def test_explain_revert__of_any_bytes__never_fails(data: bytes) -> None:
    assert render(explain_revert(data))


def test_explain_original__that_stands_for_two__names_both() -> None:
    explanation = explain_original("already initialized")
    assert [finding.rule for finding in explanation.findings] == [
        "Entry_AlreadyInitialized",
        "Entry_IsImplementation",
    ]


def test_explain_code__with_two_meanings__tells_both() -> None:
    findings = explain_code("CONTRIBUTION_TIMEOUT").findings
    assert [finding.sentence.partition(":")[0] for finding in findings] == [
        "as a cause of a worker",
        "as the status of a task at its scheduler",
    ]


def test_explain_code__of_the_original_only__says_so() -> None:
    name = code_named("PRE_COMPUTE_IMAGE_MISSING")
    assert name is not None
    assert explain_code(name).title == "a cause of the original network that poco does not use"


def test_render__an_error__is_aligned_and_complete() -> None:
    assert render(explain_error("Match_TrustTooLow")).splitlines() == [
        "error Match_TrustTooLow",
        "error Match_TrustTooLow(uint256 requested, uint256 offered) of the contracts",
        "",
        "Match_TrustTooLow: the request demands trust REQUESTED, the workerpool offers OFFERED",
        "  rule     spec contracts §3.2, originally iExecV5-matchOrders-0x02",
        "  field    workerpoolorder.trust",
        "  allowed  REQUESTED",
        "  actual   OFFERED",
        "  who      requester, workerpool owner",
        "  remedy   lower requestorder.trust, or take a workerpool order of more trust",
        "  command  poco orderbook workerpool --category CATEGORY --min-trust REQUESTED",
    ]
