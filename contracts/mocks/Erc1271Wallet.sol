// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actor} from "./Actor.sol";
import {GasBurner} from "./GasBurner.sol";
import {Reentrant} from "./Reentrant.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title A contract account whose owner signs for it (ERC-1271), well-behaved or not
contract Erc1271Wallet is Actor, GasBurner, Reentrant {
    enum Mode {
        OwnerSigned,
        WrongMagic,
        Revert,
        ShortReturn,
        DirtyReturn,
        BurnGas,
        Reenter
    }

    error Wallet_Refused();

    bytes4 private constant MAGIC = 0x1626ba7e;

    address public immutable owner;
    Mode public mode;

    constructor(address owner_) {
        owner = owner_;
    }

    receive() external payable {}

    function setMode(Mode mode_) external {
        mode = mode_;
    }

    /// @notice The answer of ERC-1271. Not declared `view`, so that it can try to change something.
    /// @dev OwnerSigned: the owner's 65-byte signature counts. Reenter: valid if the armed call fails, as it must.
    function isValidSignature(bytes32 hash, bytes calldata signature) external returns (bytes4) {
        if (mode == Mode.WrongMagic) return 0xffffffff;
        if (mode == Mode.Revert) revert Wallet_Refused();
        if (mode == Mode.BurnGas) _burnGas();
        if (mode == Mode.Reenter) return _strikeUnseen() ? bytes4(0) : MAGIC;
        bytes32 word = MAGIC;
        if (mode == Mode.ShortReturn) {
            assembly ("memory-safe") {
                mstore(0, word)
                return(0, 4)
            }
        }
        if (mode == Mode.DirtyReturn) {
            assembly ("memory-safe") {
                mstore(0, or(word, 1))
                return(0, 32)
            }
        }
        (address signer, ECDSA.RecoverError error_,) = ECDSA.tryRecover(hash, signature);
        return error_ == ECDSA.RecoverError.NoError && signer == owner ? MAGIC : bytes4(0xffffffff);
    }
}
