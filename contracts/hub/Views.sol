// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IApp} from "../../interfaces/IApp.sol";
import {IDataset} from "../../interfaces/IDataset.sol";
import {IRegistryEntry} from "../../interfaces/IRegistryEntry.sol";
import {IWorkerpool} from "../../interfaces/IWorkerpool.sol";
import {
    Account,
    AppOrder,
    Category,
    Contribution,
    ContributionStatusEnum,
    DatasetOrder,
    Deal,
    EIP712Domain,
    RequestOrder,
    Task,
    TaskStatusEnum,
    WorkerpoolOrder
} from "../../interfaces/PocoTypes.sol";
import {Deals} from "../libraries/Deals.sol";
import {OrderHash} from "../libraries/OrderHash.sol";
import {Outcome, Results} from "../libraries/Results.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {ContributionWord, TaskWord, WIDE_POSITION} from "../libraries/Tasks.sol";
import {MatchingRules} from "./MatchingRules.sol";

/// @title Everything that can be read (spec contracts §1.11, §1.12), assembled from the packed state
abstract contract Views is MatchingRules {
    /* STAKED TOKEN */

    function name() external pure returns (string memory) {
        return "Staked RLC";
    }

    function symbol() external pure returns (string memory) {
        return "SRLC";
    }

    function decimals() external pure returns (uint8) {
        return 9;
    }

    function totalSupply() external view returns (uint256) {
        return _totalSupply;
    }

    function balanceOf(address account) external view returns (uint256) {
        return _balance(account);
    }

    function frozenOf(address account) external view returns (uint256) {
        return _frozen(account);
    }

    function allowance(address owner_, address spender) external view returns (uint256) {
        return _allowances[owner_][spender];
    }

    function viewAccount(address account) external view returns (Account memory) {
        return Account(_balance(account), _frozen(account));
    }

    function viewScore(address worker) external view returns (uint256) {
        return _accounts[worker].score();
    }

    /// @dev The hub's own balance is what is frozen, and what it was paid as the owner of an asset.
    function _balance(address account) internal view returns (uint256) {
        uint256 balance = _accounts[account].balance();
        return account == address(this) ? balance + _ledger.hubBalance() : balance;
    }

    function _frozen(address account) internal view returns (uint256) {
        return account == KITTY ? _ledger.kitty() : _accounts[account].frozen();
    }

    /* CONFIGURATION */

    function token() external view returns (address) {
        return BASE_TOKEN;
    }

    function appregistry() external view returns (address) {
        return APP_REGISTRY;
    }

    function datasetregistry() external view returns (address) {
        return DATASET_REGISTRY;
    }

    function workerpoolregistry() external view returns (address) {
        return WORKERPOOL_REGISTRY;
    }

    function teebroker() external view returns (address) {
        return _teeBroker;
    }

    function callbackgas() external view returns (uint256) {
        return _ledger.callbackGas();
    }

    function contribution_deadline_ratio() external pure returns (uint256) {
        return CONTRIBUTION_DEADLINE_RATIO;
    }

    function reveal_deadline_ratio() external pure returns (uint256) {
        return REVEAL_DEADLINE_RATIO;
    }

    function final_deadline_ratio() external pure returns (uint256) {
        return FINAL_DEADLINE_RATIO;
    }

    function workerpool_stake_ratio() external pure returns (uint256) {
        return WORKERPOOL_STAKE_RATIO;
    }

    function kitty_ratio() external pure returns (uint256) {
        return KITTY_RATIO;
    }

    function kitty_min() external pure returns (uint256) {
        return KITTY_MIN;
    }

    function kitty_address() external pure returns (address) {
        return KITTY;
    }

    function groupmember_purpose() external pure returns (uint256) {
        return Signatures.GROUP_MEMBER_PURPOSE;
    }

    function domain() external view returns (EIP712Domain memory) {
        return EIP712Domain("iExecODB", "5.0.0", block.chainid, address(this));
    }

    function eip712domain_separator() external view returns (bytes32) {
        return OrderHash.domainSeparator();
    }

    /* CATEGORIES */

    function countCategory() external view returns (uint256) {
        return _categoryCount;
    }

    function viewCategory(uint256 catid) external view returns (Category memory) {
        return _category(catid);
    }

    function _category(uint256 catid) internal view returns (Category memory) {
        if (catid >= _categoryCount) revert Category_Unknown(_categoryCount, catid);
        return Category(_categoryTexts[catid][0], _categoryTexts[catid][1], _clocks[catid] - 1);
    }

    /* ENTRIES */

    struct AppView {
        address owner;
        string m_appName;
        string m_appType;
        bytes m_appMultiaddr;
        bytes32 m_appChecksum;
        bytes m_appMREnclave;
    }

    struct DatasetView {
        address owner;
        string m_datasetName;
        bytes m_datasetMultiaddr;
        bytes32 m_datasetChecksum;
    }

    struct WorkerpoolView {
        address owner;
        string m_workerpoolDescription;
        uint256 m_workerStakeRatioPolicy;
        uint256 m_schedulerRewardRatioPolicy;
    }

    function viewApp(address app) external view returns (AppView memory) {
        IApp entry = IApp(app);
        return AppView(
            entry.owner(),
            entry.m_appName(),
            entry.m_appType(),
            entry.m_appMultiaddr(),
            entry.m_appChecksum(),
            entry.m_appMREnclave()
        );
    }

    function viewDataset(address dataset) external view returns (DatasetView memory) {
        IDataset entry = IDataset(dataset);
        return DatasetView(entry.owner(), entry.m_datasetName(), entry.m_datasetMultiaddr(), entry.m_datasetChecksum());
    }

    function viewWorkerpool(address workerpool) external view returns (WorkerpoolView memory) {
        IWorkerpool entry = IWorkerpool(workerpool);
        return WorkerpoolView(
            entry.owner(),
            entry.m_workerpoolDescription(),
            entry.m_workerStakeRatioPolicy(),
            entry.m_schedulerRewardRatioPolicy()
        );
    }

    /* ORDERS */

    /// @notice Volume taken from an order; 2^256 − 1 when an order of more than 2^96 − 2 was closed.
    function viewConsumed(bytes32 orderHash) external view returns (uint256) {
        return _requestConsumed(orderHash, _orders[orderHash]);
    }

    function viewPresigned(bytes32 orderHash) external view returns (address) {
        return address(uint160(_orders[orderHash]));
    }

    function verifySignature(address account, bytes32 hash, bytes calldata sign) external view returns (bool) {
        return Signatures.isValid(account, hash, sign);
    }

    function verifyPresignature(address account, bytes32 hash) external view returns (bool) {
        return account != address(0) && address(uint160(_orders[hash])) == account;
    }

    function verifyPresignatureOrSignature(address account, bytes32 hash, bytes calldata sign)
        external
        view
        returns (bool)
    {
        return _isSigned(account, _orders[hash], hash, sign);
    }

    /// @notice Tasks that a match of these orders would buy; nothing but volumes is looked at (spec §3.5).
    function computeDealVolume(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder
    ) external view returns (uint256 volume) {
        bytes32 separator = OrderHash.domainSeparator();
        volume = _remaining(separator, OrderHash.structHash(apporder), apporder.volume);
        if (datasetorder.dataset != address(0)) {
            volume = _min(volume, _remaining(separator, OrderHash.structHash(datasetorder), datasetorder.volume));
        }
        volume = _min(volume, _remaining(separator, OrderHash.structHash(workerpoolorder), workerpoolorder.volume));
        volume = _min(volume, _remaining(separator, OrderHash.structHash(requestorder), requestorder.volume));
    }

    function _remaining(bytes32 separator, bytes32 structHash, uint256 volume) private view returns (uint256) {
        bytes32 hash = OrderHash.typedDataHash(separator, structHash);
        uint256 consumed = _requestConsumed(hash, _orders[hash]);
        return consumed < volume ? volume - consumed : 0;
    }

    /// @notice Whether a dataset order may serve a deal made without a dataset (spec §3.8); reverts with the reason.
    function assertDatasetDealCompatibility(DatasetOrder calldata order, bytes32 dealId) external view {
        bytes32 hash = OrderHash.typedDataHash(OrderHash.domainSeparator(), OrderHash.structHash(order));
        uint256 word = _orders[hash];
        if (_consumed(word) >= order.volume) {
            revert IncompatibleDatasetOrder("Dataset order is revoked or fully consumed");
        }
        if (!_isSigned(IRegistryEntry(order.dataset).owner(), word, hash, order.sign)) {
            revert IncompatibleDatasetOrder("Invalid dataset order signature");
        }
        (Deal memory deal,,) = Deals.full(Deals.storeOf(dealId));
        if (deal.requester == address(0)) revert IncompatibleDatasetOrder("Deal not found");
        if (deal.dataset.pointer != address(0)) revert IncompatibleDatasetOrder("Deal already has a dataset");
        if (!Signatures.isAllowed(order.apprestrict, deal.app.pointer)) {
            revert IncompatibleDatasetOrder("App restriction not satisfied");
        }
        if (!Signatures.isAllowed(order.workerpoolrestrict, deal.workerpool.pointer)) {
            revert IncompatibleDatasetOrder("Workerpool restriction not satisfied");
        }
        if (!Signatures.isAllowed(order.requesterrestrict, deal.requester)) {
            revert IncompatibleDatasetOrder("Requester restriction not satisfied");
        }
        if (order.tag & NO_FRAMEWORK_MASK & ~deal.tag != 0) {
            revert IncompatibleDatasetOrder("Tag compatibility not satisfied");
        }
    }

    /* DEALS AND TASKS */

    function viewDeal(bytes32 dealid) external view returns (Deal memory deal) {
        (deal,,) = Deals.full(Deals.storeOf(dealid));
    }

    function viewTask(bytes32 taskid) external view returns (Task memory) {
        return _task(taskid);
    }

    function viewContribution(bytes32 taskid, address worker) external view returns (Contribution memory) {
        return _contribution(taskid, worker);
    }

    /// @notice The callback data of a completed task (EIP-1154, pull).
    function resultFor(bytes32 taskid) external view returns (bytes memory) {
        TaskWord task = _tasks[taskid];
        if (task.status() != TaskStatusEnum.COMPLETED) revert Task_ResultPending(uint8(task.status()));
        return _outcome(task, taskid).resultsCallback;
    }

    function _task(bytes32 taskid) internal view returns (Task memory view_) {
        TaskWord task = _tasks[taskid];
        view_.status = task.status();
        if (task.dealStore() == address(0)) return view_;
        (Deal memory deal, bytes32 dealid, uint256 timeref) = Deals.full(task.dealStore());
        view_.dealid = dealid;
        view_.idx = deal.botFirst + (task.position() == WIDE_POSITION ? _widePositions[taskid] : task.position());
        view_.timeref = timeref;
        view_.contributionDeadline = deal.startTime + CONTRIBUTION_DEADLINE_RATIO * timeref;
        view_.finalDeadline = deal.startTime + FINAL_DEADLINE_RATIO * timeref;
        view_.revealDeadline = task.revealDeadline();
        Outcome memory outcome = _outcome(task, taskid);
        view_.results = outcome.results;
        view_.resultsCallback = outcome.resultsCallback;
        if (_isSolo(task)) {
            view_.consensusValue = _hash2(taskid, outcome.digest);
            view_.revealCounter = 1;
            view_.winnerCounter = 1;
            view_.contributors = new address[](1);
            view_.contributors[0] = outcome.worker;
            view_.resultDigest = outcome.digest;
            return view_;
        }
        _fillConsensus(task, taskid, view_);
    }

    /// @dev Contributors, counters and values of a task that was not completed by contributeAndFinalize.
    function _fillConsensus(TaskWord task, bytes32 taskid, Task memory view_) private view {
        uint256 number = task.contributions();
        uint256 winner = task.winner();
        view_.contributors = new address[](number);
        for (uint256 i; i < number; ++i) {
            ContributionWord contribution = _contributions[taskid][i];
            view_.contributors[i] = contribution.worker();
            if (winner == 0 || contribution.group() != winner - 1) continue;
            ContributionStatusEnum status = contribution.status();
            if (status != ContributionStatusEnum.REJECTED) ++view_.winnerCounter;
            if (status == ContributionStatusEnum.PROVED) ++view_.revealCounter;
        }
        if (winner == 0) return;
        view_.consensusValue = _groupValue(task, taskid, winner - 1);
        if (task.revealed()) view_.resultDigest = _groups[taskid][winner - 1];
    }

    function _contribution(bytes32 taskid, address worker) internal view returns (Contribution memory view_) {
        TaskWord task = _tasks[taskid];
        if (_isSolo(task)) {
            Outcome memory outcome = _outcome(task, taskid);
            if (outcome.worker != worker) return view_;
            view_.status = ContributionStatusEnum.PROVED;
            view_.resultHash = _hash2(taskid, outcome.digest);
            view_.resultSeal = _seal(worker, taskid, outcome.digest);
            view_.enclaveChallenge = outcome.enclave;
            return view_;
        }
        for (uint256 i = task.contributions(); i > 0;) {
            ContributionWord contribution = _contributions[taskid][--i];
            if (contribution.worker() != worker) continue;
            view_.status = contribution.status();
            view_.resultHash = _groupValue(task, taskid, contribution.group());
            view_.resultSeal = view_.status == ContributionStatusEnum.PROVED
                ? _seal(worker, taskid, _groups[taskid][contribution.group()])
                : bytes32((_seals[taskid][worker] & ~uint256(0xffff)) | contribution.sealTail());
            view_.enclaveChallenge = _enclaves[taskid][worker];
            view_.weight = contribution.logWeight();
        }
    }

    /// @dev Whether the task was completed by contributeAndFinalize.
    function _isSolo(TaskWord task) private pure returns (bool) {
        return task.dealStore() != address(0) && task.status() == TaskStatusEnum.COMPLETED && task.contributions() == 0;
    }

    function _outcome(TaskWord task, bytes32 taskid) private view returns (Outcome memory outcome) {
        uint256 short = _shortResults[taskid];
        if (short == 0) return Results.read(taskid, _isSolo(task));
        outcome.results = new bytes(uint8(short));
        for (uint256 i; i < outcome.results.length; ++i) {
            outcome.results[i] = bytes32(short)[i];
        }
    }
}
