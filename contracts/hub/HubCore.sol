// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPocoBoost} from "../../interfaces/IPocoBoost.sol";
import {LedgerWord} from "../libraries/Accounts.sol";
import {CodeStore} from "../libraries/CodeStore.sol";
import {HubConfig, HubStorage} from "./HubStorage.sol";
import {Lifecycle} from "./Lifecycle.sol";
import {Matching} from "./Matching.sol";
import {StakedToken} from "./StakedToken.sol";

/// @title The first code part of a hub: everything that moves money often
/// @dev Any other function runs from one of two further code parts, at addresses fixed for ever: together they exceed
/// the size of one contract.
abstract contract HubCore is Matching, Lifecycle, StakedToken {
    address private immutable EXTENSION;
    address private immutable BOOST;

    constructor(HubConfig memory config, address extension, address boost, address owner_) HubStorage(config, owner_) {
        EXTENSION = extension;
        BOOST = boost;
        _ledger = LedgerWord.wrap(0).withCallbackGas(INITIAL_CALLBACK_GAS);
    }

    /// @dev Called by a record that is being created, or with plain value.
    receive() external payable {
        CodeStore.serve();
        _receiveValue();
    }

    fallback() external payable {
        address part = _isBoost(msg.sig) ? BOOST : EXTENSION;
        assembly {
            calldatacopy(0, 0, calldatasize())
            let success := delegatecall(gas(), part, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if success { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }

    function _isBoost(bytes4 selector) private pure returns (bool) {
        return selector == IPocoBoost.matchOrdersBoost.selector || selector == IPocoBoost.pushResultBoost.selector
            || selector == IPocoBoost.sponsorMatchOrdersBoost.selector || selector == IPocoBoost.claimBoost.selector
            || selector == IPocoBoost.viewDealBoost.selector;
    }

    /// @dev Plain value was sent.
    function _receiveValue() internal virtual;
}
