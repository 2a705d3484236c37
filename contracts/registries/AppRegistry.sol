// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IApp} from "../../interfaces/IApp.sol";
import {IAppRegistry} from "../../interfaces/IAppRegistry.sol";
import {App} from "./App.sol";
import {Registry} from "./Registry.sol";

/// @title The registry of applications
contract AppRegistry is IAppRegistry, Registry {
    /// @param initialOwner may set base URI and previous registry.
    constructor(address initialOwner)
        Registry("iExec Application Registry (V5)", "iExecAppsV5", address(new App()), initialOwner)
    {}

    /// @inheritdoc IAppRegistry
    function createApp(
        address owner_,
        string calldata name_,
        string calldata type_,
        bytes calldata multiaddr,
        bytes32 checksum,
        bytes calldata mrenclave
    ) external returns (address app) {
        // A length that two bytes cannot hold is too long for the code as well.
        return _create(
            owner_,
            abi.encodeCall(IApp.initialize, (name_, type_, multiaddr, checksum, mrenclave)),
            abi.encodePacked(
                checksum,
                uint16(bytes(name_).length),
                uint16(bytes(type_).length),
                uint16(multiaddr.length),
                name_,
                type_,
                multiaddr,
                mrenclave
            )
        );
    }

    /// @inheritdoc IAppRegistry
    function predictApp(
        address owner_,
        string calldata name_,
        string calldata type_,
        bytes calldata multiaddr,
        bytes32 checksum,
        bytes calldata mrenclave
    ) external view returns (address app) {
        return _predict(owner_, abi.encodeCall(IApp.initialize, (name_, type_, multiaddr, checksum, mrenclave)));
    }
}
