// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AppOrder, DatasetOrder, Deal, RequestOrder, WorkerpoolOrder} from "../../interfaces/PocoTypes.sol";
import {Checked} from "./Checked.sol";
import {CodeStore} from "./CodeStore.sol";
import {put, take} from "./Cursor.sol";

/// @notice The part of a deal that running it needs. Amounts are nRLC, times are seconds.
struct DealTerms {
    uint256 appPrice;
    uint256 workerpoolPrice;
    uint256 datasetPrice;
    uint256 workerStake;
    uint256 botFirst;
    uint256 botSize;
    uint256 trust;
    uint256 startTime;
    uint256 timeref;
    uint256 schedulerRewardRatio;
    address workerpool;
    address scheduler;
    address sponsor;
    address appOwner;
    address datasetOwner;
    address callback;
    bool tee;
}

/// @title Deals as code: an immutable record of minimal width per deal, at an address derived from the deal id
/// @dev Record, after the STOP byte: flags 1 · widths 1 (amounts in the high nibble, integers in the low one) · width of
/// the tag 1 · schedulerRewardRatio 1 · startTime 5 · timeref 4 · scheduler 20 · workerpool 20 · requester 20 ·
/// app owner 20 · app 20 · deal id 32, then the amounts (app, workerpool, dataset, worker stake), the integers (botFirst,
/// botSize, trust, category), the tag, then as flagged: dataset owner and dataset, sponsor, callback, beneficiary; the
/// params fill the rest.
library Deals {
    bytes32 private constant DOMAIN = keccak256("poco.deal");
    uint256 private constant FLAG_DATASET = 1;
    uint256 private constant FLAG_SPONSOR = 2;
    uint256 private constant FLAG_CALLBACK = 4;
    uint256 private constant FLAG_BENEFICIARY = 8;
    uint256 private constant FLAG_BENEFICIARY_IS_REQUESTER = 16;
    uint256 private constant FLAG_TEE = 32;

    uint256 private constant FIXED_SIZE = 146;
    /// @dev Fixed part and the widest variable part without params: what `terms` copies.
    uint256 private constant HEAD_SIZE = FIXED_SIZE + 4 * 12 + 4 * 8 + 32 + 5 * 20;

    /// @notice Longest params in bytes, so that every record fits the code of a contract.
    uint256 internal constant MAX_PARAMS = CodeStore.MAX_CODE_SIZE - HEAD_SIZE;

    /// @notice Write the record of a deal between checked orders, paid by `sponsor`.
    /// @dev Bounds are the caller's duty: amounts 96 bits, integers 64 bits, timeref 32 bits, ratio 8 bits, params
    /// MAX_PARAMS bytes.
    function write(
        bytes32 dealid,
        AppOrder calldata a,
        DatasetOrder calldata d,
        WorkerpoolOrder calldata w,
        RequestOrder calldata r,
        Checked memory m,
        address sponsor
    ) internal {
        unchecked {
            string calldata params = r.params;
            bytes memory code = new bytes(HEAD_SIZE + bytes(params).length);
            uint256 at;
            assembly ("memory-safe") {
                at := add(code, 33) // the first byte stays STOP
            }
            at = _putHead(at, dealid, a, w, r, m, sponsor);
            if (m.datasetOwner != address(0)) {
                at = put(at, 20, uint160(m.datasetOwner));
                at = put(at, 20, uint160(d.dataset));
            }
            if (sponsor != r.requester) at = put(at, 20, uint160(sponsor));
            if (r.callback != address(0)) at = put(at, 20, uint160(r.callback));
            if (r.beneficiary != r.requester && r.beneficiary != address(0)) {
                at = put(at, 20, uint160(r.beneficiary));
            }
            assembly ("memory-safe") {
                calldatacopy(at, params.offset, params.length)
                mstore(code, sub(add(at, params.length), add(code, 32)))
            }
            CodeStore.write(CodeStore.saltOf(DOMAIN, dealid), code);
        }
    }

    /// @dev The fixed part, the amounts, the integers and the tag.
    function _putHead(
        uint256 at,
        bytes32 dealid,
        AppOrder calldata a,
        WorkerpoolOrder calldata w,
        RequestOrder calldata r,
        Checked memory m,
        address sponsor
    ) private view returns (uint256) {
        unchecked {
            uint256 amountBits = 8 * _width(a.appprice | w.workerpoolprice | m.datasetPrice | m.workerStake);
            uint256 trust = r.trust == 0 ? 1 : r.trust;
            uint256 integerBits = 8 * _width(m.botFirst | m.volume | trust | r.category);
            uint256 tagBits = 8 * _width(uint256(m.tag));
            uint256 head = (_flags(r, m, sponsor) << 24) | (amountBits << 17) | (integerBits << 13) | (tagBits << 5)
                | m.schedulerRewardRatio;
            at = put(at, 13, (head << 72) | (block.timestamp << 32) | m.timeref);
            at = put(at, 20, uint160(m.workerpoolOwner));
            at = put(at, 20, uint160(w.workerpool));
            at = put(at, 20, uint160(r.requester));
            at = put(at, 20, uint160(m.appOwner));
            at = put(at, 20, uint160(a.app));
            at = put(at, 32, uint256(dealid));
            at = put(at, amountBits >> 2, (a.appprice << amountBits) | w.workerpoolprice);
            at = put(at, amountBits >> 2, (m.datasetPrice << amountBits) | m.workerStake);
            at = put(at, integerBits >> 2, (m.botFirst << integerBits) | m.volume);
            at = put(at, integerBits >> 2, (trust << integerBits) | r.category);
            return put(at, tagBits >> 3, uint256(m.tag));
        }
    }

    function _flags(RequestOrder calldata r, Checked memory m, address sponsor) private pure returns (uint256 flags) {
        if (m.datasetOwner != address(0)) flags = FLAG_DATASET;
        if (sponsor != r.requester) flags |= FLAG_SPONSOR;
        if (r.callback != address(0)) flags |= FLAG_CALLBACK;
        if (r.beneficiary == r.requester) flags |= FLAG_BENEFICIARY_IS_REQUESTER;
        else if (r.beneficiary != address(0)) flags |= FLAG_BENEFICIARY;
        if (uint256(m.tag) & 1 != 0) flags |= FLAG_TEE;
    }

    /// @notice Where the record of a deal is, or would be.
    function storeOf(bytes32 dealid) internal view returns (address) {
        return CodeStore.addressOf(CodeStore.saltOf(DOMAIN, dealid));
    }

    /// @notice Where the tasks of a deal belong; all zeros when it does not exist.
    function placing(address store) internal view returns (address workerpool, uint256 botFirst, uint256 botSize) {
        (uint256 at, uint256 head) = _load(store);
        workerpool = address(uint160(take(at + 33, 20)));
        at += FIXED_SIZE - 1 + 4 * _amountWidth(head);
        uint256 width = _integerWidth(head);
        botFirst = take(at, width);
        botSize = take(at + width, width);
    }

    /// @notice What running the deal needs; all zeros when it does not exist.
    function terms(address store) internal view returns (DealTerms memory deal) {
        unchecked {
            (uint256 at, uint256 head) = _load(store);
            uint256 flags = head >> 24;
            deal.tee = flags & FLAG_TEE != 0;
            deal.schedulerRewardRatio = uint8(head);
            deal.startTime = take(at + 4, 5);
            deal.timeref = take(at + 9, 4);
            deal.scheduler = address(uint160(take(at + 13, 20)));
            deal.workerpool = address(uint160(take(at + 33, 20)));
            deal.sponsor = address(uint160(take(at + 53, 20)));
            deal.appOwner = address(uint160(take(at + 73, 20)));
            at += FIXED_SIZE - 1;
            uint256 width = _amountWidth(head);
            deal.appPrice = take(at, width);
            deal.workerpoolPrice = take(at + width, width);
            deal.datasetPrice = take(at + 2 * width, width);
            deal.workerStake = take(at + 3 * width, width);
            at += 4 * width;
            width = _integerWidth(head);
            deal.botFirst = take(at, width);
            deal.botSize = take(at + width, width);
            deal.trust = take(at + 2 * width, width);
            at += 4 * width + uint8(head >> 8);
            if (flags & FLAG_DATASET != 0) {
                deal.datasetOwner = address(uint160(take(at, 20)));
                at += 40;
            }
            if (flags & FLAG_SPONSOR != 0) {
                deal.sponsor = address(uint160(take(at, 20)));
                at += 20;
            }
            if (flags & FLAG_CALLBACK != 0) deal.callback = address(uint160(take(at, 20)));
        }
    }

    /// @notice The whole deal as `viewDeal` shows it, its id and the clock of its category; zeros when it does not exist.
    function full(address store) internal view returns (Deal memory deal, bytes32 dealid, uint256 timeref) {
        bytes memory code = store.code;
        if (code.length == 0) return (deal, dealid, timeref);
        uint256 at;
        uint256 end;
        assembly ("memory-safe") {
            at := add(code, 33)
            end := add(add(code, 32), mload(code))
        }
        DealTerms memory terms_ = terms(store);
        uint256 head = take(at, 4);
        uint256 flags = head >> 24;
        timeref = terms_.timeref;
        deal.workerpool.owner = terms_.scheduler;
        deal.workerpool.pointer = terms_.workerpool;
        deal.requester = address(uint160(take(at + 53, 20)));
        deal.app.owner = terms_.appOwner;
        deal.app.pointer = address(uint160(take(at + 93, 20)));
        dealid = bytes32(take(at + 113, 32));
        deal.app.price = terms_.appPrice;
        deal.workerpool.price = terms_.workerpoolPrice;
        deal.dataset.price = terms_.datasetPrice;
        deal.workerStake = terms_.workerStake;
        deal.botFirst = terms_.botFirst;
        deal.botSize = terms_.botSize;
        deal.trust = terms_.trust;
        deal.startTime = terms_.startTime;
        deal.schedulerRewardRatio = terms_.schedulerRewardRatio;
        deal.sponsor = terms_.sponsor;
        deal.callback = terms_.callback;
        uint256 width = _integerWidth(head);
        at += FIXED_SIZE - 1 + 4 * _amountWidth(head);
        deal.category = take(at + 3 * width, width);
        at += 4 * width;
        width = uint8(head >> 8);
        deal.tag = bytes32(take(at, width));
        at += width;
        if (flags & FLAG_DATASET != 0) {
            deal.dataset.owner = terms_.datasetOwner;
            deal.dataset.pointer = address(uint160(take(at + 20, 20)));
            at += 40;
        }
        if (flags & FLAG_SPONSOR != 0) at += 20;
        if (flags & FLAG_CALLBACK != 0) at += 20;
        if (flags & FLAG_BENEFICIARY_IS_REQUESTER != 0) {
            deal.beneficiary = deal.requester;
        } else if (flags & FLAG_BENEFICIARY != 0) {
            deal.beneficiary = address(uint160(take(at, 20)));
            at += 20;
        }
        bytes memory params = new bytes(end - at);
        assembly ("memory-safe") {
            mcopy(add(params, 32), at, mload(params))
        }
        deal.params = string(params);
    }

    /// @dev Copy the head of a record, padded with zeros, into fresh memory.
    function _load(address store) private view returns (uint256 at, uint256 head) {
        assembly ("memory-safe") {
            at := mload(0x40)
            mstore(0x40, add(at, 0x180))
            extcodecopy(store, at, 1, 0x180)
            head := shr(224, mload(at))
        }
    }

    function _amountWidth(uint256 head) private pure returns (uint256) {
        return (head >> 20) & 15;
    }

    function _integerWidth(uint256 head) private pure returns (uint256) {
        return (head >> 16) & 15;
    }

    /// @dev Number of bytes that hold `value`.
    function _width(uint256 value) private pure returns (uint256 width) {
        unchecked {
            if (value >> 128 != 0) (value, width) = (value >> 128, 16);
            if (value >> 64 != 0) (value, width) = (value >> 64, width + 8);
            if (value >> 32 != 0) (value, width) = (value >> 32, width + 4);
            if (value >> 16 != 0) (value, width) = (value >> 16, width + 2);
            if (value >> 8 != 0) (value, width) = (value >> 8, width + 1);
            if (value != 0) ++width;
        }
    }
}
