// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {HubCore} from "./hub/HubCore.sol";
import {HubConfig} from "./hub/HubStorage.sol";
import {NativeEscrow} from "./hub/NativeEscrow.sol";

/// @title The market on one address, with the chain's currency: 1 nRLC is 1e9 wei
/// @notice As PocoHub, but deposits are plain value. See `interfaces/IPocoHub.sol`.
contract PocoHubNative is HubCore, NativeEscrow {
    constructor(HubConfig memory config, address extension, address boost, address owner_)
        HubCore(config, extension, boost, owner_)
    {}

    /// @dev Plain value is a deposit of the sender.
    function _receiveValue() internal override {
        _deposit(msg.sender);
    }
}
