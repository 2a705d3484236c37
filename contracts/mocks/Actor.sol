// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @dev A contract that an account lets act in its own name.
abstract contract Actor {
    /// @notice Call `target` with `data` and the value sent; its revert is passed on.
    function execute(address target, bytes calldata data) external payable returns (bytes memory) {
        (bool success, bytes memory answer) = target.call{value: msg.value}(data);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        return answer;
    }
}
