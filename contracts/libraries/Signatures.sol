// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC1271} from "../../interfaces/IERC1271.sol";
import {IERC734} from "../../interfaces/IERC734.sol";
import {IPocoErrors} from "../../interfaces/IPocoErrors.sol";

/// @title Who signed, and who belongs to a group
/// @dev Foreign contracts are asked with bounded copies of their answers: a malformed answer, a revert and an account
/// without code all count as "no" (spec contracts §2.4, §2.6, W14).
library Signatures {
    /// @dev Half of the order of secp256k1; a larger s is the malleable twin of a signature (EIP-2).
    uint256 private constant MAX_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    /// @dev ERC-734: a key with this purpose is a member of the group.
    uint256 internal constant GROUP_MEMBER_PURPOSE = 4;

    /// @notice Whether `signature` of `digest` is by `account`: ECDSA of 64 (EIP-2098) or 65 bytes first, so that
    /// accounts with EIP-7702 code can sign, then ERC-1271.
    /// @dev Reverts with Signature_BadLength when the account has no code and the length is neither.
    function isValid(address account, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        if (account == address(0)) return false;
        bool ecdsa = signature.length == 65 || signature.length == 64;
        if (ecdsa && _recover(digest, signature) == account) return true;
        if (account.code.length == 0) {
            if (!ecdsa) revert IPocoErrors.Signature_BadLength(signature.length);
            return false;
        }
        (bool answered, uint256 word) = _ask(account, abi.encodeCall(IERC1271.isValidSignature, (digest, signature)));
        return answered && bytes32(word) == bytes32(IERC1271.isValidSignature.selector);
    }

    /// @notice Whether `restriction` admits `account`: no restriction, the account itself, or a group it belongs to.
    function isAllowed(address restriction, address account) internal view returns (bool) {
        if (restriction == address(0) || restriction == account) return true;
        bytes memory question =
            abi.encodeCall(IERC734.keyHasPurpose, (bytes32(uint256(uint160(account))), GROUP_MEMBER_PURPOSE));
        (bool answered, uint256 word) = _ask(restriction, question);
        return answered && word == 1;
    }

    /// @notice The digest of a personal message of 32 bytes (EIP-191 version 0x45).
    function personalDigest(bytes32 message) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            mstore(0x00, "\x19Ethereum Signed Message:\n32")
            mstore(0x1c, message)
            digest := keccak256(0x00, 0x3c)
        }
    }

    /// @dev The signer, or zero when the signature is malformed; its length is 64 or 65. Assembly, since the precompile
    /// can be fed straight from calldata: a fifth of the gas around the call.
    function _recover(bytes32 digest, bytes calldata signature) private view returns (address signer) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let s := calldataload(add(signature.offset, 32))
            let v := byte(0, calldataload(add(signature.offset, 64)))
            if eq(signature.length, 64) {
                v := add(27, shr(255, s))
                s := shr(1, shl(1, s))
            }
            if iszero(gt(s, MAX_S)) {
                mstore(0x00, digest)
                mstore(0x20, v)
                calldatacopy(0x40, signature.offset, 32)
                mstore(0x60, s)
                // Nothing is returned for a v other than 27 and 28, or a point that does not exist.
                if staticcall(gas(), 1, 0x00, 0x80, 0x00, 0x20) {
                    signer := mul(mload(0x00), eq(returndatasize(), 0x20))
                }
                mstore(0x60, 0)
                mstore(0x40, free)
            }
        }
    }

    /// @dev Static call that copies one word of the answer; `answered` is false on a revert or a shorter answer.
    function _ask(address target, bytes memory question) private view returns (bool answered, uint256 word) {
        assembly ("memory-safe") {
            answered := staticcall(gas(), target, add(question, 32), mload(question), 0, 32)
            answered := and(answered, gt(returndatasize(), 31))
            word := mload(0)
        }
    }
}
