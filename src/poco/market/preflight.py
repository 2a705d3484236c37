"""Ask the secret service, before anything is paid, for what the tasks will need (sdk §4.7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from poco.appio import DealParams, parse_params
from poco.errors import UserInputError
from poco.orders import ZERO_ADDRESS, RequestOrder, Tag
from poco.services.secrets import RESULT_KEY_NAME, SecretName, SecretsClient

__all__ = ["Need", "needed_secrets", "require_secrets"]

_DROPBOX_TOKEN = "iexec-result-dropbox-token"  # noqa: S105 (a name)
_DROPBOX = "dropbox"


@dataclass(frozen=True, slots=True)
class Need:
    """A secret without which tasks would fail.

    Args:
        name: which.
        rule: what to say when it is not set, in the words of the official client.
        remedy: who sets it, and how.
    """

    name: SecretName
    rule: str
    remedy: str


def needed_secrets(request: RequestOrder, tag: Tag) -> list[Need]:
    """Return what the tasks of a request will ask the secret service for.

    Args:
        request: the request.
        tag: of its deals; with the flag ``tee``, a dataset must have a key.

    Raises:
        UserInputError: it asks for secrets, and its tasks will not be given any.
    """
    params = parse_params(request.params)
    if (params.secrets or params.result_encryption) and not tag.is_tee:
        raise _failed(
            "secrets and encryption of results need tasks with the tag tee", "add --tag tee,tdx"
        )
    return list(_needs(request, params, tag))


def require_secrets(secrets: SecretsClient, needs: Iterable[Need]) -> None:
    """Check that secrets are set.

    Args:
        secrets: the secret service of the market.
        needs: from `needed_secrets`.

    Raises:
        UserInputError: one is missing.
        PeerError: the service does not answer.
    """
    for need in needs:
        if not secrets.has(need.name):
            raise _failed(need.rule, need.remedy)


def _needs(request: RequestOrder, params: DealParams, tag: Tag) -> Iterator[Need]:
    if request.dataset != ZERO_ADDRESS and tag.is_tee:
        yield Need(
            SecretName.dataset(request.dataset),
            f"Dataset encryption key is not set for dataset {request.dataset}",
            "its owner pushes it with `poco dataset push-secret`",
        )
    if params.result_encryption:
        yield Need(
            SecretName.setting(request.beneficiary, RESULT_KEY_NAME),
            "Beneficiary result encryption key is not set in the SMS",
            f"{request.beneficiary} pushes it with `poco result push-encryption-key`",
        )
    if params.result_storage_provider == _DROPBOX:
        yield Need(
            SecretName.setting(request.requester, _DROPBOX_TOKEN),
            "Requester storage token is not set for selected provider dropbox",
            "push it with `poco storage init dropbox`",
        )
    for name in params.secrets.values():
        yield Need(
            SecretName.requester(request.requester, name),
            f'Requester secret "{name}" is not set for requester {request.requester}',
            f"push it with `poco requester push-secret {name}`",
        )


def _failed(rule: str, remedy: str) -> UserInputError:
    return UserInputError(
        f"Request requirements check failed: {rule}",
        remedy=f"{remedy}; --skip-preflight-check buys all the same",
    )
