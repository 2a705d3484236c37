// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice The answer to `approveAndCall`.
interface ITokenSpender {
    /// @param sender who granted the allowance.
    /// @param value the allowance, in units of `token`.
    /// @param token the token that calls.
    /// @param data what the sender wants done with it.
    /// @return whether the allowance was accepted.
    function receiveApproval(address sender, uint256 value, address token, bytes calldata data) external returns (bool);
}
