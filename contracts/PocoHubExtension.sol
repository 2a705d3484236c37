// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Administration} from "./hub/Administration.sol";
import {HubConfig, HubStorage} from "./hub/HubStorage.sol";
import {LegacyViews} from "./hub/LegacyViews.sol";
import {NativeDeposit} from "./hub/NativeDeposit.sol";
import {OrderManager} from "./hub/OrderManager.sol";

/// @title The second code part of a hub: views, orders and administration, run on the hub's storage
/// @notice Talk to the hub; the state of this contract itself means nothing.
contract PocoHubExtension is LegacyViews, OrderManager, Administration, NativeDeposit {
    constructor(HubConfig memory config) HubStorage(config, address(0xdead)) {}

    /// @dev The hub never hands plain value on, and nobody else has a reason to send any.
    receive() external payable {
        revert Escrow_FallbackDisabled(0);
    }

    /// @dev Whatever no code part knows: a deposit in native mode, refused in token mode.
    fallback() external payable {
        if (BASE_TOKEN != address(0)) revert Escrow_FallbackDisabled(msg.sig);
        _deposit(msg.sender);
    }
}
