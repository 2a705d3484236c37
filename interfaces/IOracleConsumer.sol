// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice The push side of EIP-1154: a deal's `callback` is told the result.
interface IOracleConsumer {
    /// @param id the task.
    /// @param result the callback data; its keccak is the result digest.
    function receiveResult(bytes32 id, bytes calldata result) external;
}
