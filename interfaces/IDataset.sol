// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IEntryErrors} from "./IEntryErrors.sol";
import {IRegistryEntry} from "./IRegistryEntry.sol";

/// @title A registered dataset
interface IDataset is IRegistryEntry, IEntryErrors {
    function m_datasetName() external view returns (string memory);

    /// @notice Where to fetch the data.
    function m_datasetMultiaddr() external view returns (bytes memory);

    /// @notice SHA-256 of the (possibly encrypted) file.
    function m_datasetChecksum() external view returns (bytes32);

    /// @notice Always reverts. Its call data is what the salt of the entry's address is made of.
    function initialize(string calldata name, bytes calldata multiaddr, bytes32 checksum) external;
}
