// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IRegistry} from "./IRegistry.sol";

/// @title The registry of applications
interface IAppRegistry is IRegistry {
    /// @notice Register an application on behalf of any owner.
    /// @param owner who will hold the token; not asked for consent.
    /// @param type_ the runtime, for example `DOCKER`.
    /// @param mrenclave enclave measurement, or empty.
    /// @return app the entry.
    /// @dev Emits only `Transfer(0, owner, app)`; calls no receiver hook.
    function createApp(
        address owner,
        string calldata name,
        string calldata type_,
        bytes calldata multiaddr,
        bytes32 checksum,
        bytes calldata mrenclave
    ) external returns (address app);

    /// @notice The address that `createApp` uses for these arguments, whether or not it was called.
    function predictApp(
        address owner,
        string calldata name,
        string calldata type_,
        bytes calldata multiaddr,
        bytes32 checksum,
        bytes calldata mrenclave
    ) external view returns (address app);
}
