// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice One account in one slot: balance 96 · frozen 96 · score 64. Amounts are nRLC.
type AccountWord is uint256;

using AccountLib for AccountWord global;

/// @notice What the hub holds for everybody, in one slot: its own balance 96 · the kitty's frozen 96 · callback gas 32.
type LedgerWord is uint256;

using LedgerLib for LedgerWord global;

/// @dev The supply is limited to 96 bits when it is minted, so no sum of balances can overflow its field.
uint256 constant MAX_AMOUNT = type(uint96).max;

/// @title Arithmetic of packed accounts
/// @dev Callers prove that a subtraction does not underflow; additions cannot overflow (MAX_AMOUNT).
library AccountLib {
    function balance(AccountWord self) internal pure returns (uint256) {
        return AccountWord.unwrap(self) & MAX_AMOUNT;
    }

    function frozen(AccountWord self) internal pure returns (uint256) {
        return (AccountWord.unwrap(self) >> 96) & MAX_AMOUNT;
    }

    function score(AccountWord self) internal pure returns (uint256) {
        return AccountWord.unwrap(self) >> 192;
    }

    function credit(AccountWord self, uint256 amount) internal pure returns (AccountWord) {
        unchecked {
            return AccountWord.wrap(AccountWord.unwrap(self) + amount);
        }
    }

    function debit(AccountWord self, uint256 amount) internal pure returns (AccountWord) {
        unchecked {
            return AccountWord.wrap(AccountWord.unwrap(self) - amount);
        }
    }

    /// @dev Move `amount` from the balance to frozen.
    function freeze(AccountWord self, uint256 amount) internal pure returns (AccountWord) {
        unchecked {
            return AccountWord.wrap(AccountWord.unwrap(self) - amount + (amount << 96));
        }
    }

    /// @dev Take `amount` out of frozen, to nowhere: the hub's own balance keeps it.
    function release(AccountWord self, uint256 amount) internal pure returns (AccountWord) {
        unchecked {
            return AccountWord.wrap(AccountWord.unwrap(self) - (amount << 96));
        }
    }

    function withScore(AccountWord self, uint256 score_) internal pure returns (AccountWord) {
        return AccountWord.wrap((AccountWord.unwrap(self) & type(uint192).max) | (score_ << 192));
    }
}

/// @title Arithmetic of the packed ledger
library LedgerLib {
    function hubBalance(LedgerWord self) internal pure returns (uint256) {
        return LedgerWord.unwrap(self) & MAX_AMOUNT;
    }

    function kitty(LedgerWord self) internal pure returns (uint256) {
        return (LedgerWord.unwrap(self) >> 96) & MAX_AMOUNT;
    }

    /// @dev Gas granted to a result callback.
    function callbackGas(LedgerWord self) internal pure returns (uint256) {
        return (LedgerWord.unwrap(self) >> 192) & type(uint32).max;
    }

    function credit(LedgerWord self, uint256 amount) internal pure returns (LedgerWord) {
        unchecked {
            return LedgerWord.wrap(LedgerWord.unwrap(self) + amount);
        }
    }

    function debit(LedgerWord self, uint256 amount) internal pure returns (LedgerWord) {
        unchecked {
            return LedgerWord.wrap(LedgerWord.unwrap(self) - amount);
        }
    }

    function fillKitty(LedgerWord self, uint256 amount) internal pure returns (LedgerWord) {
        unchecked {
            return LedgerWord.wrap(LedgerWord.unwrap(self) + (amount << 96));
        }
    }

    function drainKitty(LedgerWord self, uint256 amount) internal pure returns (LedgerWord) {
        unchecked {
            return LedgerWord.wrap(LedgerWord.unwrap(self) - (amount << 96));
        }
    }

    function withCallbackGas(LedgerWord self, uint256 gas_) internal pure returns (LedgerWord) {
        return LedgerWord.wrap((LedgerWord.unwrap(self) & type(uint192).max) | (gas_ << 192));
    }
}
