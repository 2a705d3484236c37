// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ITokenSpender} from "../../interfaces/ITokenSpender.sol";

/// @title A spender that refuses every allowance
contract ReturnFalseSpender is ITokenSpender {
    /// @inheritdoc ITokenSpender
    function receiveApproval(address, uint256, address, bytes calldata) external pure returns (bool) {
        return false;
    }
}
