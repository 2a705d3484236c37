// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @dev What these tests use of forge's cheat codes.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function addr(uint256 key) external pure returns (address);
    function assume(bool condition) external pure;
    function deal(address account, uint256 balance) external;
    function getCode(string calldata path) external view returns (bytes memory);
    function getRecordedLogs() external returns (Log[] memory);
    function prank(address sender) external;
    function readFile(string calldata path) external view returns (string memory);
    function recordLogs() external;
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function store(address target, bytes32 slot, bytes32 value) external;
    function warp(uint256 timestamp) external;
}

/// @title Cheat codes and comparisons
abstract contract Checks {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error NotEqual(string what, bytes32 actual, bytes32 expected);
    error Failed(string what);

    function _equal(string memory what, uint256 actual, uint256 expected) internal pure {
        if (actual != expected) revert NotEqual(what, bytes32(actual), bytes32(expected));
    }

    function _equal(string memory what, address actual, address expected) internal pure {
        _equal(what, uint160(actual), uint160(expected));
    }

    function _equal(string memory what, bytes memory actual, bytes memory expected) internal pure {
        if (keccak256(actual) != keccak256(expected)) revert NotEqual(what, keccak256(actual), keccak256(expected));
    }

    function _true(string memory what, bool condition) internal pure {
        if (!condition) revert Failed(what);
    }

    /// @dev A number of `bits` bits at most, of any width up to that.
    function _narrow(uint256 value, uint256 bits) internal pure returns (uint256) {
        return value >> (256 - (value % (bits + 1)));
    }

    /// @dev Bytes derived from `seed`.
    function _bytes(uint256 seed, uint256 size) internal pure returns (bytes memory data) {
        data = new bytes(size);
        for (uint256 i; i < size; i += 32) {
            bytes32 word = keccak256(abi.encode(seed, i));
            for (uint256 j; j < 32 && i + j < size; ++j) {
                data[i + j] = word[j];
            }
        }
    }
}
