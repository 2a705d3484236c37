// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @dev A call that a test double makes at the worst moment, and what became of it.
abstract contract Reentrant {
    address private _target;
    bytes private _payload;

    /// @notice Calls made so far, and the outcome of the last one.
    uint256 public strikes;
    bool public lastSuccess;
    bytes public lastReturn;

    /// @notice Set the call to make: `target` with `payload`.
    function arm(address target, bytes calldata payload) external {
        (_target, _payload) = (target, payload);
    }

    function _strike() internal {
        strikes++;
        (lastSuccess, lastReturn) = _target.call(_payload);
    }

    /// @dev For functions that are called statically: nothing is recorded.
    function _strikeUnseen() internal returns (bool success) {
        (success,) = _target.call(_payload);
    }
}
