"""Reverts in words: a custom error decoded by name, with what to do about the common ones."""

from __future__ import annotations

from functools import cache
from typing import Any

from eth_abi.exceptions import DecodingError

from poco.contracts.interface import Interface, codec, interface
from poco.errors import ContractError

__all__ = ["NO_REASON", "REMEDIES", "decode_revert"]

NO_REASON = "Reverted"
"""The name of a revert that carries no data."""

REMEDIES: dict[str, str] = {
    # orders
    "Match_CategoryMismatch": "request the category that the workerpool order offers",
    "Match_UnknownCategory": "choose a category below the number of existing ones",
    "Match_TrustTooLow": "find a workerpool order of at least that trust, or request less",
    "Match_AppPriceTooHigh": "raise appmaxprice in the request, or find a cheaper app order",
    "Match_DatasetPriceTooHigh": "raise datasetmaxprice, or find a cheaper dataset order",
    "Match_WorkerpoolPriceTooHigh": "raise workerpoolmaxprice, or find a cheaper workerpool order",
    "Match_TagNotOffered": "find a workerpool order that offers every demanded tag bit",
    "Match_OrderConsumed": "sign a new order, or take another one from the market",
    "Match_AppSignatureInvalid": "the app's owner must sign or presign this very order",
    "Match_DatasetSignatureInvalid": "the dataset's owner must sign or presign this very order",
    "Match_WorkerpoolSignatureInvalid": "the pool's owner must sign or presign this very order",
    "Match_RequestSignatureInvalid": "the requester must sign or presign this very order",
    "Match_AppNotRegistered": "use an app that the market's own registry knows",
    "Match_DatasetNotRegistered": "use a dataset that the market's own registry knows",
    "Match_WorkerpoolNotRegistered": "use a workerpool that the market's own registry knows",
    "Order_NotAuthorized": "send it from the authority's account, or with its signature",
    "Signature_BadLength": "give a signature of 65 bytes, or send it as the signer itself",
    # money
    "Escrow_BalanceTooLow": "deposit the difference into the market first",
    "Escrow_WrongToken": "send the base token of this market",
    "Escrow_FallbackDisabled": "a market in token mode takes deposits of its token only",
    "Escrow_ValueTooLow": "send 1e9 wei for each nRLC",
    "ERC20InsufficientBalance": "the account needs more of the token",
    "ERC20InsufficientAllowance": "approve the spender for this amount first",
    "CallerIsNotTheRequester": "deposit-and-match is for the requester of the order alone",
    "NotContractOwner": "only the owner of the market may do this",
    # tasks
    "Deal_Unknown": "check the deal id; Boost deals have functions of their own",
    "Task_IndexOutOfDeal": "use an index from botFirst to botFirst + botSize - 1",
    "Task_WrongStatus": "look at the task: it is not in the state this step needs",
    "Task_NotClaimable": "only ACTIVE and REVEALING tasks can be claimed; initialize it first",
    "Task_ContributionClosed": "wait for the final deadline and claim the task",
    "Task_AlreadyContributed": "a worker contributes once per task",
    "Task_EnclaveRequired": "the deal demands a TEE: contribute with an enclave challenge",
    "Task_AuthorizationInvalid": "ask the deal's scheduler for an authorization of this worker",
    "Task_TrustNotOne": "contribute and reveal instead: the deal wants several workers",
    "Task_HasContributions": "contribute and reveal instead: the task has contributions",
    "Task_CallbackDataMismatch": "hand over the callback data that the digest was made of",
    "Task_RevealClosed": "wait for the final deadline and claim, or let the scheduler reopen",
    "Task_WrongContributionStatus": "look at the contribution: it was revealed, rejected or absent",
    "Task_DigestMismatch": "reveal the digest that the result hash was made of",
    "Task_SealMismatch": "reveal from the account and with the digest that made the seal",
    "Task_CallerNotScheduler": "only the workerpool's owner at the time of the match may do this",
    "Task_FinalDeadlineReached": "claim the task: everybody may",
    "Task_FinalDeadlineNotReached": "wait for the deadline",
    "Task_RevealsMissing": "wait for the reveals, or for the end of the reveal window",
    "Task_RevealWindowOpen": "wait for the end of the reveal window",
    "Task_AlreadyRevealed": "finalize instead of reopening",
    "Task_ResultPending": "wait until the task is COMPLETED",
    "Task_CallbackGasTooLow": "send the transaction with a higher gas limit",
    "Boost_DeadlineReached": "claim the task: everybody may",
    "Boost_DeadlineNotReached": "wait for the deadline",
    # registries
    "Registry_EntryExists": "these fields are registered already: use that entry",
    "Registry_CreationFailed": "send the transaction with a higher gas limit",
    "Registry_FieldsTooLong": "shorten the fields of the entry",
    "Entry_CallerNotOwner": "only the owner of the entry may do this",
    NO_REASON: "check that address and version of the contract are those of the address book",
}
"""What to do about an error, by name. The rules themselves are in ``interfaces/``."""

_ERROR_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")


@cache
def _known_errors() -> Interface:
    return interface(
        "PocoHub",
        "PocoHubNative",
        "PocoHubExtension",
        "PocoHubBoost",
        "AppRegistry",
        "DatasetRegistry",
        "WorkerpoolRegistry",
        "App",
        "Dataset",
        "Workerpool",
        "RLC",
    )


def decode_revert(data: bytes, *, context: str = "") -> ContractError:
    """Turn revert data into the error it names.

    Args:
        data: what the contract reverted with; empty when it gave no reason.
        context: the function that was called, added to the remedy of a revert without a reason.

    Returns:
        The error, to be raised: ``Error`` and ``Panic`` for Solidity's own forms, `NO_REASON` for
        no data, ``Unknown`` for an error of a foreign contract.
    """
    name, arguments = _decode(data)
    remedy = REMEDIES.get(name, "")
    if name == NO_REASON and context:
        remedy = f"{context} gave no reason: {remedy}"
    return ContractError(name, arguments, remedy=remedy)


def _decode(data: bytes) -> tuple[str, dict[str, Any]]:
    if not data:
        return NO_REASON, {}
    try:
        if data[:4] == _ERROR_STRING:
            return "Error", {"message": codec.decode(["string"], data[4:])[0]}
        if data[:4] == _PANIC:
            return "Panic", {"code": f"0x{codec.decode(['uint256'], data[4:])[0]:02x}"}
    except DecodingError:
        return "Unknown", {"data": f"0x{data.hex()}"}
    return _known_errors().decode_error(data) or ("Unknown", {"data": f"0x{data.hex()}"})
