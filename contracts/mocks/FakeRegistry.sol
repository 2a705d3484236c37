// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title A registry that claims to know whatever it is asked about, or answers badly
contract FakeRegistry {
    enum Mode {
        KnowsAll,
        Revert,
        ShortReturn,
        DirtyReturn
    }

    error FakeRegistry_Refused();

    Mode public mode;

    function setMode(Mode mode_) external {
        mode = mode_;
    }

    /// @notice ShortReturn answers 31 bytes, DirtyReturn the number 2.
    function isRegistered(address) external view returns (bool) {
        if (mode == Mode.Revert) revert FakeRegistry_Refused();
        if (mode == Mode.ShortReturn) {
            assembly ("memory-safe") {
                mstore(0, 1)
                return(0, 31)
            }
        }
        if (mode == Mode.DirtyReturn) {
            assembly ("memory-safe") {
                mstore(0, 2)
                return(0, 32)
            }
        }
        return true;
    }
}
