// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice A group of accounts (ERC-734): a restriction field of an order may name one.
interface IERC734 {
    /// @param key the account, left-padded with zeros.
    /// @param purpose 4 asks for membership.
    function keyHasPurpose(bytes32 key, uint256 purpose) external view returns (bool);
}
