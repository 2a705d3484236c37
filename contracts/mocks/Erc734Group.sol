// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {GasBurner} from "./GasBurner.sol";

/// @title A group of accounts (ERC-734), well-behaved or not
contract Erc734Group is GasBurner {
    enum Mode {
        Members,
        Revert,
        ShortReturn,
        DirtyReturn,
        BurnGas
    }

    error Group_Refused();

    /// @dev ERC-734: the purpose that the market asks for.
    uint256 private constant MEMBER = 4;

    mapping(bytes32 key => bool) private _members;
    Mode public mode;

    function setMode(Mode mode_) external {
        mode = mode_;
    }

    function setMember(address account, bool member) external {
        _members[bytes32(uint256(uint160(account)))] = member;
    }

    /// @notice Whether `key` is a member. ShortReturn answers 31 bytes, DirtyReturn the number 2.
    function keyHasPurpose(bytes32 key, uint256 purpose) external view returns (bool) {
        if (mode == Mode.Revert) revert Group_Refused();
        if (mode == Mode.BurnGas) _burnGas();
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
        return purpose == MEMBER && _members[key];
    }
}
