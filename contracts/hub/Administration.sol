// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {LedgerWord} from "../libraries/Accounts.sol";
import {HubStorage} from "./HubStorage.sol";

/// @title The three powers of the owner (design decision 3, spec contracts §1.9, §1.10)
abstract contract Administration is HubStorage {
    /// @notice Append a category; it can never be changed or removed.
    /// @param workClockTimeRef the clock in seconds, at most MAX_CLOCK.
    function createCategory(string calldata name_, string calldata description, uint256 workClockTimeRef)
        external
        onlyOwner
        returns (uint256 catid)
    {
        if (workClockTimeRef > MAX_CLOCK) revert Category_ClockTooLarge(MAX_CLOCK, workClockTimeRef);
        catid = _categoryCount++;
        _clocks[catid] = workClockTimeRef + 1;
        _categoryTexts[catid] = [name_, description];
        emit CreateCategory(catid, name_, description, workClockTimeRef);
    }

    /// @notice Set who authorizes contributions with an enclave; zero leaves it to the schedulers.
    function setTeeBroker(address teeBroker) external onlyOwner {
        emit TeeBrokerChanged(_teeBroker, teeBroker);
        _teeBroker = teeBroker;
    }

    /// @notice Set the gas granted to result callbacks, at most MAX_CALLBACK_GAS.
    function setCallbackGas(uint256 callbackGas) external onlyOwner {
        if (callbackGas > MAX_CALLBACK_GAS) revert Config_CallbackGasTooLarge(MAX_CALLBACK_GAS, callbackGas);
        LedgerWord ledger = _ledger;
        emit CallbackGasChanged(ledger.callbackGas(), callbackGas);
        _ledger = ledger.withCallbackGas(callbackGas);
    }
}
