// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IDataset} from "../../interfaces/IDataset.sol";
import {RegistryEntry} from "./RegistryEntry.sol";
import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";

/// @title Implementation behind the entries of the dataset registry
/// @dev Fields: checksum 32 · length of name 2 · name · multiaddr.
contract Dataset is IDataset, RegistryEntry {
    using Bytes for bytes;

    uint256 private constant NAME_AT = 34;

    /// @inheritdoc IDataset
    function initialize(string calldata, bytes calldata, bytes32) external virtual {
        revert Entry_AlreadyInitialized(address(this));
    }

    /// @inheritdoc IDataset
    function m_datasetName() external view returns (string memory) {
        (bytes memory fields, uint256 multiaddrAt) = _parse();
        return string(fields.slice(NAME_AT, multiaddrAt));
    }

    /// @inheritdoc IDataset
    function m_datasetMultiaddr() external view returns (bytes memory) {
        (bytes memory fields, uint256 multiaddrAt) = _parse();
        return fields.slice(multiaddrAt);
    }

    /// @inheritdoc IDataset
    function m_datasetChecksum() external view returns (bytes32) {
        return bytes32(_fields());
    }

    /// @dev Inverse of `DatasetRegistry.createDataset`'s packing.
    function _parse() private view returns (bytes memory fields, uint256 multiaddrAt) {
        fields = _fields();
        multiaddrAt = NAME_AT + uint16(bytes2(fields.slice(32, 34)));
    }
}
