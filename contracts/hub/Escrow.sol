// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccountWord, LedgerWord, MAX_AMOUNT} from "../libraries/Accounts.sol";
import {HubStorage} from "./HubStorage.sol";

/// @title The moves of stakes and rewards (spec contracts §1.2)
/// @dev A settlement loads the ledger once, hands it from move to move and stores it at the end. Zero amounts emit their
/// events as the original does. What is frozen is part of the hub's own balance.
abstract contract Escrow is HubStorage {
    function _lock(LedgerWord ledger, address account, uint256 amount) internal returns (LedgerWord) {
        AccountWord word = _accounts[account];
        if (amount > word.balance()) revert Escrow_BalanceTooLow(account, word.balance(), amount);
        if (amount != 0) _accounts[account] = word.freeze(amount);
        emit Transfer(account, address(this), amount);
        emit Lock(account, amount);
        return ledger.credit(amount);
    }

    function _unlock(LedgerWord ledger, address account, uint256 amount) internal returns (LedgerWord) {
        if (amount != 0) _accounts[account] = _accounts[account].release(amount).credit(amount);
        emit Transfer(address(this), account, amount);
        emit Unlock(account, amount);
        return ledger.debit(amount);
    }

    function _reward(LedgerWord ledger, address account, uint256 amount, bytes32 ref) internal returns (LedgerWord) {
        if (amount != 0) _accounts[account] = _accounts[account].credit(amount);
        emit Transfer(address(this), account, amount);
        emit Reward(account, amount, ref);
        return ledger.debit(amount);
    }

    /// @dev The units stay in the hub's balance until a reward pays them out.
    function _seize(address account, uint256 amount, bytes32 ref) internal {
        if (amount != 0) _accounts[account] = _accounts[account].release(amount);
        emit Seize(account, amount, ref);
    }

    /// @dev Seize the scheduler's stake of a failed task for the kitty.
    function _seizeForKitty(LedgerWord ledger, address scheduler, uint256 stake, bytes32 taskid)
        internal
        returns (LedgerWord)
    {
        _seize(scheduler, stake, taskid);
        emit Reward(KITTY, stake, taskid);
        emit Lock(KITTY, stake);
        return ledger.fillKitty(stake);
    }

    /// @dev The kitty's share for a completed task: a tenth, at least KITTY_MIN, at most all of it (spec §4.8).
    function _drainKitty(LedgerWord ledger, bytes32 taskid) internal returns (LedgerWord, uint256 share) {
        uint256 kitty = ledger.kitty();
        if (kitty == 0) return (ledger, 0);
        share = kitty / KITTY_RATIO;
        if (share < KITTY_MIN) share = KITTY_MIN;
        if (share > kitty) share = kitty;
        emit Seize(KITTY, share, taskid);
        return (ledger.drainKitty(share), share);
    }

    function _store(LedgerWord before, LedgerWord ledger) internal {
        if (LedgerWord.unwrap(before) != LedgerWord.unwrap(ledger)) _ledger = ledger;
    }

    /// @dev Stake of the scheduler for one task of `price` (spec §3.7).
    function _schedulerStake(uint256 price) internal pure returns (uint256) {
        unchecked {
            return price * WORKERPOOL_STAKE_RATIO / 100; // price has 96 bits
        }
    }

    function _amount(uint256 amount) internal pure {
        if (amount > MAX_AMOUNT) revert Match_AmountTooLarge(MAX_AMOUNT, amount);
    }
}
