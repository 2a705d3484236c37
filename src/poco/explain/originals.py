"""What the original contracts revert with, and the errors that stand for it here.

The table of ``docs/compatibility.md``, read by machines; a test compares the two.
"""

from __future__ import annotations

__all__ = ["ORIGINALS", "known_as", "originally"]

_CLASSIC = "iExecV5-matchOrders-"
_BOOST = "PocoBoost: "

_MATCHING: dict[str, tuple[str, str]] = {
    "Match_CategoryMismatch": ("0x00", "Category mismatch"),
    "Match_UnknownCategory": ("0x01", "Unknown category"),
    "Match_TrustTooLow": ("0x02", ""),
    "Match_AppPriceTooHigh": ("0x03", "Overpriced app"),
    "Match_DatasetPriceTooHigh": ("0x04", "Overpriced dataset"),
    "Match_WorkerpoolPriceTooHigh": ("0x05", "Overpriced workerpool"),
    "Match_TagNotOffered": ("0x06", "Workerpool tag does not match demand"),
    "Match_AppNotTee": ("0x07", "App tag does not match demand"),
    "Match_AppMismatch": ("0x10", "App mismatch"),
    "Match_DatasetMismatch": ("0x11", "Dataset mismatch"),
    "Match_RequestRestrictsWorkerpool": ("0x12", "Workerpool restricted by request order"),
    "Match_AppRestrictsDataset": ("0x13", "Dataset restricted by app order"),
    "Match_AppRestrictsWorkerpool": ("0x14", "Workerpool restricted by app order"),
    "Match_AppRestrictsRequester": ("0x15", "Requester restricted by app order"),
    "Match_DatasetRestrictsApp": ("0x16", "App restricted by dataset order"),
    "Match_DatasetRestrictsWorkerpool": ("0x17", "Workerpool restricted by dataset order"),
    "Match_DatasetRestrictsRequester": ("0x18", "Requester restricted by dataset order"),
    "Match_WorkerpoolRestrictsApp": ("0x19", "App restricted by workerpool order"),
    "Match_WorkerpoolRestrictsDataset": ("0x1a", "Dataset restricted by workerpool order"),
    "Match_WorkerpoolRestrictsRequester": ("0x1b", "Requester restricted by workerpool order"),
    "Match_AppNotRegistered": ("0x20", "App not registered"),
    "Match_AppSignatureInvalid": ("0x21", "Invalid app order signature"),
    "Match_DatasetNotRegistered": ("0x30", "Dataset not registered"),
    "Match_DatasetSignatureInvalid": ("0x31", "Invalid dataset order signature"),
    "Match_WorkerpoolNotRegistered": ("0x40", "Workerpool not registered"),
    "Match_WorkerpoolSignatureInvalid": ("0x41", "Invalid workerpool order signature"),
    "Match_RequestSignatureInvalid": ("0x50", "Invalid request order signature"),
    "Match_OrderConsumed": ("0x60", "One or more orders consumed"),
}
"""The code of classic matching and the text of Boost, without their prefixes."""

_TEXTS: dict[str, tuple[str, ...]] = {
    "Signature_BadLength": ("invalid-signature-format",),
    "Escrow_BalanceTooLow": ("IexecEscrow: Transfer amount exceeds balance",),
    "Boost_TrustTooHigh": (f"{_BOOST}Bad trust level",),
    "ERC20InvalidSender": ("ERC20: transfer from the zero address",),
    "ERC20InvalidReceiver": (
        "ERC20: transfer to the zero address",
        "ERC20: mint to the zero address",
    ),
    "ERC20InvalidApprover": ("ERC20: approve from the zero address",),
    "ERC20InvalidSpender": ("ERC20: approve to the zero address",),
    "Escrow_LengthMismatch": ("invalid-array-length",),
    "Escrow_TokenTransferFailed": ("failed-transferFrom",),
    "Escrow_NativeTransferFailed": ("native-transfer-failed",),
    "Escrow_FallbackDisabled": ("fallback-disabled",),
    "Escrow_WrongToken": ("wrong-token",),
    "Escrow_CallRefused": ("approval-refused",),
    "Order_NotAuthorized": ("invalid-sender-or-signature",),
    "NotContractOwner": ("Ownable: caller is not the owner",),
    "Boost_TaskUnknown": (f"{_BOOST}Unknown task",),
    "Task_WrongStatus": (f"{_BOOST}Task status not unset",),
    "Task_EnclaveRequired": (f"{_BOOST}Tag requires enclave challenge",),
    "Task_AuthorizationInvalid": (f"{_BOOST}Invalid contribution authorization signature",),
    "Task_EnclaveSignatureInvalid": (f"{_BOOST}Invalid enclave signature",),
    "Task_ResultPending": ("task-pending",),
    "Task_CallbackGasTooLow": (f"{_BOOST}Not enough gas after callback",),
    "Boost_DeadlineReached": (f"{_BOOST}Deadline reached",),
    "Boost_DeadlineNotReached": (f"{_BOOST}Deadline not reached",),
    "Boost_CallbackDataMissing": (f"{_BOOST}Callback requires data",),
    "Registry_EntryExists": ("Create2: Failed on deploy",),
    "Registry_NameServiceUnsupported": ("Operation not supported on this chain",),
    "Entry_NameServiceUnsupported": ("Operation not supported on this chain",),
    "Entry_CallerNotOwner": ("caller is not the owner",),
    "Entry_AlreadyInitialized": ("already initialized",),
    "Entry_IsImplementation": ("already initialized",),
}

ORIGINALS: dict[str, tuple[str, ...]] = {
    error: (f"{_CLASSIC}{code}", *([f"{_BOOST}{text}"] if text else []))
    for error, (code, text) in _MATCHING.items()
} | _TEXTS
"""Texts of the original by name of the error."""


def originally(error: str) -> tuple[str, ...]:
    """Return what the original contracts say where these raise an error; often nothing."""
    return ORIGINALS.get(error, ())


def known_as(text: str) -> tuple[str, ...]:
    """Return the errors that stand for a text of the original, in any case and with spaces."""
    wanted = " ".join(text.split()).lower()
    return tuple(
        error
        for error, texts in ORIGINALS.items()
        if any(
            wanted in (known.lower(), known.lower().removeprefix(_BOOST.lower())) for known in texts
        )
    )
