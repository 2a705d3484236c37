// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @dev Uses up all gas of a call.
abstract contract GasBurner {
    function _burnGas() internal pure {
        assembly ("memory-safe") {
            invalid()
        }
    }
}
