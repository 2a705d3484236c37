"""Ask the scheduler of a workerpool about tasks, and requesters' logs of them (spec sdk §6).

It works with the schedulers of others, too. What they answer is shown, never believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any

import httpx
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from poco.contracts.nodes import shown_url
from poco.errors import PeerError
from poco.orders import TaskId, sign_digest
from poco.peers import json_object, peer_client
from poco.scheduler.challenges import log_challenge_digest

__all__ = ["AppLogs", "Reporter", "TaskReport", "find_scheduler"]

_TIMEOUT_SECONDS = 20.0
_MAX_ANSWER_BYTES = 16 * 1024**2


@dataclass(frozen=True, slots=True)
class AppLogs:
    """What an app wrote at one worker.

    Args:
        worker: the worker.
        stdout: standard output.
        stderr: standard error.
    """

    worker: str
    stdout: str
    stderr: str

    def to_json(self) -> dict[str, str]:
        """Return the logs in the shape of the official client."""
        return {"worker": self.worker, "stdout": self.stdout, "stderr": self.stderr}


@dataclass(frozen=True, slots=True)
class TaskReport:
    """What a scheduler tells of a task.

    Args:
        document: its answer.
    """

    document: dict[str, Any]

    @property
    def blocked_reason(self) -> str:
        """Why the task waits, in words; empty when it does not, or the scheduler does not say."""
        return str(self.document.get("blockedReason") or "")

    def to_json(self) -> dict[str, Any]:
        """Return the report in the shape of the official client, with the reason added."""
        task = {
            "status": self.document.get("currentStatus"),
            "statusHistory": self.document.get("dateStatusList", []),
        }
        if self.blocked_reason:
            task["blockedReason"] = self.blocked_reason
        return {
            "task": task,
            "replicates": [
                {
                    "worker": replicate.get("walletAddress"),
                    "exitCode": replicate.get("appExitCode"),
                    "status": replicate.get("currentStatus"),
                    "statusHistory": replicate.get("statusUpdateList", []),
                }
                for replicate in _objects(self.document, "replicates")
            ],
        }


class Reporter:
    """A service that tells about tasks. Use it in a ``with`` block.

    Args:
        url: root of the service; its path does not count, as with the official client.
        service: its name in messages.
        field: where its URL comes from, for messages.
    """

    def __init__(self, url: str, *, service: str = "scheduler", field: str = "apiUrl") -> None:
        self._url, self._service, self._field = url, service, field
        self._http = peer_client(_MAX_ANSWER_BYTES, timeout=_TIMEOUT_SECONDS, trust_env=False)

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def report(self, taskid: TaskId) -> TaskReport | None:
        """Return what the scheduler tells of a task; None when it does not know it.

        Raises:
            PeerError: it does not answer, or with something else.
        """
        found = self.ask(f"/tasks/0x{taskid.hex()}")
        return None if found is None else TaskReport(found)

    def logs(self, taskid: TaskId, account: LocalAccount, chain_id: int) -> tuple[AppLogs, ...]:
        """Return what the app wrote; none when there is nothing.

        Only a challenge to read logs is signed, whatever the scheduler wants signed.

        Args:
            taskid: the task.
            account: its requester.
            chain_id: EIP-155 id.

        Raises:
            PeerError: the scheduler refuses, or does not answer.
        """
        query = {"chainId": str(chain_id), "address": account.address}
        offered = self.ask("/tasks/logs/challenge", query)
        message = (offered or {}).get("message")
        text = message.get("challenge") if isinstance(message, dict) else None
        if not isinstance(text, str):
            raise self._fault("must offer a challenge to be signed")
        digest = log_challenge_digest(text, chain_id)
        signature = sign_digest(account, digest)
        login = f"0x{digest.hex()}_0x{signature.hex()}_{account.address}"
        found = self.ask(f"/tasks/0x{taskid.hex()}/logs", login=login) or {}
        return tuple(
            AppLogs(
                str(entry.get("walletAddress")),
                str(entry.get("stdout", "")),
                str(entry.get("stderr", "")),
            )
            for entry in _objects(found, "computeLogsList")
        )

    def ask(
        self, path: str, query: dict[str, str] | None = None, *, login: str = ""
    ) -> dict[str, Any] | None:
        """Return a JSON object; None when the service answers 404.

        Raises:
            PeerError: it refuses, does not answer, or with something else.
        """
        headers = {"Authorization": login} if login else {}
        try:
            url = httpx.URL(self._url).join(path)
            answer = self._http.get(url, params=query or {}, headers=headers)
        except httpx.HTTPError as error:
            raise self._fault(f"does not answer ({error or type(error).__name__})") from error
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        try:
            document = json_object(answer)
        except ValueError as error:
            rule = f"must answer with a JSON object, not with {answer.status_code}"
            raise self._fault(rule) from error
        if not answer.is_success:
            words = document.get("error", answer.reason_phrase)
            raise self._fault(f"refuses: {answer.status_code} {str(words)[:500]}")
        return document

    def _fault(self, rule: str) -> PeerError:
        return PeerError(
            f"the {self._service} {rule}",
            field=self._field,
            value=shown_url(self._url),
            remedy="ask its operator, or again later",
        )


def find_scheduler(compass: str, chain_id: int, workerpool: ChecksumAddress) -> str | None:
    """Return the URL of a workerpool's scheduler; None when the compass does not know it.

    Args:
        compass: URL of the compass.
        chain_id: EIP-155 id.
        workerpool: the workerpool.

    Raises:
        PeerError: the compass does not answer.
    """
    with Reporter(compass, service="compass", field="compass") as reporter:
        found = reporter.ask(f"/{chain_id}/workerpools/{workerpool}") or {}
    url = found.get("apiUrl")
    return url if isinstance(url, str) else None


def _objects(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the JSON objects of a list, and nothing else."""
    found = document.get(key)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
