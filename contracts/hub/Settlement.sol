// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IOracleConsumer} from "../../interfaces/IOracleConsumer.sol";
import {ContributionStatusEnum} from "../../interfaces/PocoTypes.sol";
import {AccountWord, LedgerWord} from "../libraries/Accounts.sol";
import {DealTerms} from "../libraries/Deals.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {ContributionWord} from "../libraries/Tasks.sol";
import {Escrow} from "./Escrow.sol";

/// @title Who may deliver a result, and who is paid when a task ends (spec contracts §4.3, §4.8 to §4.10)
abstract contract Settlement is Escrow {
    /// @dev Pay app and dataset owner, give the scheduler its stake back and its share of the kitty.
    function _settleSuccess(LedgerWord ledger, DealTerms memory deal, bytes32 taskid) internal returns (LedgerWord) {
        _seize(deal.sponsor, _price(deal), taskid);
        if (deal.appPrice != 0) ledger = _reward(ledger, deal.appOwner, deal.appPrice, taskid);
        if (deal.datasetPrice != 0) ledger = _reward(ledger, deal.datasetOwner, deal.datasetPrice, taskid);
        ledger = _unlock(ledger, deal.scheduler, _schedulerStake(deal.workerpoolPrice));
        uint256 share;
        (ledger, share) = _drainKitty(ledger, taskid);
        return share == 0 ? ledger : _reward(ledger, deal.scheduler, share, taskid);
    }

    /// @dev Share the workerpool price and the stakes of the losers among the contributors that proved the result, by
    /// the logarithm of their weights; the scheduler takes its ratio and the dust.
    function _distribute(
        LedgerWord ledger,
        DealTerms memory deal,
        bytes32 taskid,
        ContributionWord[] memory contributions
    ) internal returns (LedgerWord) {
        unchecked {
            // amounts have 96 bits, counts 8
            uint256 logWeights;
            uint256 total = deal.workerpoolPrice;
            for (uint256 i; i < contributions.length; ++i) {
                ContributionWord contribution = contributions[i];
                if (contribution.status() == ContributionStatusEnum.PROVED) {
                    logWeights += contribution.logWeight();
                } else {
                    total += deal.workerStake;
                }
            }
            uint256 workersReward = total * (100 - deal.schedulerRewardRatio) / 100;
            for (uint256 i; i < contributions.length; ++i) {
                ContributionWord contribution = contributions[i];
                address worker = contribution.worker();
                AccountWord account = _accounts[worker].release(deal.workerStake);
                if (contribution.status() == ContributionStatusEnum.PROVED) {
                    uint256 reward = workersReward * contribution.logWeight() / logWeights;
                    total -= reward;
                    account = account.credit(deal.workerStake + reward);
                    if (contributions.length > 1) account = account.withScore(account.score() + 1);
                    _accounts[worker] = account;
                    ledger = ledger.debit(deal.workerStake + reward);
                    emit Transfer(address(this), worker, deal.workerStake);
                    emit Unlock(worker, deal.workerStake);
                    emit Transfer(address(this), worker, reward);
                    emit Reward(worker, reward, taskid);
                    if (contributions.length > 1) emit AccurateContribution(worker, taskid);
                } else {
                    _accounts[worker] = account.withScore(account.score() * 2 / 3);
                    emit Seize(worker, deal.workerStake, taskid);
                    emit FaultyContribution(worker, taskid);
                }
            }
            return _reward(ledger, deal.scheduler, total, taskid);
        }
    }

    /// @dev Refund the sponsor, hand the scheduler's stake to the kitty.
    function _settleFailure(LedgerWord ledger, DealTerms memory deal, bytes32 taskid) internal returns (LedgerWord) {
        ledger = _unlock(ledger, deal.sponsor, _price(deal));
        return _seizeForKitty(ledger, deal.scheduler, _schedulerStake(deal.workerpoolPrice), taskid);
    }

    /// @dev Tell the result to the deal's callback: the last action of a transaction. Success and answer are ignored, and
    /// nothing of the answer is copied (spec W9). At most 63/64 of the gas left can be forwarded: a callee that ran out of
    /// gas before its allowance was spent leaves less than the 63rd part of it, and the transaction reverts.
    function _callback(address target, uint256 gasLimit, bytes32 taskid, bytes calldata data) internal {
        bytes memory message = abi.encodeCall(IOracleConsumer.receiveResult, (taskid, data));
        assembly ("memory-safe") {
            pop(call(gasLimit, target, 0, add(message, 32), mload(message), 0, 0))
        }
        if (gasleft() <= gasLimit / 63) revert Task_CallbackGasTooLow(gasLimit / 63, gasleft());
    }

    /// @dev The worker is authorized by the scheduler, or by the TEE broker when there is one and an enclave is used.
    function _requireAuthorization(
        address scheduler,
        bytes32 taskid,
        address enclaveChallenge,
        bytes calldata authorizationSign
    ) internal view {
        address signer = scheduler;
        if (enclaveChallenge != address(0) && _teeBroker != address(0)) signer = _teeBroker;
        bytes32 digest = Signatures.personalDigest(keccak256(abi.encodePacked(msg.sender, taskid, enclaveChallenge)));
        if (!Signatures.isValid(signer, digest, authorizationSign)) {
            revert Task_AuthorizationInvalid(signer, digest);
        }
    }

    /// @dev The enclave signed `message`.
    function _requireEnclave(address enclave, bytes32 message, bytes calldata enclaveSign) internal view {
        bytes32 digest = Signatures.personalDigest(message);
        if (!Signatures.isValid(enclave, digest, enclaveSign)) {
            revert Task_EnclaveSignatureInvalid(enclave, digest);
        }
    }

    function _price(DealTerms memory deal) private pure returns (uint256) {
        unchecked {
            return deal.appPrice + deal.datasetPrice + deal.workerpoolPrice;
        }
    }
}
