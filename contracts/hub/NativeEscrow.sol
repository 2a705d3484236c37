// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {NativeDeposit} from "./NativeDeposit.sol";
import {StakedToken} from "./StakedToken.sol";

/// @title Deposits and withdrawals of the chain's currency: 1 nRLC is 1e9 wei (spec contracts §1.6)
abstract contract NativeEscrow is StakedToken, NativeDeposit {
    function deposit() external payable returns (bool) {
        _deposit(msg.sender);
        return true;
    }

    function depositFor(address target) external payable returns (bool) {
        _deposit(target);
        return true;
    }

    function depositForArray(uint256[] calldata amounts, address[] calldata targets) external payable returns (bool) {
        if (amounts.length != targets.length) revert Escrow_LengthMismatch(amounts.length, targets.length);
        uint256 needed;
        for (uint256 i; i < amounts.length; ++i) {
            _mint(targets[i], amounts[i]); // refuses more than 96 bits
            unchecked {
                needed += amounts[i] * WEI_PER_UNIT;
            }
        }
        if (needed > msg.value) revert Escrow_ValueTooLow(needed, msg.value);
        _send(msg.sender, msg.value - needed);
        return true;
    }

    function withdraw(uint256 amount) external returns (bool) {
        _withdraw(amount, msg.sender);
        return true;
    }

    function withdrawTo(uint256 amount, address target) external returns (bool) {
        _withdraw(amount, target);
        return true;
    }

    /// @notice Credit the owner with currency that the hub holds beyond its supply.
    function recover() external onlyOwner returns (uint256 delta) {
        delta = address(this).balance / WEI_PER_UNIT - _totalSupply;
        _mint(owner(), delta);
    }

    function _withdraw(uint256 amount, address target) private {
        _burn(msg.sender, amount);
        _send(target, amount * WEI_PER_UNIT);
    }
}
