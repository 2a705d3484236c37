// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IDataset} from "../../interfaces/IDataset.sol";
import {IDatasetRegistry} from "../../interfaces/IDatasetRegistry.sol";
import {Dataset} from "./Dataset.sol";
import {Registry} from "./Registry.sol";

/// @title The registry of datasets
contract DatasetRegistry is IDatasetRegistry, Registry {
    /// @param initialOwner may set base URI and previous registry.
    constructor(address initialOwner)
        Registry("iExec Dataset Registry (V5)", "iExecDatasetsV5", address(new Dataset()), initialOwner)
    {}

    /// @inheritdoc IDatasetRegistry
    function createDataset(address owner_, string calldata name_, bytes calldata multiaddr, bytes32 checksum)
        external
        returns (address dataset)
    {
        // A length that two bytes cannot hold is too long for the code as well.
        return _create(
            owner_,
            abi.encodeCall(IDataset.initialize, (name_, multiaddr, checksum)),
            abi.encodePacked(checksum, uint16(bytes(name_).length), name_, multiaddr)
        );
    }

    /// @inheritdoc IDatasetRegistry
    function predictDataset(address owner_, string calldata name_, bytes calldata multiaddr, bytes32 checksum)
        external
        view
        returns (address dataset)
    {
        return _predict(owner_, abi.encodeCall(IDataset.initialize, (name_, multiaddr, checksum)));
    }
}
