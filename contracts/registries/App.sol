// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IApp} from "../../interfaces/IApp.sol";
import {RegistryEntry} from "./RegistryEntry.sol";
import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";

/// @title Implementation behind the entries of the app registry
/// @dev Fields: checksum 32 · lengths of name, type, multiaddr 2 each · name · type · multiaddr · mrenclave.
contract App is IApp, RegistryEntry {
    using Bytes for bytes;

    uint256 private constant NAME_AT = 38;

    /// @inheritdoc IApp
    function initialize(string calldata, string calldata, bytes calldata, bytes32, bytes calldata) external virtual {
        revert Entry_AlreadyInitialized(address(this));
    }

    /// @inheritdoc IApp
    function m_appName() external view returns (string memory) {
        (bytes memory fields, uint256 typeAt,,) = _parse();
        return string(fields.slice(NAME_AT, typeAt));
    }

    /// @inheritdoc IApp
    function m_appType() external view returns (string memory) {
        (bytes memory fields, uint256 typeAt, uint256 multiaddrAt,) = _parse();
        return string(fields.slice(typeAt, multiaddrAt));
    }

    /// @inheritdoc IApp
    function m_appMultiaddr() external view returns (bytes memory) {
        (bytes memory fields,, uint256 multiaddrAt, uint256 mrenclaveAt) = _parse();
        return fields.slice(multiaddrAt, mrenclaveAt);
    }

    /// @inheritdoc IApp
    function m_appChecksum() external view returns (bytes32) {
        return bytes32(_fields());
    }

    /// @inheritdoc IApp
    function m_appMREnclave() external view returns (bytes memory) {
        (bytes memory fields,,, uint256 mrenclaveAt) = _parse();
        return fields.slice(mrenclaveAt);
    }

    /// @dev Inverse of `AppRegistry.createApp`'s packing.
    function _parse()
        private
        view
        returns (bytes memory fields, uint256 typeAt, uint256 multiaddrAt, uint256 mrenclaveAt)
    {
        fields = _fields();
        typeAt = NAME_AT + uint16(bytes2(fields.slice(32, 34)));
        multiaddrAt = typeAt + uint16(bytes2(fields.slice(34, 36)));
        mrenclaveAt = multiaddrAt + uint16(bytes2(fields.slice(36, 38)));
    }
}
