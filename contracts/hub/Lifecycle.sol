// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ContributionStatusEnum, TaskStatusEnum} from "../../interfaces/PocoTypes.sol";
import {LedgerWord} from "../libraries/Accounts.sol";
import {DealTerms, Deals} from "../libraries/Deals.sol";
import {Results} from "../libraries/Results.sol";
import {
    ContributionLib,
    ContributionWord,
    MAX_CONTRIBUTIONS,
    TaskLib,
    TaskWord,
    WIDE_POSITION
} from "../libraries/Tasks.sol";
import {Settlement} from "./Settlement.sol";

/// @title The life of a task (spec contracts §4)
abstract contract Lifecycle is Settlement {
    /// @dev Weights are capped here, far above what any history of scores can reach; products stay within 256 bits.
    uint256 private constant MAX_GROUP_WEIGHT = 1 << 160;

    /* INITIALIZE */

    function initialize(bytes32 dealid, uint256 idx) external returns (bytes32) {
        return _initialize(dealid, idx);
    }

    function initializeArray(bytes32[] calldata dealids, uint256[] calldata idxs) external returns (bool) {
        if (dealids.length != idxs.length) revert Task_LengthMismatch(dealids.length, idxs.length);
        for (uint256 i; i < dealids.length; ++i) {
            _initialize(dealids[i], idxs[i]);
        }
        return true;
    }

    function _initialize(bytes32 dealid, uint256 idx) private returns (bytes32 taskid) {
        address store = Deals.storeOf(dealid);
        (address workerpool, uint256 first, uint256 size) = Deals.placing(store);
        if (size == 0) revert Deal_Unknown(dealid);
        if (idx < first || idx - first >= size) revert Task_IndexOutOfDeal(first, size, idx);
        taskid = _taskId(dealid, idx);
        _requireStatus(_tasks[taskid], TaskStatusEnum.UNSET);
        uint256 position = idx - first;
        if (position >= WIDE_POSITION) {
            _widePositions[taskid] = position;
            position = WIDE_POSITION;
        }
        _tasks[taskid] = TaskLib.create(store, position);
        emit TaskInitialize(taskid, workerpool);
    }

    /* CONTRIBUTE */

    function contribute(
        bytes32 taskid,
        bytes32 resultHash,
        bytes32 resultSeal,
        address enclaveChallenge,
        bytes calldata enclaveSign,
        bytes calldata authorizationSign
    ) external {
        TaskWord task = _tasks[taskid];
        _requireStatus(task, TaskStatusEnum.ACTIVE);
        DealTerms memory deal = Deals.terms(task.dealStore());
        _requireOpen(deal);
        if (_seals[taskid][msg.sender] != 0) revert Task_AlreadyContributed(taskid, msg.sender);
        uint256 number = task.contributions();
        if (number == MAX_CONTRIBUTIONS) revert Task_ContributorsFull(MAX_CONTRIBUTIONS);
        _requireAuthorized(
            deal, taskid, _hash2(resultHash, resultSeal), enclaveChallenge, enclaveSign, authorizationSign
        );

        uint256 group;
        (task, group) = _join(task, taskid, resultHash);
        task = task.withContribution();
        _contributions[taskid][number] =
            ContributionLib.create(msg.sender, group, resultSeal, _weight(msg.sender), enclaveChallenge != address(0));
        _seals[taskid][msg.sender] = (uint256(resultSeal) & ~uint256(0xffff)) | (number + 1);
        if (enclaveChallenge != address(0)) _enclaves[taskid][msg.sender] = enclaveChallenge;

        LedgerWord ledger = _ledger;
        _store(ledger, _lock(ledger, msg.sender, deal.workerStake));
        emit TaskContribute(taskid, msg.sender, resultHash);
        if (_isConsensus(task, taskid, group, deal.trust)) {
            task = task.withStatus(TaskStatusEnum.REVEALING).withConsensus(group + 1, _revealDeadline(deal));
            emit TaskConsensus(taskid, resultHash);
        }
        _tasks[taskid] = task;
    }

    function contributeAndFinalize(
        bytes32 taskid,
        bytes32 resultDigest,
        bytes calldata results,
        bytes calldata resultsCallback,
        address enclaveChallenge,
        bytes calldata enclaveSign,
        bytes calldata authorizationSign
    ) external {
        DealTerms memory deal = _checkSolo(taskid, resultDigest, enclaveChallenge, enclaveSign, authorizationSign);
        _requireCallbackData(deal, resultDigest, resultsCallback);
        _requireResultsFit(results, resultsCallback);
        _tasks[taskid] = _tasks[taskid].withStatus(TaskStatusEnum.COMPLETED).withConsensus(0, _revealDeadline(deal));
        Results.writeSolo(taskid, msg.sender, enclaveChallenge, resultDigest, results, resultsCallback);
        uint256 callbackGas = _settleSolo(deal, taskid);
        bytes32 resultHash = _hash2(taskid, resultDigest);
        emit TaskContribute(taskid, msg.sender, resultHash);
        emit TaskConsensus(taskid, resultHash);
        emit TaskReveal(taskid, msg.sender, resultDigest);
        emit TaskFinalize(taskid, results);
        if (deal.callback != address(0)) _callback(deal.callback, callbackGas, taskid, resultsCallback);
    }

    /// @dev The task is open to a first and only contribution, and the caller is authorized to make it.
    function _checkSolo(
        bytes32 taskid,
        bytes32 resultDigest,
        address enclaveChallenge,
        bytes calldata enclaveSign,
        bytes calldata authorizationSign
    ) private view returns (DealTerms memory deal) {
        TaskWord task = _tasks[taskid];
        _requireStatus(task, TaskStatusEnum.ACTIVE);
        deal = Deals.terms(task.dealStore());
        _requireOpen(deal);
        if (task.contributions() != 0) revert Task_HasContributions(task.contributions());
        if (deal.trust != 1) revert Task_TrustNotOne(deal.trust);
        bytes32 message = _hash2(_hash2(taskid, resultDigest), _seal(msg.sender, taskid, resultDigest));
        _requireAuthorized(deal, taskid, message, enclaveChallenge, enclaveSign, authorizationSign);
    }

    /// @dev Settle with the caller as the only worker.
    /// @return the gas granted to the callback
    function _settleSolo(DealTerms memory deal, bytes32 taskid) private returns (uint256) {
        LedgerWord ledger = _ledger;
        LedgerWord after_ = _settleSuccess(ledger, deal, taskid);
        uint256 reward = deal.workerpoolPrice * (100 - deal.schedulerRewardRatio) / 100;
        after_ = _reward(after_, msg.sender, reward, taskid);
        after_ = _reward(after_, deal.scheduler, deal.workerpoolPrice - reward, taskid);
        _store(ledger, after_);
        return ledger.callbackGas();
    }

    /* REVEAL, REOPEN */

    function reveal(bytes32 taskid, bytes32 resultDigest) external {
        TaskWord task = _tasks[taskid];
        _requireStatus(task, TaskStatusEnum.REVEALING);
        uint256 deadline = task.revealDeadline();
        if (block.timestamp >= deadline) revert Task_RevealClosed(deadline, block.timestamp);

        uint256 kept = _seals[taskid][msg.sender];
        uint256 number = uint16(kept);
        if (number == 0) _revertUnrevealable(task, taskid);
        ContributionWord contribution = _contributions[taskid][number - 1];
        if (contribution.status() != ContributionStatusEnum.CONTRIBUTED) {
            revert Task_WrongContributionStatus(uint8(ContributionStatusEnum.CONTRIBUTED), uint8(contribution.status()));
        }
        uint256 group = task.winner() - 1;
        bytes32 consensus = _groupValue(task, taskid, group);
        if (contribution.group() != group) {
            revert Task_NotInConsensus(consensus, _groups[taskid][contribution.group()]);
        }
        bytes32 resultHash = _hash2(taskid, resultDigest);
        if (resultHash != consensus) revert Task_DigestMismatch(consensus, resultHash);
        bytes32 expected = bytes32((kept & ~uint256(0xffff)) | contribution.sealTail());
        bytes32 seal = _seal(msg.sender, taskid, resultDigest);
        if (seal != expected) revert Task_SealMismatch(expected, seal);

        _contributions[taskid][number - 1] = contribution.withStatus(ContributionStatusEnum.PROVED);
        delete _seals[taskid][msg.sender]; // derivable from the digest now
        if (!task.revealed()) {
            _groups[taskid][group] = resultDigest;
            _tasks[taskid] = task.withRevealed();
        }
        emit TaskReveal(taskid, msg.sender, resultDigest);
    }

    function reopen(bytes32 taskid) external {
        TaskWord task = _tasks[taskid];
        _requireStatus(task, TaskStatusEnum.REVEALING);
        DealTerms memory deal = Deals.terms(task.dealStore());
        _requireScheduler(deal);
        uint256 deadline = task.revealDeadline();
        if (block.timestamp < deadline) revert Task_RevealWindowOpen(deadline, block.timestamp);
        uint256 number = task.contributions();
        uint256 group = task.winner() - 1;
        if (task.revealed()) {
            (,, uint256 revealed) = _load(taskid, number, group);
            revert Task_AlreadyRevealed(revealed);
        }
        for (uint256 i; i < number; ++i) {
            ContributionWord contribution = _contributions[taskid][i];
            if (contribution.group() == group) {
                _contributions[taskid][i] = contribution.withStatus(ContributionStatusEnum.REJECTED);
            }
        }
        _tasks[taskid] = task.withStatus(TaskStatusEnum.ACTIVE).withConsensus(0, 0);
        emit TaskReopen(taskid);
    }

    /* FINALIZE, CLAIM */

    function finalize(bytes32 taskid, bytes calldata results, bytes calldata resultsCallback) external {
        TaskWord task = _tasks[taskid];
        _requireStatus(task, TaskStatusEnum.REVEALING);
        DealTerms memory deal = Deals.terms(task.dealStore());
        _requireScheduler(deal);
        uint256 group = task.winner() - 1;
        (ContributionWord[] memory contributions, uint256 winners, uint256 revealed) =
            _load(taskid, task.contributions(), group);
        if (revealed == 0) revert Task_RevealsMissing(winners, revealed);
        if (revealed != winners && block.timestamp < task.revealDeadline()) {
            revert Task_RevealsMissing(winners, revealed);
        }
        _requireCallbackData(deal, _groups[taskid][group], resultsCallback);
        _requireResultsFit(results, resultsCallback);

        _tasks[taskid] = task.withStatus(TaskStatusEnum.COMPLETED);
        if (results.length < 32 && resultsCallback.length == 0) {
            if (results.length != 0) _shortResults[taskid] = uint256(bytes32(results)) | results.length;
        } else {
            Results.write(taskid, results, resultsCallback);
        }

        LedgerWord ledger = _ledger;
        LedgerWord after_ = _settleSuccess(ledger, deal, taskid);
        after_ = _distribute(after_, deal, taskid, contributions);
        _store(ledger, after_);
        emit TaskFinalize(taskid, results);
        if (deal.callback != address(0)) _callback(deal.callback, ledger.callbackGas(), taskid, resultsCallback);
    }

    function claim(bytes32 taskid) external {
        _claim(taskid);
    }

    function claimArray(bytes32[] calldata taskids) external returns (bool) {
        for (uint256 i; i < taskids.length; ++i) {
            _claim(taskids[i]);
        }
        return true;
    }

    function initializeAndClaimArray(bytes32[] calldata dealids, uint256[] calldata idxs) external returns (bool) {
        if (dealids.length != idxs.length) revert Task_LengthMismatch(dealids.length, idxs.length);
        for (uint256 i; i < dealids.length; ++i) {
            _claim(_initialize(dealids[i], idxs[i]));
        }
        return true;
    }

    function _claim(bytes32 taskid) private {
        TaskWord task = _tasks[taskid];
        TaskStatusEnum status = task.status();
        if (status != TaskStatusEnum.ACTIVE && status != TaskStatusEnum.REVEALING) {
            revert Task_NotClaimable(uint8(status));
        }
        DealTerms memory deal = Deals.terms(task.dealStore());
        uint256 deadline = deal.startTime + FINAL_DEADLINE_RATIO * deal.timeref;
        if (block.timestamp < deadline) revert Task_FinalDeadlineNotReached(deadline, block.timestamp);
        _tasks[taskid] = task.withStatus(TaskStatusEnum.FAILED);
        LedgerWord ledger = _ledger;
        LedgerWord after_ = _settleFailure(ledger, deal, taskid);
        uint256 number = task.contributions();
        for (uint256 i; i < number; ++i) {
            after_ = _unlock(after_, _contributions[taskid][i].worker(), deal.workerStake);
        }
        _store(ledger, after_);
        emit TaskClaimed(taskid);
    }

    /* CONSENSUS: spec contracts §4.5 */

    /// @dev Find the group of `resultHash`, or open it.
    function _join(TaskWord task, bytes32 taskid, bytes32 resultHash) private returns (TaskWord, uint256 group) {
        uint256 groups = task.groups();
        bytes32[256] storage hashes = _groups[taskid];
        while (group < groups && hashes[group] != resultHash) {
            unchecked {
                ++group;
            }
        }
        if (group < groups) return (task, group);
        hashes[group] = resultHash;
        return (task.withGroup(), group);
    }

    function _weight(address worker) private view returns (uint256 weight) {
        weight = _accounts[worker].score() / 3;
        weight = weight < 3 ? 2 : weight - 1;
        if (weight > ContributionLib.MAX_WEIGHT) weight = ContributionLib.MAX_WEIGHT;
    }

    /// @dev Whether `group` outweighs the rest: weight·trust > total·(trust − 1), where a group weighs the product of its
    /// members and total is one more than the sum of the groups. Rejected members do not count.
    function _isConsensus(TaskWord task, bytes32 taskid, uint256 group, uint256 trust) private view returns (bool) {
        if (trust == 1) return true;
        unchecked {
            uint256[] memory weights = new uint256[](task.groups());
            uint256 number = task.contributions();
            for (uint256 i; i < number; ++i) {
                ContributionWord contribution = _contributions[taskid][i];
                if (contribution.status() == ContributionStatusEnum.REJECTED) continue;
                uint256 weight = weights[contribution.group()];
                weight = weight == 0 ? contribution.weight() : weight * contribution.weight();
                weights[contribution.group()] = weight > MAX_GROUP_WEIGHT ? MAX_GROUP_WEIGHT : weight;
            }
            uint256 total = 1;
            for (uint256 i; i < weights.length; ++i) {
                total += weights[i];
            }
            return weights[group] * trust > total * (trust - 1);
        }
    }

    /// @dev All contributions, and how many of the winning group count as winners and have revealed.
    function _load(bytes32 taskid, uint256 number, uint256 group)
        internal
        view
        returns (ContributionWord[] memory contributions, uint256 winners, uint256 revealed)
    {
        unchecked {
            contributions = new ContributionWord[](number);
            for (uint256 i; i < number; ++i) {
                ContributionWord contribution = _contributions[taskid][i];
                contributions[i] = contribution;
                if (contribution.group() == group) {
                    ContributionStatusEnum status = contribution.status();
                    if (status != ContributionStatusEnum.REJECTED) ++winners;
                    if (status == ContributionStatusEnum.PROVED) ++revealed;
                }
            }
        }
    }

    function _revealDeadline(DealTerms memory deal) private view returns (uint256) {
        return block.timestamp + REVEAL_DEADLINE_RATIO * deal.timeref;
    }

    /* CHECKS */

    function _requireStatus(TaskWord task, TaskStatusEnum expected) internal pure {
        if (task.status() != expected) revert Task_WrongStatus(uint8(expected), uint8(task.status()));
    }

    function _requireOpen(DealTerms memory deal) private view {
        uint256 deadline = deal.startTime + CONTRIBUTION_DEADLINE_RATIO * deal.timeref;
        if (block.timestamp >= deadline) revert Task_ContributionClosed(deadline, block.timestamp);
    }

    /// @dev The caller is the scheduler and the final deadline has not passed.
    function _requireScheduler(DealTerms memory deal) private view {
        if (msg.sender != deal.scheduler) revert Task_CallerNotScheduler(deal.scheduler, msg.sender);
        uint256 deadline = deal.startTime + FINAL_DEADLINE_RATIO * deal.timeref;
        if (block.timestamp >= deadline) revert Task_FinalDeadlineReached(deadline, block.timestamp);
    }

    /// @dev Spec contracts §4.3, checks 4 to 6.
    function _requireAuthorized(
        DealTerms memory deal,
        bytes32 taskid,
        bytes32 enclaveMessage,
        address enclaveChallenge,
        bytes calldata enclaveSign,
        bytes calldata authorizationSign
    ) private view {
        if (enclaveChallenge == address(0) && deal.tee) revert Task_EnclaveRequired(taskid);
        _requireAuthorization(deal.scheduler, taskid, enclaveChallenge, authorizationSign);
        if (enclaveChallenge != address(0)) {
            _requireEnclave(enclaveChallenge, enclaveMessage, enclaveSign);
        }
    }

    function _requireCallbackData(DealTerms memory deal, bytes32 digest, bytes calldata resultsCallback) private pure {
        if (deal.callback == address(0) && resultsCallback.length == 0) return;
        bytes32 hash = keccak256(resultsCallback);
        if (hash != digest) revert Task_CallbackDataMismatch(digest, hash);
    }

    function _requireResultsFit(bytes calldata results, bytes calldata resultsCallback) private pure {
        uint256 size = results.length + resultsCallback.length;
        if (size > Results.MAX_SIZE) revert Task_ResultsTooLong(Results.MAX_SIZE, size);
    }

    /// @dev The caller keeps no seal: it never contributed, or has revealed already.
    function _revertUnrevealable(TaskWord task, bytes32 taskid) private view {
        ContributionStatusEnum status = ContributionStatusEnum.UNSET;
        uint256 number = task.contributions();
        for (uint256 i; i < number; ++i) {
            ContributionWord contribution = _contributions[taskid][i];
            if (contribution.worker() == msg.sender) status = contribution.status();
        }
        revert Task_WrongContributionStatus(uint8(ContributionStatusEnum.CONTRIBUTED), uint8(status));
    }
}
