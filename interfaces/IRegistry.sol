// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC721Enumerable} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Enumerable.sol";

/// @title A registry: it makes entries, and each entry is an ERC-721 token
/// @notice The token id is the address of the entry as a number; whoever holds the token owns the entry.
/// @dev Spec contracts §6.1. An entry's address is CREATE2(registry, salt, `proxyCodeHash()`) with
/// salt = keccak256(call data of the entry's `initialize` ‖ owner, 20 bytes): the same fields and owner give the same
/// address, once.
interface IRegistry is IERC721Enumerable {
    /// @notice These fields are already registered for this owner, as `entry`.
    error Registry_EntryExists(address entry);
    /// @notice The entry could not be created: the transaction carries too little gas.
    error Registry_CreationFailed(address entry);
    /// @notice The code of an entry cannot hold fields of this length; bytes.
    error Registry_FieldsTooLong(uint256 limit, uint256 length);
    /// @notice The previous registry is set once; it is `previous`.
    error Registry_AlreadyInitialized(address previous);
    /// @notice There is no name service on this chain.
    error Registry_NameServiceUnsupported();
    /// @notice A registry takes no money; `value` is in wei.
    error Registry_ValueRefused(uint256 value);
    /// @notice The list has no such index. `owner` is zero for the list of all entries.
    error ERC721OutOfBoundsIndex(address owner, uint256 index);

    /// @notice Whether `entry` was made here or by a registry before this one.
    function isRegistered(address entry) external view returns (bool);

    /// @notice The owner of `entry` if `isRegistered`, else zero. Never reverts.
    /// @dev One slot for an entry made here; an earlier one is asked itself.
    function registeredOwner(address entry) external view returns (address owner);

    /// @notice The contract that the entries delegate to.
    function master() external view returns (address);

    /// @notice The init code of every entry.
    function proxyCode() external view returns (bytes memory);

    /// @notice keccak256 of `proxyCode()`.
    function proxyCodeHash() external view returns (bytes32);

    /// @notice The registry before this one, or zero.
    function previous() external view returns (address);

    /// @notice Whether `initialize` was called: from then on `previous` is final.
    function initialized() external view returns (bool);

    /// @notice Set the previous registry, once. Only the owner of the registry.
    /// @param previous_ zero if there is none.
    function initialize(address previous_) external;

    /// @notice What `tokenURI` puts before the decimal token id.
    function baseURI() external view returns (string memory);

    /// @notice Set the base URI. Only the owner of the registry.
    function setBaseURI(string calldata baseURI_) external;

    /// @notice Always reverts: strangers are told so first.
    function setName(address nameService, string calldata name) external;
}
