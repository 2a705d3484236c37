// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {IPocoErrors} from "../../interfaces/IPocoErrors.sol";
import {IPocoEvents} from "../../interfaces/IPocoEvents.sol";
import {AccountWord, LedgerWord} from "../libraries/Accounts.sol";
import {Deals} from "../libraries/Deals.sol";
import {ContributionWord, TaskWord} from "../libraries/Tasks.sol";

/// @notice What a hub is made of, fixed for ever at construction.
/// @param token the base token; zero in native mode.
struct HubConfig {
    address token;
    address appRegistry;
    address datasetRegistry;
    address workerpoolRegistry;
}

/// @title The state that the two code parts of the hub share, and the constants of the protocol (spec contracts §5)
/// @dev Both parts inherit this contract first and declare no state of their own; a test compares their layouts.
abstract contract HubStorage is Ownable2Step, IPocoErrors, IPocoEvents {
    /* CONSTANTS */

    uint256 internal constant CONTRIBUTION_DEADLINE_RATIO = 7;
    uint256 internal constant REVEAL_DEADLINE_RATIO = 2;
    uint256 internal constant FINAL_DEADLINE_RATIO = 10;
    uint256 internal constant WORKERPOOL_STAKE_RATIO = 30;
    uint256 internal constant KITTY_RATIO = 10;
    uint256 internal constant KITTY_MIN = 1e9;
    address internal constant KITTY = 0x99c2268479b93fDe36232351229815DF80837e23;
    uint256 internal constant INITIAL_CALLBACK_GAS = 200_000;
    /// @dev No owner can make callback tasks impossible to finalize (spec W10).
    uint256 internal constant MAX_CALLBACK_GAS = 1_000_000;
    /// @dev About 8.5 years; deadlines of a task stay within 32 bits (spec W13).
    uint256 internal constant MAX_CLOCK = 2 ** 28 - 1;

    /* IMMUTABLES */

    address internal immutable BASE_TOKEN;
    address internal immutable APP_REGISTRY;
    address internal immutable DATASET_REGISTRY;
    address internal immutable WORKERPOOL_REGISTRY;

    /* STORAGE */

    LedgerWord internal _ledger;
    uint256 internal _totalSupply;
    uint256 internal _categoryCount;
    address internal _teeBroker;

    mapping(address account => AccountWord) internal _accounts;
    mapping(address owner => mapping(address spender => uint256)) internal _allowances;

    /// @dev By order hash: presigner 160 · consumed volume 96 (all ones: fully consumed). A request order that was
    /// matched once keeps nothing here: its first deal is the record (see `_requestConsumed`).
    mapping(bytes32 orderHash => uint256) internal _orders;

    /// @dev Clock of a category in seconds plus one; zero when there is no such category.
    mapping(uint256 category => uint256) internal _clocks;
    mapping(uint256 category => string[2]) internal _categoryTexts;

    mapping(bytes32 taskid => TaskWord) internal _tasks;
    mapping(bytes32 taskid => uint256) internal _widePositions;
    mapping(bytes32 taskid => ContributionWord[256]) internal _contributions;
    /// @dev By group: the result hash, or the digest in the winning group once it is revealed.
    mapping(bytes32 taskid => bytes32[256]) internal _groups;
    /// @dev The seal of a contribution that is not revealed, its low 16 bits replaced by the contribution's number
    /// plus one.
    mapping(bytes32 taskid => mapping(address worker => uint256)) internal _seals;
    mapping(bytes32 taskid => mapping(address worker => address)) internal _enclaves;
    /// @dev Results of up to 31 bytes without callback data, low byte: length; longer ones are in the code store.
    mapping(bytes32 taskid => uint256) internal _shortResults;

    constructor(HubConfig memory config, address owner_) Ownable(owner_) {
        BASE_TOKEN = config.token;
        APP_REGISTRY = config.appRegistry;
        DATASET_REGISTRY = config.datasetRegistry;
        WORKERPOOL_REGISTRY = config.workerpoolRegistry;
    }

    function _checkOwner() internal view override {
        if (msg.sender != owner()) revert NotContractOwner(msg.sender, owner());
    }

    /* ORDERS */

    /// @dev Volume taken from an order that is not a request, as a word of `_orders` tells it.
    function _consumed(uint256 orderWord) internal pure returns (uint256) {
        uint256 consumed = orderWord >> 160;
        return consumed == type(uint96).max ? type(uint256).max : consumed;
    }

    /// @dev Volume taken from a request order. The first deal of a request (consumed 0) writes no counter: the deal
    /// itself, at the address derived from its id, shows that it happened and how much it took.
    function _requestConsumed(bytes32 requestHash, uint256 orderWord) internal view returns (uint256 consumed) {
        consumed = _consumed(orderWord);
        if (consumed == 0) (,, consumed) = Deals.placing(Deals.storeOf(_dealId(requestHash, 0)));
    }

    /// @dev The word of an order after `volume` more is taken; `consumed` is what was taken before.
    function _consume(uint256 orderWord, uint256 consumed, uint256 volume) internal pure returns (uint256) {
        uint256 total = consumed + volume;
        if (total >= type(uint96).max) revert Match_IndexTooLarge(type(uint96).max - 1, total);
        return uint256(uint160(orderWord)) | (total << 160);
    }

    /* IDENTITIES: spec contracts §3.6, §4.1 */

    function _dealId(bytes32 requestHash, uint256 consumed) internal pure returns (bytes32) {
        return _hash2(requestHash, bytes32(consumed));
    }

    function _taskId(bytes32 dealid, uint256 idx) internal pure returns (bytes32) {
        return _hash2(dealid, bytes32(idx));
    }

    /// @dev The value of a group; the slot of a revealed winner holds the digest it is the hash of.
    function _groupValue(TaskWord task, bytes32 taskid, uint256 group) internal view returns (bytes32 value) {
        value = _groups[taskid][group];
        if (task.revealed() && group + 1 == task.winner()) value = _hash2(taskid, value);
    }

    function _seal(address worker, bytes32 taskid, bytes32 digest) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(worker, taskid, digest));
    }

    /// @dev keccak256 of two words, from scratch memory.
    function _hash2(bytes32 first, bytes32 second) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            mstore(0x00, first)
            mstore(0x20, second)
            hash := keccak256(0x00, 0x40)
        }
    }
}
