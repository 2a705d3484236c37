// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title Every rule of the hub, as the error that names it
/// @notice The first argument is what the rule allows, the second what was given. Times are seconds, amounts nRLC.
/// `docs/compatibility.md` maps each error to the code of the original contracts.
interface IPocoErrors {
    /* MATCHING: spec contracts §3.2, in the order of the checks */

    /// @notice The workerpool order offers another category than the one requested.
    error Match_CategoryMismatch(uint256 requested, uint256 offered);
    /// @notice No such category; `count` categories exist.
    error Match_UnknownCategory(uint256 count, uint256 category);
    /// @notice The workerpool offers less trust than requested.
    error Match_TrustTooLow(uint256 requested, uint256 offered);
    error Match_AppPriceTooHigh(uint256 max, uint256 asked);
    error Match_DatasetPriceTooHigh(uint256 max, uint256 asked);
    error Match_WorkerpoolPriceTooHigh(uint256 max, uint256 asked);
    /// @notice The workerpool does not offer every tag bit that app, dataset and request demand.
    error Match_TagNotOffered(bytes32 demanded, bytes32 offered);
    /// @notice A TEE is demanded (tag bit 0) but the app does not declare one.
    error Match_AppNotTee(bytes32 demanded, bytes32 declared);
    error Match_AppMismatch(address requested, address offered);
    error Match_DatasetMismatch(address requested, address offered);
    error Match_RequestRestrictsWorkerpool(address restriction, address workerpool);
    error Match_AppRestrictsDataset(address restriction, address dataset);
    error Match_AppRestrictsWorkerpool(address restriction, address workerpool);
    error Match_AppRestrictsRequester(address restriction, address requester);
    error Match_DatasetRestrictsApp(address restriction, address app);
    error Match_DatasetRestrictsWorkerpool(address restriction, address workerpool);
    error Match_DatasetRestrictsRequester(address restriction, address requester);
    error Match_WorkerpoolRestrictsApp(address restriction, address app);
    error Match_WorkerpoolRestrictsDataset(address restriction, address dataset);
    error Match_WorkerpoolRestrictsRequester(address restriction, address requester);
    error Match_AppNotRegistered(address registry, address app);
    error Match_AppSignatureInvalid(address owner, bytes32 orderHash);
    error Match_DatasetNotRegistered(address registry, address dataset);
    error Match_DatasetSignatureInvalid(address owner, bytes32 orderHash);
    error Match_WorkerpoolNotRegistered(address registry, address workerpool);
    error Match_WorkerpoolSignatureInvalid(address owner, bytes32 orderHash);
    error Match_RequestSignatureInvalid(address requester, bytes32 orderHash);
    /// @notice The order has no volume left: `consumed` of `volume` is taken (or it was closed).
    error Match_OrderConsumed(bytes32 orderHash, uint256 volume, uint256 consumed);
    /// @notice The deal's task indices would exceed 64 bits (deviation, design decision 2).
    error Match_IndexTooLarge(uint256 limit, uint256 actual);
    /// @notice The requested trust exceeds 64 bits (deviation, design decision 2).
    error Match_TrustTooLarge(uint256 limit, uint256 actual);
    /// @notice A price or the worker stake exceeds 96 bits (deviation, design decision 2).
    error Match_AmountTooLarge(uint256 limit, uint256 actual);
    /// @notice The workerpool keeps more than 100 % for its scheduler; only an entry of a previous registry can.
    error Match_RewardRatioTooHigh(uint256 limit, uint256 actual);
    /// @notice The params do not fit the code of one contract; length in bytes.
    error Match_ParamsTooLong(uint256 limit, uint256 length);

    /* ESCROW: spec contracts §1.2 to §1.6; the ERC-20 face uses the ERC-6093 errors */

    /// @notice The account cannot lock `needed`.
    error Escrow_BalanceTooLow(address account, uint256 balance, uint256 needed);
    /// @notice Amounts and supply are limited to 96 bits (deviation, design decision 2).
    error Escrow_AmountTooLarge(uint256 limit, uint256 amount);
    error Escrow_LengthMismatch(uint256 amounts, uint256 targets);
    /// @notice The base token refused to move `amount`.
    error Escrow_TokenTransferFailed(address token, uint256 amount);
    error Escrow_NativeTransferFailed(address to, uint256 value);
    /// @notice The value sent covers less than the amounts listed, in wei.
    error Escrow_ValueTooLow(uint256 needed, uint256 value);
    /// @notice Token mode takes neither plain value nor unknown functions.
    error Escrow_FallbackDisabled(bytes4 selector);
    error Escrow_WrongToken(address expected, address actual);
    /// @notice `approveAndCall`: the spender did not answer true.
    error Escrow_CallRefused(address spender);

