// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice What is known of four orders once every rule holds.
/// @dev Amounts are nRLC. Words are those of `HubStorage._orders`. What concerns the dataset is zero without one.
struct Checked {
    bytes32 tag;
    uint256 timeref;
    address appOwner;
    address datasetOwner;
    address workerpoolOwner;
    uint256 schedulerRewardRatio;
    uint256 datasetPrice;
    uint256 workerStakeRatio;
    uint256 workerStake;
    bytes32 appHash;
    bytes32 datasetHash;
    bytes32 workerpoolHash;
    bytes32 requestHash;
    uint256 appWord;
    uint256 datasetWord;
    uint256 workerpoolWord;
    uint256 requestWord;
    uint256 botFirst;
    uint256 volume;
}
