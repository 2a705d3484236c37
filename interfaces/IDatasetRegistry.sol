// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IRegistry} from "./IRegistry.sol";

/// @title The registry of datasets
interface IDatasetRegistry is IRegistry {
    /// @notice Register a dataset on behalf of any owner.
    /// @param owner who will hold the token; not asked for consent.
    /// @return dataset the entry.
    /// @dev Emits only `Transfer(0, owner, dataset)`; calls no receiver hook.
    function createDataset(address owner, string calldata name, bytes calldata multiaddr, bytes32 checksum)
        external
        returns (address dataset);

    /// @notice The address that `createDataset` uses for these arguments, whether or not it was called.
    function predictDataset(address owner, string calldata name, bytes calldata multiaddr, bytes32 checksum)
        external
        view
        returns (address dataset);
}