    /* deposit-and-match: published in the original ABI */

    error CallerIsNotTheRequester();
    error UnsupportedOperation(bytes4 selector);
    error OperationFailed();

    /* ORDERS AND SIGNATURES: spec contracts §1.8, §2.4 */

    /// @notice Neither is the caller the authority nor is the operation signed by it.
    error Order_NotAuthorized(address authority, address caller);
    /// @notice Only 64 or 65 bytes are a signature of an account without code.
    error Signature_BadLength(uint256 length);
    error IncompatibleDatasetOrder(string reason);

    /* ADMINISTRATION: spec contracts §1.9, §1.10 */

    error NotContractOwner(address user, address owner);
    error Category_ClockTooLarge(uint256 limit, uint256 actual);
    error Category_Unknown(uint256 count, uint256 category);
    error Config_CallbackGasTooLarge(uint256 limit, uint256 actual);

    /* TASKS: spec contracts §4 */

    /// @notice The record of a deal or result could not be created for lack of gas: send more. `size` in bytes.
    error Record_NotWritten(bytes32 id, uint256 size);
    error Deal_Unknown(bytes32 dealid);
    /// @notice `idx` must lie in [first, first + size).
    error Task_IndexOutOfDeal(uint256 first, uint256 size, uint256 idx);
    /// @notice Statuses are those of TaskStatusEnum.
    error Task_WrongStatus(uint8 expected, uint8 actual);
    /// @notice claim: the task is neither ACTIVE nor REVEALING.
    error Task_NotClaimable(uint8 status);
    error Task_ContributionClosed(uint256 deadline, uint256 timestamp);
    error Task_AlreadyContributed(bytes32 taskid, address worker);
    /// @notice A task takes at most `limit` contributions (deviation, W12).
    error Task_ContributorsFull(uint256 limit);
    /// @notice The deal's tag demands an enclave challenge.
    error Task_EnclaveRequired(bytes32 taskid);
    error Task_AuthorizationInvalid(address signer, bytes32 digest);
    error Task_EnclaveSignatureInvalid(address enclave, bytes32 digest);
    /// @notice contributeAndFinalize needs trust 1.
    error Task_TrustNotOne(uint256 trust);
    /// @notice contributeAndFinalize must be the first contribution.
    error Task_HasContributions(uint256 count);
    /// @notice The callback data must hash to the digest; without callback it must be empty.
    error Task_CallbackDataMismatch(bytes32 digest, bytes32 hash);
    error Task_RevealClosed(uint256 deadline, uint256 timestamp);
    /// @notice reveal: statuses are those of ContributionStatusEnum.
    error Task_WrongContributionStatus(uint8 expected, uint8 actual);
    error Task_NotInConsensus(bytes32 consensus, bytes32 resultHash);
    error Task_DigestMismatch(bytes32 resultHash, bytes32 revealed);
    error Task_SealMismatch(bytes32 resultSeal, bytes32 revealed);
    error Task_CallerNotScheduler(address scheduler, address caller);
    error Task_FinalDeadlineReached(uint256 deadline, uint256 timestamp);
    error Task_FinalDeadlineNotReached(uint256 deadline, uint256 timestamp);
    /// @notice finalize: not every winner revealed and the reveal window is open, or nobody revealed.
    error Task_RevealsMissing(uint256 winners, uint256 revealed);
    error Task_RevealWindowOpen(uint256 deadline, uint256 timestamp);
    /// @notice reopen: somebody revealed, so the task can be finalized.
    error Task_AlreadyRevealed(uint256 revealed);
    /// @notice resultFor: the task is not COMPLETED.
    error Task_ResultPending(uint8 status);
    /// @notice Results and callback data do not fit the code of one contract; length in bytes.
    error Task_ResultsTooLong(uint256 limit, uint256 length);
    /// @notice The transaction carries too little gas to grant the callback its full allowance.
    error Task_CallbackGasTooLow(uint256 needed, uint256 left);
    error Task_LengthMismatch(uint256 deals, uint256 indices);

    /* BOOST: spec contracts §7; rules shared with matching use the errors above */

    error Boost_TrustTooHigh(uint256 limit, uint256 actual);
    /// @notice Task index or volume exceed 16 bits.
    error Boost_IndexTooLarge(uint256 limit, uint256 actual);
    error Boost_TaskUnknown(uint256 size, uint256 index);
    error Boost_DeadlineReached(uint256 deadline, uint256 timestamp);
    error Boost_DeadlineNotReached(uint256 deadline, uint256 timestamp);
    error Boost_CallbackDataMissing(bytes32 taskid);
}
