// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRLC} from "../../interfaces/IRLC.sol";
import {ITokenSpender} from "../../interfaces/ITokenSpender.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

/// @title A base token like RLC, for local and test chains
/// @dev The supply is fixed: 87,000,000 RLC.
contract RLC is IRLC, ERC20 {
    /// @dev nRLC.
    uint256 private constant SUPPLY = 87_000_000 * 1e9;

    /// @param holder gets the whole supply.
    constructor(address holder) ERC20("iExec RLC token", "RLC") {
        _mint(holder, SUPPLY);
    }

    /// @inheritdoc IRLC
    function approveAndCall(address spender, uint256 value, bytes calldata data) external returns (bool) {
        _approve(msg.sender, spender, value);
        if (!ITokenSpender(spender).receiveApproval(msg.sender, value, address(this), data)) {
            revert RLC_ApprovalRefused(spender);
        }
        return true;
    }

    /// @inheritdoc IERC20Metadata
    function decimals() public pure override(ERC20, IERC20Metadata) returns (uint8) {
        return 9;
    }
}
