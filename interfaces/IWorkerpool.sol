// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IEntryErrors} from "./IEntryErrors.sol";
import {IRegistryEntry} from "./IRegistryEntry.sol";

/// @title A registered workerpool
/// @notice Its two policies apply to the deals made while they hold; open deals keep theirs.
interface IWorkerpool is IRegistryEntry, IEntryErrors {
    /// @notice The policies changed, from the old values to the new ones, in percent.
    event PolicyUpdate(
        uint256 oldWorkerStakeRatioPolicy,
        uint256 newWorkerStakeRatioPolicy,
        uint256 oldSchedulerRewardRatioPolicy,
        uint256 newSchedulerRewardRatioPolicy
    );

    /// @notice The scheduler cannot keep more than `limit` percent of the reward.
    error Workerpool_RewardRatioTooHigh(uint256 limit, uint256 actual);
    /// @notice The stake ratio is kept in 128 bits (a deviation: the original takes any value).
    error Workerpool_StakeRatioTooHigh(uint256 limit, uint256 actual);

    function m_workerpoolDescription() external view returns (string memory);

    /// @notice What each worker must stake, in percent of the workerpool price; 30 unless changed.
    function m_workerStakeRatioPolicy() external view returns (uint256);

    /// @notice What the scheduler keeps, in percent of the reward; 1 unless changed.
    function m_schedulerRewardRatioPolicy() external view returns (uint256);

    /// @notice Set both policies, for future deals. Only the owner.
    /// @param newWorkerStakeRatio percent; may exceed 100.
    /// @param newSchedulerRewardRatio percent, at most 100.
    function changePolicy(uint256 newWorkerStakeRatio, uint256 newSchedulerRewardRatio) external;

    /// @notice Always reverts. Its call data is what the salt of the entry's address is made of.
    function initialize(string calldata description) external;
}
