// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ITokenSpender} from "../../interfaces/ITokenSpender.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title A spender that takes the whole allowance and tells what it was told
contract RecordingSpender is ITokenSpender {
    event ApprovalReceived(address caller, address sender, uint256 value, address token, bytes data);

    error Spender_Refused(bytes data);

    bool public refuses;

    function setRefuses(bool refuses_) external {
        refuses = refuses_;
    }

    /// @inheritdoc ITokenSpender
    function receiveApproval(address sender, uint256 value, address token, bytes calldata data)
        external
        returns (bool)
    {
        if (refuses) revert Spender_Refused(data);
        emit ApprovalReceived(msg.sender, sender, value, token, data);
        return IERC20(token).transferFrom(sender, address(this), value);
    }
}
