// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ContributionStatusEnum, TaskStatusEnum} from "../../interfaces/PocoTypes.sol";

/// @notice The state of a task in one slot, from the low end: address of the deal's record 160 · status 8 ·
/// contributions 8 · result groups 8 · winning group + 1, 8 · position in the deal 23 · revealed 1 · reveal deadline 40.
/// Everything else of `viewTask` is derived.
type TaskWord is uint256;

using TaskLib for TaskWord global;

/// @notice One contribution in one slot, from the low end: worker 160 · status 8 · result group 8 · low bits of the
/// seal 16 · weight 40 · has an enclave 8.
type ContributionWord is uint256;

using ContributionLib for ContributionWord global;

/// @dev Contributions of a task are bounded so that claim and finalize always fit a block (spec contracts W12).
uint256 constant MAX_CONTRIBUTIONS = 255;
/// @dev A position that does not fit 23 bits is kept in a slot of its own and marked with this value.
uint256 constant WIDE_POSITION = 0x7fffff;

library TaskLib {
    uint256 private constant COUNT_ONE = 1 << 168;
    uint256 private constant GROUP_ONE = 1 << 176;

    function create(address dealStore_, uint256 position_) internal pure returns (TaskWord) {
        return TaskWord.wrap(uint160(dealStore_) | (uint256(TaskStatusEnum.ACTIVE) << 160) | (position_ << 192));
    }

    function dealStore(TaskWord self) internal pure returns (address) {
        return address(uint160(TaskWord.unwrap(self)));
    }

    function status(TaskWord self) internal pure returns (TaskStatusEnum) {
        return TaskStatusEnum(uint8(TaskWord.unwrap(self) >> 160));
    }

    function contributions(TaskWord self) internal pure returns (uint256) {
        return uint8(TaskWord.unwrap(self) >> 168);
    }

    function groups(TaskWord self) internal pure returns (uint256) {
        return uint8(TaskWord.unwrap(self) >> 176);
    }

    /// @dev Number of the winning group plus one; zero when there is no consensus.
    function winner(TaskWord self) internal pure returns (uint256) {
        return uint8(TaskWord.unwrap(self) >> 184);
    }

    /// @dev Index of the task minus the first index of its deal, or WIDE_POSITION.
    function position(TaskWord self) internal pure returns (uint256) {
        return (TaskWord.unwrap(self) >> 192) & WIDE_POSITION;
    }

    /// @dev Whether the winning group's slot holds the digest instead of the result hash.
    function revealed(TaskWord self) internal pure returns (bool) {
        return (TaskWord.unwrap(self) >> 215) & 1 != 0;
    }

    /// @dev In seconds since the epoch; zero before consensus.
    function revealDeadline(TaskWord self) internal pure returns (uint256) {
        return TaskWord.unwrap(self) >> 216;
    }

    function withStatus(TaskWord self, TaskStatusEnum status_) internal pure returns (TaskWord) {
        return TaskWord.wrap((TaskWord.unwrap(self) & ~(uint256(0xff) << 160)) | (uint256(status_) << 160));
    }

    function withContribution(TaskWord self) internal pure returns (TaskWord) {
        unchecked {
            return TaskWord.wrap(TaskWord.unwrap(self) + COUNT_ONE);
        }
    }

    function withGroup(TaskWord self) internal pure returns (TaskWord) {
        unchecked {
            return TaskWord.wrap(TaskWord.unwrap(self) + GROUP_ONE);
        }
    }

    function withRevealed(TaskWord self) internal pure returns (TaskWord) {
        return TaskWord.wrap(TaskWord.unwrap(self) | (1 << 215));
    }

    /// @dev Set the winning group and the reveal deadline; zeros clear both (reopen).
    function withConsensus(TaskWord self, uint256 winner_, uint256 revealDeadline_) internal pure returns (TaskWord) {
        uint256 kept = TaskWord.unwrap(self) & ~((uint256(0xff) << 184) | (uint256(type(uint40).max) << 216));
        return TaskWord.wrap(kept | (winner_ << 184) | (revealDeadline_ << 216));
    }
}

library ContributionLib {
    /// @dev A weight of 2^40 needs a score of 3·2^40: more contributions than a chain can hold.
    uint256 internal constant MAX_WEIGHT = type(uint40).max;

    function create(address worker_, uint256 group_, bytes32 seal, uint256 weight_, bool enclave)
        internal
        pure
        returns (ContributionWord)
    {
        return ContributionWord.wrap(
            uint160(worker_) | (uint256(ContributionStatusEnum.CONTRIBUTED) << 160) | (group_ << 168)
                | (uint256(uint16(uint256(seal))) << 176) | (weight_ << 192) | (enclave ? 1 << 232 : 0)
        );
    }

    function worker(ContributionWord self) internal pure returns (address) {
        return address(uint160(ContributionWord.unwrap(self)));
    }

    function status(ContributionWord self) internal pure returns (ContributionStatusEnum) {
        return ContributionStatusEnum(uint8(ContributionWord.unwrap(self) >> 160));
    }

    function group(ContributionWord self) internal pure returns (uint256) {
        return uint8(ContributionWord.unwrap(self) >> 168);
    }

    function sealTail(ContributionWord self) internal pure returns (uint256) {
        return uint16(ContributionWord.unwrap(self) >> 176);
    }

    function weight(ContributionWord self) internal pure returns (uint256) {
        return uint40(ContributionWord.unwrap(self) >> 192);
    }

    /// @dev floor(log2(weight)), the share in the reward (spec contracts §4.5).
    function logWeight(ContributionWord self) internal pure returns (uint256) {
        return Math.log2(weight(self));
    }

    function hasEnclave(ContributionWord self) internal pure returns (bool) {
        return ContributionWord.unwrap(self) >> 232 != 0;
    }

    function withStatus(ContributionWord self, ContributionStatusEnum status_)
        internal
        pure
        returns (ContributionWord)
    {
        return ContributionWord.wrap(
            (ContributionWord.unwrap(self) & ~(uint256(0xff) << 160)) | (uint256(status_) << 160)
        );
    }
}
