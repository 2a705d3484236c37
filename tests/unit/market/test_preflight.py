"""What the tasks of a request will ask the secret service for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from poco.errors import UserInputError
from poco.market.offers import RunTerms, requested
from poco.market.preflight import needed_secrets, require_secrets
from poco.orders import TEE, Tag
from poco.services.secrets import SecretsClient

APP, DATASET, REQUESTER, FRIEND = (f"0x{number:040x}" for number in (1, 2, 3, 4))
EVERYTHING = {
    "iexec_secrets": {"1": "login"},
    "iexec_result_encryption": True,
    "iexec_result_storage_provider": "dropbox",
}


def request_for(params: Mapping[str, Any], **terms: Any) -> Any:
    return requested(RunTerms(app=APP, params=json.dumps(params), **terms), REQUESTER)


def service(*known: str) -> SecretsClient:
    """A secret service that has what stands under these paths."""
    return SecretsClient(
        "http://sms",
        transport=httpx.MockTransport(
            lambda asked: httpx.Response(204 if str(asked.url.raw_path, "ascii") in known else 404)
        ),
    )


def test_needed_secrets__plain_task__needs_none() -> None:
    assert needed_secrets(request_for({"iexec_args": "1"}, dataset=DATASET), Tag(0)) == []


def test_needed_secrets__everything_is_asked_for__names_each_with_its_owner() -> None:
    request = request_for(EVERYTHING, dataset=DATASET, beneficiary=FRIEND)
    needs = needed_secrets(request, TEE)
    assert [(need.name.kind, need.name.address, need.name.name) for need in needs] == [
        ("dataset", DATASET, ""),
        ("setting", FRIEND, "iexec-result-encryption-public-key"),
        ("setting", REQUESTER, "iexec-result-dropbox-token"),
        ("requester", REQUESTER, "login"),
    ]


@pytest.mark.parametrize("key", ["iexec_secrets", "iexec_result_encryption"])
def test_needed_secrets__task_without_enclave__is_refused(key: str) -> None:
    with pytest.raises(UserInputError, match="need tasks with the tag tee"):
        needed_secrets(request_for({key: EVERYTHING[key]}), Tag(0))


def test_require_secrets__one_is_missing__says_who_pushes_it() -> None:
    needs = needed_secrets(request_for(EVERYTHING, dataset=DATASET), TEE)
    known = [f"/secrets/web3?secretAddress={DATASET}"]
    with pytest.raises(UserInputError, match="Beneficiary result encryption key is not set"):
        require_secrets(service(*known), needs)
    known += [
        f"/secrets/web2?ownerAddress={REQUESTER}&secretName=iexec-result-encryption-public-key",
        f"/secrets/web2?ownerAddress={REQUESTER}&secretName=iexec-result-dropbox-token",
    ]
    with pytest.raises(UserInputError, match="poco requester push-secret login"):
        require_secrets(service(*known), needs)
    require_secrets(service(*known, f"/requesters/{REQUESTER}/secrets/login"), needs)
