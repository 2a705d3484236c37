// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ITokenSpender} from "../../interfaces/ITokenSpender.sol";
import {Balances} from "./Balances.sol";

/// @title The ERC-20 face of the free balances: Staked RLC (spec contracts §1.2, §1.3)
abstract contract StakedToken is Balances {
    function transfer(address to, uint256 value) external returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        _setAllowance(msg.sender, spender, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        _move(from, to, value);
        uint256 allowance_ = _allowances[from][msg.sender];
        if (value > allowance_) revert ERC20InsufficientAllowance(msg.sender, allowance_, value);
        unchecked {
            _setAllowance(from, msg.sender, allowance_ - value);
        }
        return true;
    }

    function increaseAllowance(address spender, uint256 delta) external returns (bool) {
        uint256 allowance_ = _allowances[msg.sender][spender];
        if (delta > type(uint256).max - allowance_) {
            revert Escrow_AmountTooLarge(type(uint256).max - allowance_, delta);
        }
        _setAllowance(msg.sender, spender, allowance_ + delta);
        return true;
    }

    function decreaseAllowance(address spender, uint256 delta) external returns (bool) {
        uint256 allowance_ = _allowances[msg.sender][spender];
        if (delta > allowance_) revert ERC20InsufficientAllowance(spender, allowance_, delta);
        unchecked {
            _setAllowance(msg.sender, spender, allowance_ - delta);
        }
        return true;
    }

    function approveAndCall(address spender, uint256 value, bytes calldata data) external returns (bool) {
        _setAllowance(msg.sender, spender, value);
        if (!ITokenSpender(spender).receiveApproval(msg.sender, value, address(this), data)) {
            revert Escrow_CallRefused(spender);
        }
        return true;
    }

    function _setAllowance(address owner_, address spender, uint256 value) private {
        if (owner_ == address(0)) revert ERC20InvalidApprover(owner_);
        if (spender == address(0)) revert ERC20InvalidSpender(spender);
        _allowances[owner_][spender] = value;
        emit Approval(owner_, spender, value);
    }
}
