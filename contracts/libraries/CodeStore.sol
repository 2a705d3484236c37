// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPocoErrors} from "../../interfaces/IPocoErrors.sol";

/// @title Bytes kept as the code of a contract at a predictable address
/// @notice 200 gas a byte instead of 22,100 a word, and no pointer to store: the init code is the same for every
/// record, so CREATE2 places the record of `salt` at an address that `addressOf` computes.
/// @dev The init code asks its creator for the record with an empty call; the creator must answer it with `serve`
/// (from `receive`), which hands out what `write` left in transient storage.
library CodeStore {
    /// @dev STATICCALL(caller, no data); RETURNDATACOPY all; RETURN all.
    bytes15 internal constant INIT_CODE = 0x5f5f5f5f335afa503d5f5f3e3d5ff3;
    /// @dev Of the same literal: only the keccak of a literal is computed by the compiler.
    bytes32 internal constant INIT_CODE_HASH = keccak256(hex"5f5f5f5f335afa503d5f5f3e3d5ff3");
    /// @dev Largest code of a contract, in bytes (EIP-170).
    uint256 internal constant MAX_CODE_SIZE = 24_576;
    /// @dev Transient slot of the length; the words follow.
    uint256 private constant PENDING = uint256(keccak256("poco.codestore.pending"));

    /// @notice Create the record of `salt`, or revert.
    /// @dev With bounded code and a fresh salt, the one reason to fail is a lack of gas: a transaction can carry too
    /// little for the code and still enough for everything else, so the failure must never pass.
    function write(bytes32 salt, bytes memory code) internal returns (address store) {
        store = tryWrite(salt, code);
        if (store == address(0)) revert IPocoErrors.Record_NotWritten(salt, code.length);
    }

    /// @notice Create the record of `salt`.
    /// @param salt names the record; a salt can be used once.
    /// @param code the whole runtime code, at most 24,576 bytes; data starts with a zero byte (STOP).
    /// @return store the address of the record, or zero when the salt is taken, `code` is not a legal code, or the gas
    /// does not suffice.
    function tryWrite(bytes32 salt, bytes memory code) internal returns (address store) {
        uint256 pending = PENDING;
        bytes15 initCode = INIT_CODE;
        // Transient storage and CREATE2 have no Solidity form.
        assembly ("memory-safe") {
            let size := mload(code)
            tstore(pending, size)
            for { let offset := 0 } lt(offset, size) { offset := add(offset, 32) } {
                pending := add(pending, 1)
                tstore(pending, mload(add(add(code, 32), offset)))
            }
            mstore(0, initCode)
            store := create2(0, 0, 15, salt)
            // An empty record means that the callback ran out of gas.
            if store { if iszero(extcodesize(store)) { store := 0 } }
        }
        pending = PENDING;
        assembly ("memory-safe") {
            tstore(pending, 0)
        }
    }

    /// @notice Answer the init code, if one is asking: ends the call with the pending record. Otherwise do nothing.
    function serve() internal view {
        uint256 pending = PENDING;
        assembly ("memory-safe") {
            let size := tload(pending)
            if size {
                let start := mload(0x40)
                for { let offset := 0 } lt(offset, size) { offset := add(offset, 32) } {
                    pending := add(pending, 1)
                    mstore(add(start, offset), tload(pending))
                }
                return(start, size)
            }
        }
    }

    /// @notice Salt of the record that an id of one kind names.
    /// @dev Callers choose ids, and may choose the content of records: without the domain in the hash, an id could be
    /// found under which a record of another kind is read.
    function saltOf(bytes32 domain, bytes32 id) internal pure returns (bytes32 salt) {
        assembly ("memory-safe") {
            mstore(0x00, domain)
            mstore(0x20, id)
            salt := keccak256(0x00, 0x40)
        }
    }

    /// @notice Address of the record of `salt`, created by this contract.
    function addressOf(bytes32 salt) internal view returns (address store) {
        bytes32 codeHash = INIT_CODE_HASH;
        assembly ("memory-safe") {
            let memory_ := mload(0x40)
            mstore8(memory_, 0xff)
            mstore(add(memory_, 0x35), codeHash)
            mstore(add(memory_, 0x01), shl(96, address()))
            mstore(add(memory_, 0x15), salt)
            store := and(keccak256(memory_, 0x55), 0xffffffffffffffffffffffffffffffffffffffff)
        }
    }
}
