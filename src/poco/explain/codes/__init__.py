"""Every code that the parts off chain tell people, with what it means and who can mend it."""

from __future__ import annotations

from collections.abc import Mapping

from poco.explain.codes.causes import EXECUTION, WORKER
from poco.explain.codes.code import Code
from poco.explain.codes.secrets import SECRETS
from poco.explain.codes.statuses import CONTRIBUTION, REPLICATE, STAGE, TASK, TRANSACTION
from poco.explain.model import Explanation, Finding

__all__ = ["CODES", "Code", "code_named", "explain_code"]

CODES: Mapping[tuple[str, str], Mapping[str, Code]] = {
    ("a cause of an execution", "offchain §1.6"): EXECUTION,
    ("a cause of a worker", "offchain appendix A"): WORKER,
    ("a refusal of the secret service", "offchain §4"): SECRETS,
    ("the status of a task on chain", "contracts §4.1"): TASK,
    ("the status of a contribution on chain", "contracts §4.1"): CONTRIBUTION,
    ("the status of a task at its scheduler", "offchain §3.3"): STAGE,
    ("the status of one worker's part", "offchain §2.7"): REPLICATE,
    ("the state of a transaction", "offchain §8.5"): TRANSACTION,
}
"""By what the code is, and where that is specified; a name may be of several kinds."""

_FAMILIES = {
    "TEE_SESSION_GENERATION_": "the secret service did not release what the enclave needs",
    "PRE_COMPUTE_": "the original's pre-compute stage failed in the enclave",
    "POST_COMPUTE_": "the original's post-compute stage failed in the enclave",
}
"""Prefixes of causes of the original, most of which poco has no stage for."""
_PREFIXES = ("", "APP_", "APP_IMAGE_", "DATASET_FILE_", *_FAMILIES)


def code_named(text: str) -> str | None:
    """Return the name of a code that a text stands for, with or without its prefix; else None."""
    wanted = text.strip().upper()
    known = {name for table in CODES.values() for name in table}
    spellings = [f"{prefix}{wanted}" for prefix in _PREFIXES]
    spellings += [wanted.removeprefix(prefix) for prefix in _FAMILIES if wanted.startswith(prefix)]
    for spelling in spellings:
        if spelling in known:
            return spelling
    return wanted if wanted.startswith(tuple(_FAMILIES)) else None


def explain_code(name: str) -> Explanation:
    """Explain a code that `code_named` returned, in each of its meanings."""
    meanings = [
        (kind, source, table[name]) for (kind, source), table in CODES.items() if name in table
    ]
    findings = tuple(
        Finding(
            rule=name,
            sentence=f"as {kind}: {code.sentence}" if len(meanings) > 1 else code.sentence,
            source=source,
            field=code.field,
            parties=code.parties,
            remedy=code.remedy,
            command=code.command,
        )
        for kind, source, code in meanings
    )
    if not findings:
        return _of_the_original(name)
    return Explanation(
        kind="code",
        subject=name,
        title=" and ".join(kind for kind, _, _ in meanings),
        findings=findings,
    )


def _of_the_original(name: str) -> Explanation:
    sentence = next(text for prefix, text in _FAMILIES.items() if name.startswith(prefix))
    finding = Finding(
        rule=name,
        sentence=sentence,
        source="offchain appendix A",
        parties=("workerpool owner", "app developer"),
        remedy="no part of poco says this: ask the operator of the network that did",
        command="poco task debug TASKID --logs",
    )
    return Explanation(
        kind="code",
        subject=name,
        title="a cause of the original network that poco does not use",
        findings=(finding,),
    )
