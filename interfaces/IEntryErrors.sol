// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title What an app, dataset or workerpool refuses
/// @dev An entry's fields are part of its code: they can never change. Spec contracts §6.3.
interface IEntryErrors {
    /// @notice Only the owner of the entry may do this.
    error Entry_CallerNotOwner(address owner, address caller);
    /// @notice An entry is complete when it is created: `initialize` only names the fields.
    error Entry_AlreadyInitialized(address entry);
    /// @notice The implementation behind all entries of a registry has no fields of its own.
    error Entry_IsImplementation(address implementation);
    /// @notice There is no name service on this chain.
    error Entry_NameServiceUnsupported(address entry);
}
