// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {HubCore} from "./hub/HubCore.sol";
import {HubConfig} from "./hub/HubStorage.sol";
import {TokenEscrow} from "./hub/TokenEscrow.sol";

/// @title The market on one address, with an ERC-20 base token
/// @notice Escrow, order matching, deals, contributions, consensus and settlement. Nothing in it can be replaced; the
/// owner can add categories, bound the gas of callbacks and name a TEE broker. See `interfaces/IPocoHub.sol`.
contract PocoHub is HubCore, TokenEscrow {
    constructor(HubConfig memory config, address extension, address boost, address owner_)
        HubCore(config, extension, boost, owner_)
    {}

    /// @dev Token mode takes no plain value.
    function _receiveValue() internal pure override {
        revert Escrow_FallbackDisabled(0);
    }
}
