// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {AccountWord, MAX_AMOUNT} from "../libraries/Accounts.sol";
import {HubStorage} from "./HubStorage.sol";

/// @title The moves of free balances (spec contracts §1.2, "user engine")
/// @dev sRLC sent to the hub or to the kitty would be lost, so both are refused as receivers (W22).
abstract contract Balances is HubStorage, IERC20Errors {
    function _mint(address account, uint256 amount) internal {
        _requireReceiver(account);
        uint256 room = MAX_AMOUNT - _totalSupply;
        if (amount > room) revert Escrow_AmountTooLarge(room, amount);
        unchecked {
            _totalSupply += amount;
        }
        _accounts[account] = _accounts[account].credit(amount);
        emit Transfer(address(0), account, amount);
    }

    function _burn(address account, uint256 amount) internal {
        _debit(account, amount);
        unchecked {
            _totalSupply -= amount;
        }
        emit Transfer(account, address(0), amount);
    }

    function _move(address from, address to, uint256 amount) internal {
        if (from == address(0)) revert ERC20InvalidSender(from);
        _requireReceiver(to);
        _debit(from, amount);
        _accounts[to] = _accounts[to].credit(amount);
        emit Transfer(from, to, amount);
    }

    function _debit(address account, uint256 amount) private {
        AccountWord word = _accounts[account];
        if (amount > word.balance()) revert ERC20InsufficientBalance(account, word.balance(), amount);
        _accounts[account] = word.debit(amount);
    }

    function _requireReceiver(address account) private view {
        if (account == address(0) || account == address(this) || account == KITTY) {
            revert ERC20InvalidReceiver(account);
        }
    }
}
