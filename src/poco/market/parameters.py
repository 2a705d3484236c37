"""Write the parameters of a request the way the official client does (spec sdk §9.1). Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from poco.appio import ExecutionError, parse_params, split_arguments
from poco.errors import UserInputError
from poco.fetching import ForbiddenAddressError, locate

__all__ = ["STORAGE_PROVIDERS", "write_params"]

STORAGE_PROVIDERS = ("ipfs", "dropbox")
_PROVIDER = "iexec_result_storage_provider"


def write_params(
    given: str = "",
    *,
    args: str | None = None,
    input_files: Sequence[str] = (),
    secrets: Mapping[int, str] | None = None,
    storage_provider: str | None = None,
    encrypt_result: bool = False,
    has_callback: bool = False,
) -> str:
    """Return the text of ``params``; what is asked for by itself replaces what `given` says.

    Args:
        given: a JSON object, or nothing.
        args: argument line of the app.
        input_files: URLs, in the order the app sees them.
        secrets: names of the requester's secrets, by the number the app sees.
        storage_provider: ``ipfs`` or ``dropbox``; by default ``ipfs``, and none with a callback.
        encrypt_result: whether the result is encrypted for the beneficiary.
        has_callback: whether a contract gets the result.

    Raises:
        UserInputError: a key is unknown, a value has the wrong type, the argument line cannot be
            split, or an input file has no address that workers fetch.
    """
    document = _document(given)
    if storage_provider is not None:
        document[_PROVIDER] = storage_provider
    elif not has_callback:
        document = {_PROVIDER: STORAGE_PROVIDERS[0]} | document
    if document.get(_PROVIDER, STORAGE_PROVIDERS[0]) not in STORAGE_PROVIDERS:
        raise UserInputError(
            f"a result is stored with one of {', '.join(STORAGE_PROVIDERS)}",
            field=f"params.{_PROVIDER}",
            value=document[_PROVIDER],
            remedy="choose one of them with --storage-provider",
        )
    if args is not None:
        document["iexec_args"] = args
    if input_files:
        document["iexec_input_files"] = list(input_files)
    if secrets:
        document["iexec_secrets"] = {str(number): name for number, name in secrets.items()}
    if encrypt_result:
        document["iexec_result_encryption"] = True
    return _checked(json.dumps(document, separators=(",", ":"), ensure_ascii=False))


def _document(given: str) -> dict[str, Any]:
    if not given:
        return {}
    try:
        document = json.loads(given)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise UserInputError(
            "parameters are a JSON object",
            field="params",
            value=given,
            remedy="""write '{"iexec_args": "…"}', or give --args""",
        )
    return document


def _checked(text: str) -> str:
    try:
        params = parse_params(text)
        split_arguments(params.args)
    except ExecutionError as error:
        raise UserInputError(
            error.rule, field=error.field, value=error.value, remedy=error.remedy
        ) from error
    if params.warnings:
        raise UserInputError(
            "; ".join(params.warnings),
            field="params",
            value=text,
            remedy="remove what nobody reads",
        )
    for url in params.input_files:
        try:
            locate(url, ())
        except ForbiddenAddressError as error:
            raise UserInputError(
                str(error),
                field="input file",
                value=url,
                remedy="put it where workers can fetch it; on a market of this machine "
                "`python3 -m http.server 9000` makes it http://127.0.0.1:9000/FILE",
            ) from error
    return text
