"""What owners of secrets call (spec sdk §4.2, offchain §4.2)."""

# Annotations are evaluated: those of the handlers name dependencies made in a loop.
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from eth_typing import ChecksumAddress
from fastapi import APIRouter, Depends, Header, Query, Request, Response

from poco.orders import checked_address, personal_digest
from poco.secret import Secret
from poco.services.secrets.challenges import (
    MAX_VALUE_BYTES,
    SecretKind,
    SecretName,
    bound_challenge,
    challenge,
)
from poco.services.secrets.task_routes import Signature
from poco.web import HttpError

if TYPE_CHECKING:
    from poco.services.secrets.service import SecretsService

__all__ = ["POLICY_HEADER", "add"]

POLICY_HEADER = "X-Secret-Policy"
"""Header of a HEAD: ``software`` when tasks without the TEE tag may get the secret."""


def add(router: APIRouter, service: "SecretsService") -> None:
    """Add the routes of owners to a router."""
    for path, name_of in _PATHS.items():
        _add_secret(router, path, name_of, _Writer(service))

    @router.get("/nonce")
    def nonce(address: str) -> dict[str, Any]:
        """Return what a signature for this market and one time needs besides the challenge."""
        subject = checked_address("address", address)
        return {
            "address": subject,
            "nonce": service.store.nonce(subject),
            "chainId": service.gate.market.chain.chain_id,
            "hub": service.gate.market.book.hub,
        }


def _dataset(address: Annotated[str, Query(alias="secretAddress")]) -> SecretName:
    return SecretName.dataset(address)


def _setting(
    address: Annotated[str, Query(alias="ownerAddress")],
    name: Annotated[str, Query(alias="secretName")],
) -> SecretName:
    return SecretName.setting(address, name)


def _app(app: str) -> SecretName:
    return SecretName.app(app)


def _requester(requester: str, key: str) -> SecretName:
    return SecretName.requester(requester, key)


_PATHS: dict[str, Callable[..., SecretName]] = {
    "/secrets/web3": _dataset,
    "/secrets/web2": _setting,
    "/apps/{app}/secrets": _app,
    "/requesters/{requester}/secrets/{key}": _requester,
}


async def _value(request: Request) -> str:
    try:
        return (await request.body()).decode()
    except UnicodeDecodeError:
        raise HttpError(
            HTTPStatus.BAD_REQUEST,
            "a secret is UTF-8 text",
            field="body",
            value="(not shown)",
            remedy="encode binary secrets as base64",
        ) from None


def _add_secret(
    router: APIRouter, path: str, name_of: Callable[..., SecretName], writer: "_Writer"
) -> None:
    name_type = Annotated[SecretName, Depends(name_of)]
    value_type = Annotated[str, Depends(_value)]
    nonce_type = Annotated[int | None, Header(alias="X-Nonce", ge=0, lt=2**53)]

    @router.head(path, status_code=HTTPStatus.NO_CONTENT)
    def has(name: name_type) -> Response:
        """Return 204 when the secret is set, else 404."""
        return writer.has(name)

    @router.post(path, status_code=HTTPStatus.NO_CONTENT)
    def create(
        name: name_type,
        value: value_type,
        signature: Signature,
        nonce: nonce_type = None,
        allow_software: bool = False,
    ) -> None:
        """Set the secret, once."""
        writer.write(name, value, signature, nonce, software=allow_software)

    if name_of is _setting:

        @router.put(path, status_code=HTTPStatus.NO_CONTENT)
        def replace(
            name: name_type,
            value: value_type,
            signature: Signature,
            nonce: nonce_type = None,
            allow_software: bool = False,
        ) -> None:
            """Replace the secret."""
            writer.write(name, value, signature, nonce, software=allow_software, replace=True)


class _Writer:
    """Checks and stores what owners push.

    Args:
        service: what it works with.
    """

    def __init__(self, service: "SecretsService") -> None:
        self._service = service
        self._store = service.store

    def has(self, name: SecretName) -> Response:
        name.require_valid()
        software = self._store.policy(name)
        if software is None:
            return Response(status_code=HTTPStatus.NOT_FOUND)
        headers = {POLICY_HEADER: "software" if software else "enclave"}
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)

    def write(
        self,
        name: SecretName,
        value: str,
        signature: bytes,
        nonce: int | None,
        *,
        software: bool,
        replace: bool = False,
    ) -> None:
        self._require_signed(name, value, signature, nonce, replace)
        self._service.per_address.take(name.address)
        name.require_valid()
        _require_short(name, value)
        if not self._store.put(
            name, Secret(value), software=software, replace=replace, nonce=nonce
        ):
            rule = "there is none to replace" if replace else "it is set already and cannot change"
            raise HttpError(
                HTTPStatus.NOT_FOUND if replace else HTTPStatus.CONFLICT,
                rule,
                field="secret",
                value=str(name),
                remedy="POST it" if replace else "use the one that is set, or another name",
            )

    def _require_signed(
        self, name: SecretName, value: str, signature: bytes, nonce: int | None, replace: bool
    ) -> None:
        signed = challenge(name, value)
        if nonce is not None:
            market = self._service.gate.market
            signed = bound_challenge(signed, market.chain.chain_id, market.book.hub, nonce)
            if nonce != self._store.nonce(name.address):
                raise _unauthorized("a nonce counts once", "X-Nonce", nonce, "GET /nonce?address=")
        elif replace and not self._service.legacy_updates:
            raise _unauthorized(
                "a replacement must be signed with a nonce", "X-Nonce", None, "GET /nonce?address="
            )
        owner = self._owner(name)
        if owner is None or not self._service.gate.signed(
            owner, personal_digest(signed), signature
        ):
            raise _unauthorized(
                f"the owner of {name} must sign its challenge",
                "Authorization",
                owner or "(not registered)",
                "sign with the owner's wallet",
            )

    def _owner(self, name: SecretName) -> ChecksumAddress | None:
        market = self._service.gate.market
        match name.kind:
            case SecretKind.DATASET:
                return market.datasets.owner_of(name.address)
            case SecretKind.APP:
                return market.apps.owner_of(name.address)
            case _:
                return name.address


def _require_short(name: SecretName, value: str) -> None:
    length = len(value.encode())
    if length > MAX_VALUE_BYTES:
        of_requester = name.kind is SecretKind.REQUESTER
        raise HttpError(
            HTTPStatus.BAD_REQUEST if of_requester else HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"a secret has at most {MAX_VALUE_BYTES} bytes",
            field="body length",
            value=length,
            remedy="encrypt a file with a short secret instead",
        )


def _unauthorized(rule: str, field: str, value: object, remedy: str) -> HttpError:
    return HttpError(HTTPStatus.UNAUTHORIZED, rule, field=field, value=value, remedy=remedy)
