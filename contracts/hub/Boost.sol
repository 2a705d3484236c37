// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {
    AppOrder,
    DatasetOrder,
    DealBoost,
    RequestOrder,
    TaskStatusEnum,
    WorkerpoolOrder
} from "../../interfaces/PocoTypes.sol";
import {LedgerWord} from "../libraries/Accounts.sol";
import {BoostDeals} from "../libraries/BoostDeals.sol";
import {Checked} from "../libraries/Checked.sol";
import {TaskWord} from "../libraries/Tasks.sol";
import {MatchingRules} from "./MatchingRules.sol";
import {Settlement} from "./Settlement.sol";

/// @title Boost: two transactions per task, for trust up to 1 (spec contracts §7, with W1, W2 and W28 mended)
abstract contract Boost is MatchingRules, Settlement {
    function matchOrdersBoost(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder
    ) external returns (bytes32) {
        return _matchBoost(apporder, datasetorder, workerpoolorder, requestorder, requestorder.requester);
    }

    function sponsorMatchOrdersBoost(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder
    ) external returns (bytes32 dealid) {
        dealid = _matchBoost(apporder, datasetorder, workerpoolorder, requestorder, msg.sender);
        emit DealSponsoredBoost(dealid, msg.sender);
    }

    /// @notice Deliver the result of a task and settle it at once; `index` counts from the start of the deal.
    function pushResultBoost(
        bytes32 dealId,
        uint256 index,
        bytes calldata results,
        bytes calldata resultsCallback,
        bytes calldata authorizationSign,
        address enclaveChallenge,
        bytes calldata enclaveSign
    ) external {
        DealBoost memory deal = BoostDeals.read(dealId);
        bytes32 taskid = _requireUnset(dealId, index, deal);
        if (block.timestamp >= deal.deadline) revert Boost_DeadlineReached(deal.deadline, block.timestamp);
        _requireAuthorizedBoost(
            deal,
            taskid,
            keccak256(deal.callback == address(0) ? results : resultsCallback),
            authorizationSign,
            enclaveChallenge,
            enclaveSign
        );
        _tasks[taskid] = TaskWord.wrap(0).withStatus(TaskStatusEnum.COMPLETED);

        LedgerWord ledger = _ledger;
        _seize(deal.sponsor, _priceBoost(deal), taskid);
        LedgerWord after_ = _reward(ledger, msg.sender, deal.workerReward, taskid);
        if (deal.appPrice != 0) after_ = _reward(after_, deal.appOwner, deal.appPrice, taskid);
        if (deal.datasetPrice != 0) after_ = _reward(after_, deal.datasetOwner, deal.datasetPrice, taskid);
        after_ = _unlock(after_, deal.workerpoolOwner, _schedulerStake(deal.workerpoolPrice));
        uint256 share;
        (after_, share) = _drainKitty(after_, taskid);
        share += deal.workerpoolPrice - deal.workerReward;
        _store(ledger, _reward(after_, deal.workerpoolOwner, share, taskid));
        emit ResultPushedBoost(dealId, index, results);
        if (deal.callback != address(0)) {
            if (resultsCallback.length == 0) revert Boost_CallbackDataMissing(taskid);
            _callback(deal.callback, ledger.callbackGas(), taskid, resultsCallback);
        }
    }

    /// @notice Fail a task that got no result in time: the sponsor is refunded, the scheduler's stake goes to the kitty.
    function claimBoost(bytes32 dealId, uint256 index) external {
        DealBoost memory deal = BoostDeals.read(dealId);
        bytes32 taskid = _requireUnset(dealId, index, deal);
        if (block.timestamp < deal.deadline) revert Boost_DeadlineNotReached(deal.deadline, block.timestamp);
        _tasks[taskid] = TaskWord.wrap(0).withStatus(TaskStatusEnum.FAILED);
        LedgerWord ledger = _ledger;
        LedgerWord after_ = _unlock(ledger, deal.sponsor, _priceBoost(deal));
        after_ = _seizeForKitty(after_, deal.workerpoolOwner, _schedulerStake(deal.workerpoolPrice), taskid);
        _store(ledger, after_);
        emit TaskClaimed(taskid);
    }

    function viewDealBoost(bytes32 dealId) external view returns (DealBoost memory) {
        return BoostDeals.read(dealId);
    }

    function _matchBoost(
        AppOrder calldata a,
        DatasetOrder calldata d,
        WorkerpoolOrder calldata w,
        RequestOrder calldata r,
        address sponsor
    ) private returns (bytes32 dealid) {
        if (r.trust > 1) revert Boost_TrustTooHigh(1, r.trust);
        Checked memory m = _check(a, d, w, r, true);
        if (m.botFirst > type(uint16).max) revert Boost_IndexTooLarge(type(uint16).max, m.botFirst);
        if (m.volume > type(uint16).max) revert Boost_IndexTooLarge(type(uint16).max, m.volume);
        dealid = _dealId(m.requestHash, m.botFirst);

        DealBoost memory deal;
        deal.appOwner = m.appOwner;
        deal.appPrice = _amount96(a.appprice);
        deal.datasetOwner = m.datasetOwner;
        deal.datasetPrice = _amount96(m.datasetPrice);
        deal.workerpoolOwner = m.workerpoolOwner;
        deal.workerpoolPrice = _amount96(w.workerpoolprice);
        if (m.schedulerRewardRatio > 100) revert Match_RewardRatioTooHigh(100, m.schedulerRewardRatio);
        deal.workerReward = uint96(w.workerpoolprice * (100 - m.schedulerRewardRatio) / 100);
        deal.requester = r.requester;
        deal.callback = r.callback;
        deal.deadline = uint40(block.timestamp + CONTRIBUTION_DEADLINE_RATIO * m.timeref);
        deal.botFirst = uint16(m.botFirst);
        deal.botSize = uint16(m.volume);
        deal.shortTag = bytes3(uint24(uint256(m.tag)));
        deal.sponsor = sponsor;

        _orders[m.appHash] = _consume(m.appWord, m.appWord >> 160, m.volume);
        if (m.datasetOwner != address(0)) {
            _orders[m.datasetHash] = _consume(m.datasetWord, m.datasetWord >> 160, m.volume);
        }
        _orders[m.workerpoolHash] = _consume(m.workerpoolWord, m.workerpoolWord >> 160, m.volume);
        _orders[m.requestHash] = _consume(m.requestWord, m.botFirst, m.volume);
        BoostDeals.write(dealid, deal);

        LedgerWord ledger = _ledger;
        LedgerWord after_ = _lock(ledger, sponsor, _priceBoost(deal) * m.volume);
        after_ = _lock(after_, m.workerpoolOwner, _schedulerStake(deal.workerpoolPrice) * m.volume);
        _store(ledger, after_);
        emit SchedulerNoticeBoost(w.workerpool, dealid, a.app, d.dataset, r.category, m.tag, r.params, r.beneficiary);
        emit OrdersMatched(dealid, m.appHash, m.datasetHash, m.workerpoolHash, m.requestHash, m.volume);
    }

    function _requireUnset(bytes32 dealId, uint256 index, DealBoost memory deal) private view returns (bytes32 taskid) {
        if (index >= deal.botSize) revert Boost_TaskUnknown(deal.botSize, index);
        taskid = _taskId(dealId, index);
        TaskStatusEnum status = _tasks[taskid].status();
        if (status != TaskStatusEnum.UNSET) {
            revert Task_WrongStatus(uint8(TaskStatusEnum.UNSET), uint8(status));
        }
    }

    function _requireAuthorizedBoost(
        DealBoost memory deal,
        bytes32 taskid,
        bytes32 digest,
        bytes calldata authorizationSign,
        address enclaveChallenge,
        bytes calldata enclaveSign
    ) private view {
        if (enclaveChallenge == address(0) && uint24(deal.shortTag) & TEE_BIT != 0) {
            revert Task_EnclaveRequired(taskid);
        }
        _requireAuthorization(deal.workerpoolOwner, taskid, enclaveChallenge, authorizationSign);
        if (enclaveChallenge != address(0)) {
            _requireEnclave(enclaveChallenge, _seal(msg.sender, taskid, digest), enclaveSign);
        }
    }

    function _priceBoost(DealBoost memory deal) private pure returns (uint256) {
        return uint256(deal.appPrice) + deal.datasetPrice + deal.workerpoolPrice;
    }

    function _amount96(uint256 amount) private pure returns (uint96) {
        _amount(amount);
        return uint96(amount);
    }
}
