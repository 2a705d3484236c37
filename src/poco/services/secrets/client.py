"""The client of the secret service: owners push secrets, schedulers and workers ask for them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import NoReturn

import httpx
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from poco.contracts.nodes import shown_url
from poco.errors import PeerError, UserInputError
from poco.orders import TaskId, checked_address, personal_digest, sign_digest
from poco.peers import json_object, peer_client
from poco.secret import Secret
from poco.services.secrets.authorization import (
    Authorization,
    WorkerpoolAuthorization,
    challenge_digest,
    sealed_request_digest,
)
from poco.services.secrets.challenges import SecretKind, SecretName, bound_challenge, challenge
from poco.services.secrets.task_secrets import TaskSecrets, unseal

__all__ = ["SecretsClient", "SecretsRefusedError"]

_TIMEOUT_SECONDS = 30.0
_MAX_ANSWER_BYTES = 4 * 1024**2
_LATER = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_CHAIN_BEHIND = "GET_CHAIN_"
"""Begin of the codes that say that the service's node does not answer, or does not know it yet."""


class SecretsRefusedError(PeerError):
    """The secret service answered with a refusal; to ask again will not help.

    Args:
        code: the service's word for it, for example ``TASK_NOT_ACTIVE`` (spec offchain §4.5).
        status: HTTP status.
        message: the explanation.
    """

    def __init__(self, code: str, status: int, message: str) -> None:
        self.code = code
        self.status = status
        super().__init__(
            f"the secret service refuses with {status} {code}: {message}" if message else code
        )


class SecretsClient:
    """A secret service. Safe to use from several threads.

    Args:
        url: root of the service.
        transport: how to reach it; by default over the network.
    """

    def __init__(self, url: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        self._http = peer_client(_MAX_ANSWER_BYTES, timeout=_TIMEOUT_SECONDS, transport=transport)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    # SCHEDULERS AND WORKERS

    def challenge(self, taskid: TaskId, account: LocalAccount) -> ChecksumAddress:
        """Return the enclave challenge of a task; the first call makes its key.

        Args:
            taskid: the task, ACTIVE on chain.
            account: the owner of the deal's pool.

        Raises:
            SecretsRefusedError: the service refuses.
            PeerError: the service does not answer.
        """
        signature = sign_digest(account, challenge_digest(taskid))
        answer = self._send("POST", f"/tee/challenges/0x{taskid.hex()}", signature)
        with self._understood():
            return checked_address("enclaveChallenge", answer.text.strip())

    def session(self, assignment: Authorization, account: LocalAccount) -> TaskSecrets:
        """Return the secrets of a task.

        Args:
            assignment: the leave to do the task.
            account: its worker.

        Raises:
            SecretsRefusedError: the service refuses.
            PeerError: the service does not answer.
        """
        authorization = WorkerpoolAuthorization.of(assignment)
        key = X25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        answer = self._send(
            "POST",
            "/v2/sessions",
            sign_digest(account, sealed_request_digest(authorization, public)),
            json={
                "workerpoolAuthorization": authorization.to_json(),
                "sealTo": base64.b64encode(public).decode(),
            },
        )
        with self._understood():
            sealed = base64.b64decode(json_object(answer)["sealed"], validate=True)
        return unseal(sealed, key, authorization.digest)

    # OWNERS

    def has(self, name: SecretName) -> bool:
        """Return whether a secret is set.

        Raises:
            SecretsRefusedError: the name is malformed.
            PeerError: the service does not answer.
        """
        answer = self._request("HEAD", name.path, params=name.query)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return False
        if not answer.is_success:
            self._refuse(answer)
        return True

    def push(
        self,
        name: SecretName,
        value: Secret,
        account: LocalAccount,
        *,
        replace: bool = False,
        allow_software: bool = False,
    ) -> None:
        """Set a secret, signed for this market and this one time.

        Args:
            name: which secret.
            value: the text, at most 4096 bytes.
            account: the owner of the dataset or app, or the address itself.
            replace: whether to replace what is set (account settings only).
            allow_software: whether tasks without the TEE tag may get it.

        Raises:
            SecretsRefusedError: the service refuses.
            PeerError: the service does not answer.
        """
        answer = self._send("GET", "/nonce", params={"address": name.address})
        with self._understood():
            offer = json_object(answer)
            nonce = int(offer["nonce"])
            signed = bound_challenge(
                challenge(name, value.reveal()),
                int(offer["chainId"]),
                checked_address("hub", offer["hub"]),
                nonce,
            )
        self._send(
            "PUT" if replace and name.kind is SecretKind.SETTING else "POST",
            name.path,
            sign_digest(account, personal_digest(signed)),
            params=name.query | ({"allow_software": "1"} if allow_software else {}),
            content=value.reveal().encode(),
            nonce=nonce,
        )

    def _send(
        self,
        method: str,
        path: str,
        signature: bytes = b"",
        *,
        params: dict[str, str] | None = None,
        json: object = None,
        content: bytes | None = None,
        nonce: int | None = None,
    ) -> httpx.Response:
        headers = {"Content-Type": "text/plain"} if content is not None else {}
        if signature:
            headers["Authorization"] = f"0x{signature.hex()}"
        if nonce is not None:
            headers["X-Nonce"] = str(nonce)
        answer = self._request(
            method, path, params=params, json=json, content=content, headers=headers
        )
        if not answer.is_success:
            self._refuse(answer)
        return answer

    def _request(self, method: str, path: str, **options: object) -> httpx.Response:
        try:
            return self._http.request(method, self.url + path, **options)  # type: ignore[arg-type]
        except httpx.HTTPError as error:
            raise PeerError(
                f"the secret service does not answer ({error or type(error).__name__})",
                field="secretsUrl",
                value=shown_url(self.url),
                remedy="start it, or check the URL",
            ) from error

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Translate an answer that is none of a secret service."""
        try:
            yield
        except (ValueError, KeyError, TypeError, OverflowError, UserInputError) as error:
            raise PeerError(
                "the answer is none of a secret service",
                field="secretsUrl",
                value=shown_url(self.url),
                remedy="check that the URL is that of a secret service of this version",
            ) from error

    def _refuse(self, answer: httpx.Response) -> NoReturn:
        try:
            document = json_object(answer)
            code, message = str(document["error"]), str(document.get("message", ""))
        except (ValueError, KeyError):
            code, message = answer.reason_phrase, answer.text[:200]
        if answer.status_code in _LATER or code.startswith(_CHAIN_BEHIND):
            raise PeerError(
                f"the secret service cannot answer now: {code} {message}".rstrip(),
                field="secretsUrl",
                value=shown_url(self.url),
                remedy="ask again later",
            )
        raise SecretsRefusedError(code, answer.status_code, message)
