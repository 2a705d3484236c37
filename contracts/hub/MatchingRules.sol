// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRegistry} from "../../interfaces/IRegistry.sol";
import {IWorkerpoolRegistry} from "../../interfaces/IWorkerpoolRegistry.sol";
import {AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder} from "../../interfaces/PocoTypes.sol";
import {Checked} from "../libraries/Checked.sol";
import {OrderHash} from "../libraries/OrderHash.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Escrow} from "./Escrow.sol";

/// @title The rules under which four orders match (spec contracts §3.1 to §3.5), for classic and Boost deals
abstract contract MatchingRules is Escrow {
    /// @dev Tag bit 0: a TEE is required. Bits 1 to 3 name its framework.
    uint256 internal constant TEE_BIT = 1;
    bytes32 internal constant NO_FRAMEWORK_MASK = bytes32(~uint256(0x0e));

    /// @dev Check everything, in the order of spec §3.2; A Boost deal bounds the trust itself and keeps the framework
    /// bits of the dataset's tag (spec §7.3).
    function _check(
        AppOrder calldata a,
        DatasetOrder calldata d,
        WorkerpoolOrder calldata w,
        RequestOrder calldata r,
        bool boost
    ) internal view returns (Checked memory m) {
        m.timeref = _checkTerms(a, d, w, r, boost);
        m.tag = _checkTag(a, d, w, r, boost);
        _checkParties(a, d, w, r);
        _checkSignatures(a, d, w, r, m);
        m.volume = _checkVolume(a, d, w, r, m);
    }

    /// @return timeref the clock of the category, in seconds.
    function _checkTerms(
        AppOrder calldata a,
        DatasetOrder calldata d,
        WorkerpoolOrder calldata w,
        RequestOrder calldata r,
        bool boost
    ) private view returns (uint256 timeref) {
        if (r.category != w.category) revert Match_CategoryMismatch(r.category, w.category);
        timeref = _clocks[r.category];
        if (timeref == 0) revert Match_UnknownCategory(_categoryCount, r.category);
        unchecked {
            --timeref;
        }
        if (!boost && r.trust > w.trust) revert Match_TrustTooLow(r.trust, w.trust);
        if (a.appprice > r.appmaxprice) revert Match_AppPriceTooHigh(r.appmaxprice, a.appprice);
        if (d.dataset != address(0) && d.datasetprice > r.datasetmaxprice) {
            revert Match_DatasetPriceTooHigh(r.datasetmaxprice, d.datasetprice);
        }
        if (w.workerpoolprice > r.workerpoolmaxprice) {
            revert Match_WorkerpoolPriceTooHigh(r.workerpoolmaxprice, w.workerpoolprice);
        }
    }

    function _checkTag(
        AppOrder calldata a,
        DatasetOrder calldata d,
        WorkerpoolOrder calldata w,
        RequestOrder calldata r,
        bool boost
    ) private pure returns (bytes32 tag) {
        tag = a.tag | r.tag;
        if (d.dataset != address(0)) tag |= boost ? d.tag : d.tag & NO_FRAMEWORK_MASK;
        if (tag & ~w.tag != 0) revert Match_TagNotOffered(tag, w.tag);
        if (uint256(tag ^ a.tag) & TEE_BIT != 0) revert Match_AppNotTee(tag, a.tag);
    }

    function _checkParties(
        AppOrder calldata a,
        DatasetOrder calldata d,
        WorkerpoolOrder calldata w,
        RequestOrder calldata r
    ) private view {
        if (r.app != a.app) revert Match_AppMismatch(r.app, a.app);
        if (r.dataset != d.dataset) revert Match_DatasetMismatch(r.dataset, d.dataset);
        if (!_isRestricted(a, d, w, r)) return;
        if (!Signatures.isAllowed(r.workerpool, w.workerpool)) {
            revert Match_RequestRestrictsWorkerpool(r.workerpool, w.workerpool);
        }
        if (!Signatures.isAllowed(a.datasetrestrict, d.dataset)) {
            revert Match_AppRestrictsDataset(a.datasetrestrict, d.dataset);
        }
        if (!Signatures.isAllowed(a.workerpoolrestrict, w.workerpool)) {
            revert Match_AppRestrictsWorkerpool(a.workerpoolrestrict, w.workerpool);
        }
        if (!Signatures.isAllowed(a.requesterrestrict, r.requester)) {
            revert Match_AppRestrictsRequester(a.requesterrestrict, r.requester);
        }
        if (d.dataset != address(0)) {
            if (!Signatures.isAllowed(d.apprestrict, a.app)) {
                revert Match_DatasetRestrictsApp(d.apprestrict, a.app);
            }
            if (!Signatures.isAllowed(d.workerpoolrestrict, w.workerpool)) {
                revert Match_DatasetRestrictsWorkerpool(d.workerpoolrestrict, w.workerpool);
            }
            if (!Signatures.isAllowed(d.requesterrestrict, r.requester)) {
                revert Match_DatasetRestrictsRequester(d.requesterrestrict, r.requester);
            }
        }
        if (!Signatures.isAllowed(w.apprestrict, a.app)) {
            revert Match_WorkerpoolRestrictsApp(w.apprestrict, a.app);
        }
        if (!Signatures.isAllowed(w.datasetrestrict, d.dataset)) {
            revert Match_WorkerpoolRestrictsDataset(w.datasetrestrict, d.dataset);
        }
        if (!Signatures.isAllowed(w.requesterrestrict, r.requester)) {
            revert Match_WorkerpoolRestrictsRequester(w.requesterrestrict, r.requester);
        }
    }

    /// @dev Registration and signature of each order. A presignature is looked up first, `sign` is then ignored.
    function _checkSignatures(
        AppOrder calldata a,
        DatasetOrder calldata d,
        WorkerpoolOrder calldata w,
        RequestOrder calldata r,
        Checked memory m
    ) private view {
        bytes32 domain = OrderHash.domainSeparator();
        bytes32 hash = OrderHash.typedDataHash(domain, OrderHash.structHash(a));
        uint256 word = _orders[hash];
        address owner_ = IRegistry(APP_REGISTRY).registeredOwner(a.app);
        if (owner_ == address(0)) revert Match_AppNotRegistered(APP_REGISTRY, a.app);
        if (!_isSigned(owner_, word, hash, a.sign)) revert Match_AppSignatureInvalid(owner_, hash);
        (m.appHash, m.appWord, m.appOwner) = (hash, word, owner_);

        if (d.dataset != address(0)) {
            hash = OrderHash.typedDataHash(domain, OrderHash.structHash(d));
            word = _orders[hash];
            owner_ = IRegistry(DATASET_REGISTRY).registeredOwner(d.dataset);
            if (owner_ == address(0)) revert Match_DatasetNotRegistered(DATASET_REGISTRY, d.dataset);
            if (!_isSigned(owner_, word, hash, d.sign)) revert Match_DatasetSignatureInvalid(owner_, hash);
            (m.datasetHash, m.datasetWord, m.datasetOwner) = (hash, word, owner_);
            m.datasetPrice = d.datasetprice;
        }

        hash = OrderHash.typedDataHash(domain, OrderHash.structHash(w));
        word = _orders[hash];
        (owner_, m.workerStakeRatio, m.schedulerRewardRatio) =
            IWorkerpoolRegistry(WORKERPOOL_REGISTRY).registeredWorkerpool(w.workerpool);
        if (owner_ == address(0)) revert Match_WorkerpoolNotRegistered(WORKERPOOL_REGISTRY, w.workerpool);
        if (!_isSigned(owner_, word, hash, w.sign)) revert Match_WorkerpoolSignatureInvalid(owner_, hash);
        (m.workerpoolHash, m.workerpoolWord, m.workerpoolOwner) = (hash, word, owner_);

        hash = OrderHash.typedDataHash(domain, OrderHash.structHash(r));
        word = _orders[hash];
        if (!_isSigned(r.requester, word, hash, r.sign)) revert Match_RequestSignatureInvalid(r.requester, hash);
        (m.requestHash, m.requestWord) = (hash, word);
    }

    /// @return volume what every order has left; sets `botFirst`.
    function _checkVolume(
        AppOrder calldata a,
        DatasetOrder calldata d,
        WorkerpoolOrder calldata w,
        RequestOrder calldata r,
        Checked memory m
    ) private view returns (uint256 volume) {
        volume = _left(a.volume, _consumed(m.appWord), m.appHash);
        if (d.dataset != address(0)) {
            volume = _min(volume, _left(d.volume, _consumed(m.datasetWord), m.datasetHash));
        }
        volume = _min(volume, _left(w.volume, _consumed(m.workerpoolWord), m.workerpoolHash));
        m.botFirst = _requestConsumed(m.requestHash, m.requestWord);
        volume = _min(volume, _left(r.volume, m.botFirst, m.requestHash));
    }

    function _left(uint256 volume, uint256 consumed, bytes32 orderHash) private pure returns (uint256) {
        if (consumed >= volume) revert Match_OrderConsumed(orderHash, volume, consumed);
        unchecked {
            return volume - consumed;
        }
    }

    /// @dev Whether any order names a restriction, except a request that names the very pool. Most do not: one look at
    /// ten words, in assembly, instead of ten checks saves 3,000 gas. The offsets are those of the members.
    function _isRestricted(
        AppOrder calldata a,
        DatasetOrder calldata d,
        WorkerpoolOrder calldata w,
        RequestOrder calldata r
    ) private pure returns (bool restricted) {
        assembly ("memory-safe") {
            let named := calldataload(add(r, 128))
            let words := mul(named, iszero(eq(named, calldataload(w))))
            for { let offset := 128 } lt(offset, 224) { offset := add(offset, 32) } {
                words := or(words, or(calldataload(add(a, offset)), calldataload(add(d, offset))))
                words := or(words, calldataload(add(add(w, offset), 64)))
            }
            restricted := iszero(iszero(words))
        }
    }

    function _min(uint256 x, uint256 y) internal pure returns (uint256) {
        return x < y ? x : y;
    }

    /// @dev `word` is that of the order: its low 160 bits are the account that presigned it.
    function _isSigned(address account, uint256 word, bytes32 hash, bytes calldata sign) internal view returns (bool) {
        if (account != address(0) && address(uint160(word)) == account) return true;
        return Signatures.isValid(account, hash, sign);
    }
}
