// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Something with the getters of an entry that no registry made
contract FakeEntry {
    enum Mode {
        Answer,
        Revert,
        ShortReturn,
        DirtyOwner
    }

    error FakeEntry_Refused();

    address private immutable _owner;
    Mode public mode;
    bool public policiesRevert;
    uint256 private _workerStakeRatio = 30;
    uint256 private _schedulerRewardRatio = 1;

    constructor(address owner_) {
        _owner = owner_;
    }

    function setMode(Mode mode_) external {
        mode = mode_;
    }

    function setPoliciesRevert(bool policiesRevert_) external {
        policiesRevert = policiesRevert_;
    }

    /// @notice Any values, however wrong.
    function setPolicies(uint256 workerStakeRatio, uint256 schedulerRewardRatio) external {
        (_workerStakeRatio, _schedulerRewardRatio) = (workerStakeRatio, schedulerRewardRatio);
    }

    /// @notice ShortReturn answers 31 bytes, DirtyOwner a word above 160 bits.
    function owner() external view returns (address) {
        address owner_ = _owner;
        if (mode == Mode.Revert) revert FakeEntry_Refused();
        if (mode == Mode.ShortReturn) {
            assembly ("memory-safe") {
                mstore(0, owner_)
                return(0, 31)
            }
        }
        if (mode == Mode.DirtyOwner) {
            assembly ("memory-safe") {
                mstore(0, or(owner_, shl(160, 1)))
                return(0, 32)
            }
        }
        return owner_;
    }

    function m_workerStakeRatioPolicy() external view returns (uint256) {
        if (policiesRevert) revert FakeEntry_Refused();
        return _workerStakeRatio;
    }

    function m_schedulerRewardRatioPolicy() external view returns (uint256) {
        if (policiesRevert) revert FakeEntry_Refused();
        return _schedulerRewardRatio;
    }
}
