// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Balances} from "./Balances.sol";

/// @title The deposit that both code parts of a native hub know: also plain value and unknown functions deposit
abstract contract NativeDeposit is Balances {
    uint256 internal constant WEI_PER_UNIT = 1e9;

    /// @dev Credit whole nRLC, hand the rest of the value back to the caller as the last action.
    function _deposit(address target) internal {
        _mint(target, msg.value / WEI_PER_UNIT);
        _send(msg.sender, msg.value % WEI_PER_UNIT);
    }

    function _send(address target, uint256 value) internal {
        bool success;
        assembly ("memory-safe") {
            success := call(gas(), target, value, 0, 0, 0, 0)
        }
        if (!success) revert Escrow_NativeTransferFailed(target, value);
    }
}
