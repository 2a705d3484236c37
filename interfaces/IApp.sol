// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IEntryErrors} from "./IEntryErrors.sol";
import {IRegistryEntry} from "./IRegistryEntry.sol";

/// @title A registered application
/// @notice What a worker needs to fetch and run it.
interface IApp is IRegistryEntry, IEntryErrors {
    function m_appName() external view returns (string memory);

    /// @notice The runtime, for example `DOCKER`.
    function m_appType() external view returns (string memory);

    /// @notice Where to fetch the application, for example an image reference.
    function m_appMultiaddr() external view returns (bytes memory);

    /// @notice Digest of what the multiaddr points to.
    function m_appChecksum() external view returns (bytes32);

    /// @notice Enclave measurement of a TEE application, or empty.
    function m_appMREnclave() external view returns (bytes memory);

    /// @notice Always reverts. Its call data is what the salt of the entry's address is made of.
    function initialize(
        string calldata name,
        string calldata type_,
        bytes calldata multiaddr,
        bytes32 checksum,
        bytes calldata mrenclave
    ) external;
}
