// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IPocoErrors} from "./IPocoErrors.sol";
import {IPocoEvents} from "./IPocoEvents.sol";
import {AppOrder, DatasetOrder, DealBoost, RequestOrder, WorkerpoolOrder} from "./PocoTypes.sol";

/// @title Boost, answered by the hub: trust up to 1, two transactions per task, nothing stored of the result (spec §7)
interface IPocoBoost is IPocoEvents, IPocoErrors {
    function matchOrdersBoost(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder
    ) external returns (bytes32 dealid);
    function sponsorMatchOrdersBoost(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder
    ) external returns (bytes32 dealid);
    /// @param index from 0 to botSize − 1, relative to the deal
    /// @param authorizationSign comes before the enclave here
    function pushResultBoost(
        bytes32 dealId,
        uint256 index,
        bytes calldata results,
        bytes calldata resultsCallback,
        bytes calldata authorizationSign,
        address enclaveChallenge,
        bytes calldata enclaveSign
    ) external;
    function claimBoost(bytes32 dealId, uint256 index) external;
    function viewDealBoost(bytes32 dealId) external view returns (DealBoost memory);
}
