// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRegistry} from "../../interfaces/IRegistry.sol";
import {IRegistryEntry} from "../../interfaces/IRegistryEntry.sol";
import {CodeStore} from "../libraries/CodeStore.sol";
import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {IERC721, IERC721Enumerable} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Enumerable.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

/// @title What the three registries share: entries as code, tokens and their lists in packed slots
/// @dev Rules, approvals and errors are OpenZeppelin's; `_ownerOf`, `balanceOf` and `_update` replace its storage. Creating
/// an entry writes three slots (token, list of all, list of the owner) and a counter.
/// Forty bits count entries: at 130,000 gas each, 2^40 of them would take more gas than a chain has.
abstract contract Registry is IRegistry, ERC721, Ownable2Step {
    struct Token {
        address owner;
        /// Position in `_entries`.
        uint40 index;
        /// Position in the owner's list, from zero.
        uint40 ownerIndex;
        /// For the registry at hand; zero at creation.
        uint16 extra;
    }

    /// @dev The two parts of an ERC-1167 clone, around the address of the implementation.
    bytes10 private constant CLONE_HEAD = 0x363d3d373d3d3d363d73;
    bytes15 private constant CLONE_TAIL = 0x5af43d82803e903d91602b57fd5bf3;
    uint256 private constant CLONE_SIZE = 45;
    /// @dev Longest fields of an entry, in bytes.
    uint256 private constant MAX_FIELDS = CodeStore.MAX_CODE_SIZE - CLONE_SIZE;

    /// @inheritdoc IRegistry
    address public immutable master;
    /// @inheritdoc IRegistry
    address public previous;
    /// @inheritdoc IRegistry
    bool public initialized;
    /// @inheritdoc IRegistry
    string public baseURI;

    /// @dev Starts with an element that is no entry, so that the first creation finds the counter written.
    address[] private _entries;
    mapping(uint256 tokenId => Token token) private _tokens;
    /// @dev Element 0 is the balance, the positions of the owner's tokens in `_entries` follow: six elements a slot.
    mapping(address owner => uint40[1 << 40] list) private _owned;

    /// @param initialOwner may set base URI and previous registry.
    constructor(string memory name_, string memory symbol_, address master_, address initialOwner)
        ERC721(name_, symbol_)
        Ownable(initialOwner)
    {
        master = master_;
        _entries.push();
    }

    /// @notice Hand the fields to the entry that is being created; refuse everything else.
    receive() external payable {
        CodeStore.serve();
        revert Registry_ValueRefused(msg.value);
    }

    /* REGISTRY */

    /// @inheritdoc IRegistry
    function isRegistered(address entry) external view returns (bool) {
        return _ownerOf(_id(entry)) != address(0) || _isInPrevious(entry);
    }

    /// @inheritdoc IRegistry
    function registeredOwner(address entry) external view returns (address owner_) {
        owner_ = _ownerOf(_id(entry));
        if (owner_ == address(0)) owner_ = _previousOwnerOf(entry);
    }

    /// @inheritdoc IRegistry
    function proxyCode() external view virtual returns (bytes memory) {
        return abi.encodePacked(CodeStore.INIT_CODE);
    }

    /// @inheritdoc IRegistry
    function proxyCodeHash() external view virtual returns (bytes32) {
        return CodeStore.INIT_CODE_HASH;
    }

    /* ADMINISTRATION */

    /// @inheritdoc IRegistry
    function initialize(address previous_) external onlyOwner {
        if (initialized) revert Registry_AlreadyInitialized(previous);
        (previous, initialized) = (previous_, true);
    }

    /// @inheritdoc IRegistry
    function setBaseURI(string calldata baseURI_) external onlyOwner {
        baseURI = baseURI_;
    }

    /// @inheritdoc IRegistry
    function setName(address, string calldata) external virtual onlyOwner {
        revert Registry_NameServiceUnsupported();
    }

    /// @notice Offer the registry to `newOwner`, who takes it with `acceptOwnership`.
    function transferOwnership(address newOwner) public override onlyOwner {
        if (newOwner == address(0)) revert OwnableInvalidOwner(newOwner);
        super.transferOwnership(newOwner);
    }

    /* ERC-721 */

    /// @inheritdoc IERC721
    function balanceOf(address owner_) public view override(ERC721, IERC721) returns (uint256) {
        if (owner_ == address(0)) revert ERC721InvalidOwner(owner_);
        return _owned[owner_][0];
    }

    /// @inheritdoc IERC721Enumerable
    function totalSupply() public view returns (uint256) {
        return _entries.length - 1;
    }

    /// @inheritdoc IERC721Enumerable
    function tokenByIndex(uint256 index) external view returns (uint256) {
        if (index >= totalSupply()) revert ERC721OutOfBoundsIndex(address(0), index);
        return _id(_entries[index + 1]);
    }

    /// @inheritdoc IERC721Enumerable
    function tokenOfOwnerByIndex(address owner_, uint256 index) external view returns (uint256) {
        if (index >= balanceOf(owner_)) revert ERC721OutOfBoundsIndex(owner_, index);
        return _id(_entries[_owned[owner_][index + 1]]);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override(ERC721, IERC165) returns (bool) {
        return interfaceId == type(IERC721Enumerable).interfaceId || super.supportsInterface(interfaceId);
    }

    /* CREATION, for the registry at hand */

    /// @param initializer call data of the entry's `initialize`; with the owner it makes the salt.
    /// @param fields what the entry's code carries after the clone; bytes.
    function _create(address owner_, bytes memory initializer, bytes memory fields) internal returns (address entry) {
        if (fields.length > MAX_FIELDS) revert Registry_FieldsTooLong(MAX_FIELDS, fields.length);
        bytes32 salt = _salt(owner_, initializer);
        entry = CodeStore.addressOf(salt);
        // Asked first, because a CREATE2 at a taken address burns the gas it is given.
        if (_ownerOf(_id(entry)) != address(0)) revert Registry_EntryExists(entry);
        _mint(owner_, _id(entry));
        if (CodeStore.tryWrite(salt, abi.encodePacked(CLONE_HEAD, master, CLONE_TAIL, fields)) == address(0)) {
            revert Registry_CreationFailed(entry);
        }
    }

    function _predict(address owner_, bytes memory initializer) internal view returns (address) {
        return CodeStore.addressOf(_salt(owner_, initializer));
    }

    function _salt(address owner_, bytes memory initializer) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(initializer, owner_));
    }

    /* TOKENS */

    function _id(address entry) internal pure returns (uint256) {
        return uint256(uint160(entry));
    }

    function _token(address entry) internal view returns (Token memory) {
        return _tokens[_id(entry)];
    }

    function _setExtra(address entry, uint16 extra) internal {
        _tokens[_id(entry)].extra = extra;
    }

    function _baseURI() internal view override returns (string memory) {
        return baseURI;
    }

    function _ownerOf(uint256 tokenId) internal view override returns (address) {
        return _tokens[tokenId].owner;
    }

    /// @dev Minting and transfer; nothing burns. The lists keep OpenZeppelin's order: the last element fills a gap.
    function _update(address to, uint256 tokenId, address auth) internal override returns (address from) {
        Token memory token = _tokens[tokenId];
        from = token.owner;
        if (auth != address(0)) _checkAuthorized(from, auth, tokenId);
        if (from == address(0)) {
            token.index = uint40(_entries.length);
            _entries.push(address(uint160(tokenId)));
        } else {
            _approve(address(0), tokenId, address(0), false);
        }
        if (from != to) {
            if (from != address(0)) _removeOwned(from, token.ownerIndex);
            token.owner = to;
            token.ownerIndex = _addOwned(to, token.index);
            _tokens[tokenId] = token;
        }
        emit Transfer(from, to, tokenId);
    }

    function _addOwned(address owner_, uint40 entryIndex) private returns (uint40 ownerIndex) {
        uint40[1 << 40] storage list = _owned[owner_];
        ownerIndex = list[0];
        list[0] = ownerIndex + 1;
        list[ownerIndex + 1] = entryIndex;
    }

    function _removeOwned(address owner_, uint40 ownerIndex) private {
        uint40[1 << 40] storage list = _owned[owner_];
        uint40 last = list[0];
        uint40 moved = list[last];
        if (ownerIndex + 1 != last) {
            list[ownerIndex + 1] = moved;
            _tokens[_id(_entries[moved])].ownerIndex = ownerIndex;
        }
        list[last] = 0;
        list[0] = last - 1;
    }

    /* THE REGISTRY BEFORE THIS ONE */

    function _isInPrevious(address entry) private view returns (bool) {
        address previous_ = previous;
        if (previous_ == address(0)) return false;
        (bool read, uint256 known) = _read(previous_, abi.encodeCall(IRegistry.isRegistered, (entry)));
        return read && known == 1;
    }

    function _previousOwnerOf(address entry) internal view returns (address) {
        if (!_isInPrevious(entry)) return address(0);
        (bool read, uint256 owner_) = _read(entry, abi.encodeCall(IRegistryEntry.owner, ()));
        return read && owner_ <= type(uint160).max ? address(uint160(owner_)) : address(0);
    }

    /// @dev One word from a contract that may be of any kind: a revert or a short answer is not a read.
    function _read(address target, bytes memory data) internal view returns (bool read, uint256 word) {
        // A high-level call would revert with the callee, and copy as much as it returns.
        assembly ("memory-safe") {
            read := staticcall(gas(), target, add(data, 32), mload(data), 0, 32)
            read := and(read, gt(returndatasize(), 31))
            if read { word := mload(0) }
        }
    }
}
