// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IRegistry} from "./IRegistry.sol";

/// @title The registry of workerpools
/// @notice It also keeps the policies of the pools, so that a deal learns owner and policies from one slot.
interface IWorkerpoolRegistry is IRegistry {
    /// @notice Register a workerpool on behalf of any owner.
    /// @param owner who will hold the token; not asked for consent.
    /// @return workerpool the entry.
    /// @dev Emits only `Transfer(0, owner, workerpool)`; calls no receiver hook.
    function createWorkerpool(address owner, string calldata description) external returns (address workerpool);

    /// @notice The address that `createWorkerpool` uses for these arguments, whether or not it was called.
    function predictWorkerpool(address owner, string calldata description) external view returns (address workerpool);

    /// @notice Owner and policies of `workerpool` if `isRegistered`, else zeros. Never reverts.
    /// @return owner the scheduler of deals made now.
    /// @return workerStakeRatio percent, below 2^128.
    /// @return schedulerRewardRatio percent, at most 100.
    /// @dev An earlier pool whose policies cannot be read or are out of range counts as unregistered.
    function registeredWorkerpool(address workerpool)
        external
        view
        returns (address owner, uint256 workerStakeRatio, uint256 schedulerRewardRatio);

    /// @notice Set the policies of the calling workerpool; `IWorkerpool.changePolicy` checks owner and limits.
    /// @dev Reverts with `ERC721NonexistentToken` when the caller is no pool of this registry.
    function setPolicy(uint256 workerStakeRatio, uint256 schedulerRewardRatio) external;
}
