// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Boost} from "./hub/Boost.sol";
import {HubConfig, HubStorage} from "./hub/HubStorage.sol";

/// @title The third code part of a hub: Boost, run on the hub's storage
/// @notice Talk to the hub; the state of this contract itself means nothing.
contract PocoHubBoost is Boost {
    constructor(HubConfig memory config) HubStorage(config, address(0xdead)) {}
}
