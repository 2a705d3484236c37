// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder} from "./PocoTypes.sol";

/// @title Every event of the hub: names, order of the arguments and indexing are those of the original (spec §1 to §4)
/// @notice Amounts are nRLC; `ref` is a task id.
interface IPocoEvents {
    /* ESCROW */

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);
    event Lock(address owner, uint256 amount);
    event Unlock(address owner, uint256 amount);
    event Reward(address owner, uint256 amount, bytes32 ref);
    event Seize(address owner, uint256 amount, bytes32 ref);

    /* ORDERS */

    event SignedAppOrder(bytes32 appHash);
    event SignedDatasetOrder(bytes32 datasetHash);
    event SignedWorkerpoolOrder(bytes32 workerpoolHash);
    event SignedRequestOrder(bytes32 requestHash);
    event ClosedAppOrder(bytes32 appHash);
    event ClosedDatasetOrder(bytes32 datasetHash);
    event ClosedWorkerpoolOrder(bytes32 workerpoolHash);
    event ClosedRequestOrder(bytes32 requestHash);
    event BroadcastAppOrder(AppOrder apporder);
    event BroadcastDatasetOrder(DatasetOrder datasetorder);
    event BroadcastWorkerpoolOrder(WorkerpoolOrder workerpoolorder);
    event BroadcastRequestOrder(RequestOrder requestorder);

    /* DEALS */

    event SchedulerNotice(address indexed workerpool, bytes32 dealid);
    event OrdersMatched(
        bytes32 dealid,
        bytes32 appHash,
        bytes32 datasetHash,
        bytes32 workerpoolHash,
        bytes32 requestHash,
        uint256 volume
    );
    event DealSponsored(bytes32 dealId, address sponsor);

    /* TASKS */

    event TaskInitialize(bytes32 indexed taskid, address indexed workerpool);
    event TaskContribute(bytes32 indexed taskid, address indexed worker, bytes32 hash);
    event TaskConsensus(bytes32 indexed taskid, bytes32 consensus);
    event TaskReveal(bytes32 indexed taskid, address indexed worker, bytes32 digest);
    event TaskReopen(bytes32 indexed taskid);
    event TaskFinalize(bytes32 indexed taskid, bytes results);
    event TaskClaimed(bytes32 indexed taskid);
    event AccurateContribution(address indexed worker, bytes32 indexed taskid);
    event FaultyContribution(address indexed worker, bytes32 indexed taskid);

    /* ADMINISTRATION */

    event CreateCategory(uint256 catid, string name, string description, uint256 workClockTimeRef);
    /// @notice poco only: the owner changed the gas granted to callbacks.
    event CallbackGasChanged(uint256 previous, uint256 current);
    /// @notice poco only: the owner changed the TEE broker; zero means none.
    event TeeBrokerChanged(address previous, address current);

    /* BOOST */

    event SchedulerNoticeBoost(
        address indexed workerpool,
        bytes32 dealId,
        address app,
        address dataset,
        uint256 category,
        bytes32 tag,
        string params,
        address beneficiary
    );
    event DealSponsoredBoost(bytes32 dealId, address sponsor);
    event ResultPushedBoost(bytes32 dealId, uint256 index, bytes results);
}
