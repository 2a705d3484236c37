// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Write the low `size` bytes (at most 32) of `value` at memory `at`, and zeros behind up to 32 bytes in all:
/// records are written front to back.
/// @dev The caller owns the memory up to `at + 32`.
function put(uint256 at, uint256 size, uint256 value) pure returns (uint256 next) {
    assembly ("memory-safe") {
        mstore(at, shl(sub(256, shl(3, size)), value))
        next := add(at, size)
    }
}

/// @notice Read `size` bytes (at most 32) at memory `at` as an integer.
function take(uint256 at, uint256 size) pure returns (uint256 value) {
    assembly ("memory-safe") {
        value := shr(sub(256, shl(3, size)), mload(at))
    }
}
