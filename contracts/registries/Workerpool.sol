// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IWorkerpool} from "../../interfaces/IWorkerpool.sol";
import {IWorkerpoolRegistry} from "../../interfaces/IWorkerpoolRegistry.sol";
import {RegistryEntry} from "./RegistryEntry.sol";

/// @title Implementation behind the entries of the workerpool registry
/// @dev Its only field is the description; the policies live in the registry.
contract Workerpool is IWorkerpool, RegistryEntry {
    /// @dev Percent.
    uint256 private constant MAX_REWARD_RATIO = 100;

    /// @inheritdoc IWorkerpool
    function initialize(string calldata) external virtual {
        revert Entry_AlreadyInitialized(address(this));
    }

    /// @inheritdoc IWorkerpool
    function changePolicy(uint256 newWorkerStakeRatio, uint256 newSchedulerRewardRatio) external {
        _checkOwner();
        if (newSchedulerRewardRatio > MAX_REWARD_RATIO) {
            revert Workerpool_RewardRatioTooHigh(MAX_REWARD_RATIO, newSchedulerRewardRatio);
        }
        if (newWorkerStakeRatio > type(uint128).max) {
            revert Workerpool_StakeRatioTooHigh(type(uint128).max, newWorkerStakeRatio);
        }
        (uint256 oldWorkerStakeRatio, uint256 oldSchedulerRewardRatio) = _policy();
        emit PolicyUpdate(oldWorkerStakeRatio, newWorkerStakeRatio, oldSchedulerRewardRatio, newSchedulerRewardRatio);
        IWorkerpoolRegistry(registry).setPolicy(newWorkerStakeRatio, newSchedulerRewardRatio);
    }

    /// @inheritdoc IWorkerpool
    function m_workerpoolDescription() external view returns (string memory) {
        return string(_fields());
    }

    /// @inheritdoc IWorkerpool
    function m_workerStakeRatioPolicy() external view returns (uint256 workerStakeRatio) {
        (workerStakeRatio,) = _policy();
    }

    /// @inheritdoc IWorkerpool
    function m_schedulerRewardRatioPolicy() external view returns (uint256 schedulerRewardRatio) {
        (, schedulerRewardRatio) = _policy();
    }

    function _policy() private view returns (uint256 workerStakeRatio, uint256 schedulerRewardRatio) {
        (, workerStakeRatio, schedulerRewardRatio) = IWorkerpoolRegistry(registry).registeredWorkerpool(address(this));
    }
}
