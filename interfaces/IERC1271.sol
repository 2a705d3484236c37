// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice A contract that signs (ERC-1271).
interface IERC1271 {
    /// @return magicValue 0x1626ba7e when `signature` of `hash` is the contract's.
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4 magicValue);
}
