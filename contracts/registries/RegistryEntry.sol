// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IEntryErrors} from "../../interfaces/IEntryErrors.sol";
import {IRegistry} from "../../interfaces/IRegistry.sol";
import {IRegistryEntry} from "../../interfaces/IRegistryEntry.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";

/// @title What the implementations behind the entries share
/// @dev An entry is an ERC-1167 clone; its fields follow the clone's code (immutable arguments).
abstract contract RegistryEntry is IRegistryEntry, IEntryErrors {
    /// @inheritdoc IRegistryEntry
    address public immutable registry;
    address private immutable _implementation;

    /// @dev Deployed by the registry.
    constructor() {
        registry = msg.sender;
        _implementation = address(this);
    }

    /// @inheritdoc IRegistryEntry
    function owner() public view returns (address) {
        return IRegistry(registry).ownerOf(uint256(uint160(address(this))));
    }

    /// @inheritdoc IRegistryEntry
    function setName(address, string calldata) external virtual {
        _checkOwner();
        revert Entry_NameServiceUnsupported(address(this));
    }

    function _checkOwner() internal view {
        address owner_ = owner();
        if (msg.sender != owner_) revert Entry_CallerNotOwner(owner_, msg.sender);
    }

    function _fields() internal view returns (bytes memory) {
        if (address(this) == _implementation) revert Entry_IsImplementation(_implementation);
        return Clones.fetchCloneArgs(address(this));
    }
}
