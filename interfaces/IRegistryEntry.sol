// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice What app, dataset and workerpool contracts have in common (spec contracts §6.3).
interface IRegistryEntry {
    /// @return the owner of the entry's token in its registry.
    function owner() external view returns (address);

    /// @return the registry that created the entry.
    function registry() external view returns (address);

    /// @notice Always reverts: names are not supported.
    function setName(address ens, string calldata name) external;
}
