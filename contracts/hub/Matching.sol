// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder} from "../../interfaces/PocoTypes.sol";
import {LedgerWord} from "../libraries/Accounts.sol";
import {Checked} from "../libraries/Checked.sol";
import {Deals} from "../libraries/Deals.sol";
import {MatchingRules} from "./MatchingRules.sol";

/// @title Classic deals (spec contracts §3)
abstract contract Matching is MatchingRules {
    function matchOrders(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder
    ) external returns (bytes32) {
        return _match(apporder, datasetorder, workerpoolorder, requestorder, requestorder.requester);
    }

    function sponsorMatchOrders(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder
    ) external returns (bytes32 dealid) {
        dealid = _match(apporder, datasetorder, workerpoolorder, requestorder, msg.sender);
        emit DealSponsored(dealid, msg.sender);
    }

    function _match(
        AppOrder calldata a,
        DatasetOrder calldata d,
        WorkerpoolOrder calldata w,
        RequestOrder calldata r,
        address sponsor
    ) private returns (bytes32 dealid) {
        Checked memory m = _check(a, d, w, r, false);
        _checkLimits(a, w, r, m);
        dealid = _dealId(m.requestHash, m.botFirst);

        _orders[m.appHash] = _consume(m.appWord, m.appWord >> 160, m.volume);
        if (m.datasetOwner != address(0)) {
            _orders[m.datasetHash] = _consume(m.datasetWord, m.datasetWord >> 160, m.volume);
        }
        _orders[m.workerpoolHash] = _consume(m.workerpoolWord, m.workerpoolWord >> 160, m.volume);
        // The first deal of a request is its own record.
        if (m.botFirst != 0) _orders[m.requestHash] = _consume(m.requestWord, m.botFirst, m.volume);
        Deals.write(dealid, a, d, w, r, m, sponsor);

        LedgerWord ledger = _ledger;
        unchecked {
            // prices have 96 bits, the volume 64
            uint256 price = a.appprice + m.datasetPrice + w.workerpoolprice;
            LedgerWord after_ = _lock(ledger, sponsor, price * m.volume);
            after_ = _lock(after_, m.workerpoolOwner, _schedulerStake(w.workerpoolprice) * m.volume);
            _store(ledger, after_);
        }
        emit SchedulerNotice(w.workerpool, dealid);
        emit OrdersMatched(dealid, m.appHash, m.datasetHash, m.workerpoolHash, m.requestHash, m.volume);
    }

    /// @dev Checked orders are within the limits of a deal's record; sets the worker stake.
    function _checkLimits(AppOrder calldata a, WorkerpoolOrder calldata w, RequestOrder calldata r, Checked memory m)
        private
        pure
    {
        unchecked {
            uint256 end = m.botFirst + m.volume;
            if (end > type(uint64).max || end < m.volume) {
                revert Match_IndexTooLarge(type(uint64).max, m.volume > type(uint64).max ? m.volume : end);
            }
        }
        if (r.trust > type(uint64).max) revert Match_TrustTooLarge(type(uint64).max, r.trust);
        _amount(a.appprice);
        _amount(m.datasetPrice);
        _amount(w.workerpoolprice);
        m.workerStake = w.workerpoolprice * m.workerStakeRatio / 100;
        _amount(m.workerStake);
        if (bytes(r.params).length > Deals.MAX_PARAMS) {
            revert Match_ParamsTooLong(Deals.MAX_PARAMS, bytes(r.params).length);
        }
        if (m.schedulerRewardRatio > 100) revert Match_RewardRatioTooHigh(100, m.schedulerRewardRatio);
    }
}
