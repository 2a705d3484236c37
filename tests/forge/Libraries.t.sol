// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccountWord, LedgerWord} from "../../contracts/libraries/Accounts.sol";
import {BoostDeals} from "../../contracts/libraries/BoostDeals.sol";
import {Checked} from "../../contracts/libraries/Checked.sol";
import {CodeStore} from "../../contracts/libraries/CodeStore.sol";
import {put, take} from "../../contracts/libraries/Cursor.sol";
import {DealTerms, Deals} from "../../contracts/libraries/Deals.sol";
import {Outcome, Results} from "../../contracts/libraries/Results.sol";
import {ContributionLib, ContributionWord, TaskLib, TaskWord} from "../../contracts/libraries/Tasks.sol";
import {
    AppOrder,
    ContributionStatusEnum,
    DatasetOrder,
    Deal,
    DealBoost,
    RequestOrder,
    TaskStatusEnum,
    WorkerpoolOrder
} from "../../interfaces/PocoTypes.sol";
import {Checks} from "./Checks.sol";

/// @title Packed words against plain structs
contract WordsTest is Checks {
    struct PlainAccount {
        uint96 balance;
        uint96 frozen;
        uint64 score;
    }

    struct PlainTask {
        address store;
        uint8 status;
        uint8 contributions;
        uint8 groups;
        uint8 winner;
        uint256 position;
        bool revealed;
        uint40 deadline;
    }

    function testFuzz_account__any_move__touches_only_its_fields(
        PlainAccount memory p,
        uint8 move,
        uint96 amount,
        uint64 score
    ) external pure {
        AccountWord word = AccountWord.wrap(uint256(p.balance) | (uint256(p.frozen) << 96) | (uint256(p.score) << 192));
        move %= 5;
        if (move == 0 && amount <= type(uint96).max - p.balance) {
            (word, p.balance) = (word.credit(amount), p.balance + amount);
        } else if (move == 1 && amount <= p.balance) {
            (word, p.balance) = (word.debit(amount), p.balance - amount);
        } else if (move == 2 && amount <= p.balance && amount <= type(uint96).max - p.frozen) {
            (word, p.balance, p.frozen) = (word.freeze(amount), p.balance - amount, p.frozen + amount);
        } else if (move == 3 && amount <= p.frozen) {
            (word, p.frozen) = (word.release(amount), p.frozen - amount);
        } else if (move == 4) {
            (word, p.score) = (word.withScore(score), score);
        }
        _equal("balance", word.balance(), p.balance);
        _equal("frozen", word.frozen(), p.frozen);
        _equal("score", word.score(), p.score);
    }

    function testFuzz_ledger__any_move__touches_only_its_fields(
        uint96 balance,
        uint96 kitty,
        uint32 callbackGas,
        uint8 move,
        uint96 amount,
        uint32 gas_
    ) external pure {
        LedgerWord word = LedgerWord.wrap(uint256(balance) | (uint256(kitty) << 96) | (uint256(callbackGas) << 192));
        move %= 5;
        if (move == 0 && amount <= type(uint96).max - balance) {
            (word, balance) = (word.credit(amount), balance + amount);
        }
        if (move == 1 && amount <= balance) (word, balance) = (word.debit(amount), balance - amount);
        if (move == 2 && amount <= type(uint96).max - kitty) (word, kitty) = (word.fillKitty(amount), kitty + amount);
        if (move == 3 && amount <= kitty) (word, kitty) = (word.drainKitty(amount), kitty - amount);
        if (move == 4) (word, callbackGas) = (word.withCallbackGas(gas_), gas_);
        _equal("hub balance", word.hubBalance(), balance);
        _equal("kitty", word.kitty(), kitty);
        _equal("callback gas", word.callbackGas(), callbackGas);
    }

    function testFuzz_task__any_update__touches_only_its_fields(PlainTask memory p, uint256[6] memory updates)
        external
        pure
    {
        p.position &= 0x7fffff;
        TaskWord word = TaskLib.create(p.store, p.position);
        (p.status, p.contributions, p.groups, p.winner, p.revealed, p.deadline) =
        (uint8(TaskStatusEnum.ACTIVE), 0, 0, 0, false, 0);
        _same(word, p);
        for (uint256 i; i < updates.length; ++i) {
            uint256 value = updates[i] >> 8;
            uint256 update = updates[i] % 5;
            if (update == 0) {
                p.status = uint8(value % 5);
                word = word.withStatus(TaskStatusEnum(p.status));
            } else if (update == 1) {
                ++p.contributions;
                word = word.withContribution();
            } else if (update == 2) {
                ++p.groups;
                word = word.withGroup();
            } else if (update == 3) {
                p.revealed = true;
                word = word.withRevealed();
            } else {
                (p.winner, p.deadline) = (uint8(value), uint40(value >> 8));
                word = word.withConsensus(p.winner, p.deadline);
            }
            _same(word, p);
        }
    }

    function testFuzz_contribution__status_changes__keep_the_rest(
        address worker,
        uint8 group,
        bytes32 seal,
        uint40 weight,
        bool enclave,
        uint8 status
    ) external pure {
        weight = weight < 2 ? 2 : weight;
        ContributionWord word = ContributionLib.create(worker, group, seal, weight, enclave);
        _equal("first status", uint8(word.status()), uint8(ContributionStatusEnum.CONTRIBUTED));
        word = word.withStatus(ContributionStatusEnum(status % 4));
        _equal("status", uint8(word.status()), status % 4);
        _equal("worker", word.worker(), worker);
        _equal("group", word.group(), group);
        _equal("seal tail", word.sealTail(), uint16(uint256(seal)));
        _equal("weight", word.weight(), weight);
        _true("enclave", word.hasEnclave() == enclave);
        uint256 log;
        while (2 ** (log + 1) <= weight) ++log;
        _equal("log weight", word.logWeight(), log);
    }

    function testFuzz_cursor__put_and_take__are_a_round_trip(uint256 value, uint8 width, uint256 next) external pure {
        uint256 size = width % 33;
        if (size < 32) value &= (1 << (8 * size)) - 1;
        bytes memory buffer = new bytes(96);
        uint256 at;
        assembly ("memory-safe") {
            at := add(buffer, 32)
        }
        uint256 after_ = put(at, size, value);
        _equal("cursor", after_ - at, size);
        put(after_, 32, next);
        _equal("value", take(at, size), value);
        _equal("neighbour", take(after_, 32), next);
    }

    function _same(TaskWord word, PlainTask memory p) private pure {
        _equal("store", word.dealStore(), p.store);
        _equal("status", uint8(word.status()), p.status);
        _equal("contributions", word.contributions(), p.contributions);
        _equal("groups", word.groups(), p.groups);
        _equal("winner", word.winner(), p.winner);
        _equal("position", word.position(), p.position);
        _true("revealed", word.revealed() == p.revealed);
        _equal("deadline", word.revealDeadline(), p.deadline);
    }
}

/// @title Records kept as code against the values that were written
contract RecordsTest is Checks {
    receive() external payable {
        CodeStore.serve();
    }

    function write(bytes32 salt, bytes memory code) external returns (address) {
        return CodeStore.write(salt, code);
    }

    function writeDeal(
        bytes32 dealid,
        AppOrder calldata a,
        DatasetOrder calldata d,
        WorkerpoolOrder calldata w,
        RequestOrder calldata r,
        Checked memory m,
        address sponsor
    ) external {
        Deals.write(dealid, a, d, w, r, m, sponsor);
    }

    function writeResults(bytes32 taskid, bytes calldata results, bytes calldata callback) external {
        Results.write(taskid, results, callback);
    }

    function writeSolo(bytes32 taskid, Outcome calldata o) external {
        Results.writeSolo(taskid, o.worker, o.enclave, o.digest, o.results, o.resultsCallback);
    }

    function testFuzz_codeStore__write__code_is_at_the_predicted_address(bytes32 salt, uint256 seed, uint16 size)
        external
    {
        bytes memory code = abi.encodePacked(bytes1(0), _bytes(seed, size % 700));
        address store = this.write(salt, code);
        _equal("address", store, CodeStore.addressOf(salt));
        _equal("code", store.code, code);
        try this.write(salt, hex"00ff") returns (address second) {
            _equal("second write", second, address(0));
        } catch {}
        _equal("code after a second write", store.code, code);
    }

    function test_codeStore__largest_code__is_kept() external {
        bytes memory code = abi.encodePacked(bytes1(0), _bytes(7, 24_575));
        _equal("code", this.write("largest", code).code, code);
    }

    function test_codeStore__code_that_no_contract_may_have__makes_no_record() external {
        try this.write("illegal", hex"ef00") returns (address store) {
            _equal("store", store, address(0)); // EIP-3541
        } catch {}
        _equal("code", CodeStore.addressOf("illegal").code.length, 0);
    }

    /// @dev Whatever the gas, the answer is the whole record or none: never an empty one.
    function testFuzz_codeStore__little_gas__whole_record_or_zero(bytes32 salt, uint24 gas_, uint16 size) external {
        bytes memory code = abi.encodePacked(bytes1(0), _bytes(uint256(salt), size % 4000));
        try this.write{gas: 60_000 + uint256(gas_) % 1_200_000}(salt, code) returns (address store) {
            if (store != address(0)) _equal("code", store.code, code);
        } catch {}
    }

    function test_codeStore__unasked__serves_nothing() external {
        (bool success, bytes memory answer) = address(this).call("");
        _true("success", success);
        _equal("answer", answer.length, 0);
    }

    function testFuzz_deals__any_deal__reads_back(
        bytes32 dealid,
        Deal memory deal,
        uint256 timeref,
        uint256 shape,
        bytes32 seed
    ) external {
        timeref = _narrow(timeref, 32);
        deal = _legal(deal, shape);
        deal.params = string(_bytes(uint256(seed), shape % 5 == 0 ? 0 : uint256(seed) % 500));
        _checkDeal(dealid, deal, timeref);
    }

    function test_deals__longest_params_and_widest_fields__read_back() external {
        Deal memory deal;
        deal.app.price = deal.workerpool.price = deal.dataset.price = deal.workerStake = type(uint96).max;
        deal.botFirst = deal.botSize = deal.trust = deal.category = type(uint64).max;
        deal.tag = bytes32(type(uint256).max);
        deal.dataset.pointer = deal.dataset.owner = address(type(uint160).max);
        (deal.sponsor, deal.callback, deal.beneficiary) = (address(1), address(2), address(3));
        deal.schedulerRewardRatio = 100;
        deal.startTime = type(uint40).max;
        deal.params = string(_bytes(11, Deals.MAX_PARAMS));
        _checkDeal("widest", deal, type(uint32).max);
    }

    function test_deals__unknown__reads_zeros() external view {
        address store = CodeStore.addressOf("nothing");
        (address workerpool,, uint256 size) = Deals.placing(store);
        _equal("workerpool", workerpool, address(0));
        _equal("size", size, 0);
        (Deal memory deal, bytes32 dealid,) = Deals.full(store);
        _equal("requester", deal.requester, address(0));
        _equal("dealid", uint256(dealid), 0);
    }

    function testFuzz_boostDeals__any_deal__reads_back(bytes32 dealid, DealBoost memory deal) external {
        BoostDeals.write(dealid, deal);
        _equal("deal", abi.encode(BoostDeals.read(dealid)), abi.encode(deal));
        _true("not a classic deal", Deals.storeOf(dealid).code.length == 0);
    }

    function testFuzz_results__any_outcome__reads_back(bytes32 taskid, bool solo, Outcome memory o, uint16 a, uint16 b)
        external
    {
        o.results = _bytes(a, a % 1200);
        o.resultsCallback = _bytes(b, b % 900);
        if (solo) {
            this.writeSolo(taskid, o);
        } else {
            (o.worker, o.enclave, o.digest) = (address(0), address(0), 0);
            this.writeResults(taskid, o.results, o.resultsCallback);
        }
        _equal("outcome", abi.encode(Results.read(taskid, solo)), abi.encode(o));
    }

    function test_results__longest__read_back() external {
        Outcome memory o;
        (o.worker, o.digest) = (address(9), "digest");
        o.results = _bytes(1, 20_000);
        o.resultsCallback = _bytes(2, Results.MAX_SIZE - 20_000);
        this.writeSolo("longest", o);
        _equal("outcome", abi.encode(Results.read("longest", true)), abi.encode(o));
    }

    /// @dev Bring fuzzed fields into the bounds that the hub checks before it writes; `shape` makes equal and absent
    /// addresses likely.
    function _legal(Deal memory deal, uint256 shape) private pure returns (Deal memory) {
        deal.app.price = _narrow(deal.app.price, 96);
        deal.workerpool.price = _narrow(deal.workerpool.price, 96);
        deal.dataset.price = _narrow(deal.dataset.price, 96);
        deal.workerStake = _narrow(deal.workerStake, 96);
        deal.botFirst = _narrow(deal.botFirst, 64);
        deal.botSize = _narrow(deal.botSize, 64);
        deal.trust = _narrow(deal.trust, 64);
        deal.category = _narrow(deal.category, 64);
        deal.tag = bytes32(_narrow(uint256(deal.tag), 256));
        deal.schedulerRewardRatio %= 101;
        deal.startTime = _narrow(deal.startTime, 40);
        if (deal.trust == 0) deal.trust = 1;
        if (deal.dataset.owner == address(0)) deal.dataset.owner = address(1);
        if (shape & 1 != 0) {
            (deal.dataset.pointer, deal.dataset.owner, deal.dataset.price) = (address(0), address(0), 0);
        }
        if (shape & 2 != 0) deal.sponsor = deal.requester;
        if (shape & 4 != 0) deal.callback = address(0);
        if (shape & 8 != 0) deal.beneficiary = deal.requester;
        if (shape & 24 == 16) deal.beneficiary = address(0);
        return deal;
    }

    /// @dev Write the record of orders that make `deal`.
    function _write(bytes32 dealid, Deal memory deal, uint256 timeref) private {
        AppOrder memory a;
        DatasetOrder memory d;
        WorkerpoolOrder memory w;
        RequestOrder memory r;
        Checked memory m;
        (a.app, a.appprice, m.appOwner) = (deal.app.pointer, deal.app.price, deal.app.owner);
        (d.dataset, d.datasetprice) = (deal.dataset.pointer, deal.dataset.price);
        (m.datasetPrice, m.datasetOwner) = (deal.dataset.price, deal.dataset.owner);
        (w.workerpool, w.workerpoolprice, m.workerpoolOwner) =
        (deal.workerpool.pointer, deal.workerpool.price, deal.workerpool.owner);
        (r.requester, r.beneficiary, r.callback) = (deal.requester, deal.beneficiary, deal.callback);
        (r.trust, r.category, r.params) = (deal.trust, deal.category, deal.params);
        (m.tag, m.workerStake, m.timeref) = (deal.tag, deal.workerStake, timeref);
        (m.botFirst, m.volume, m.schedulerRewardRatio) = (deal.botFirst, deal.botSize, deal.schedulerRewardRatio);
        vm.warp(deal.startTime);
        this.writeDeal(dealid, a, d, w, r, m, deal.sponsor);
    }

    function _checkDeal(bytes32 dealid, Deal memory deal, uint256 timeref) private {
        _write(dealid, deal, timeref);
        address store = Deals.storeOf(dealid);
        (Deal memory read, bytes32 readId, uint256 readClock) = Deals.full(store);
        _equal("deal", abi.encode(read), abi.encode(deal));
        _equal("dealid", uint256(readId), uint256(dealid));
        _equal("timeref", readClock, timeref);
        (address workerpool, uint256 first, uint256 size) = Deals.placing(store);
        _equal(
            "placing",
            abi.encode(workerpool, first, size),
            abi.encode(deal.workerpool.pointer, deal.botFirst, deal.botSize)
        );
        _equal("terms", abi.encode(Deals.terms(store)), abi.encode(_terms(deal, timeref)));
    }

    function _terms(Deal memory deal, uint256 timeref) private pure returns (DealTerms memory t) {
        (t.appPrice, t.workerpoolPrice, t.datasetPrice) = (deal.app.price, deal.workerpool.price, deal.dataset.price);
        (t.workerStake, t.botFirst, t.botSize, t.trust) = (deal.workerStake, deal.botFirst, deal.botSize, deal.trust);
        (t.startTime, t.timeref, t.schedulerRewardRatio) = (deal.startTime, timeref, deal.schedulerRewardRatio);
        (t.workerpool, t.scheduler, t.sponsor) = (deal.workerpool.pointer, deal.workerpool.owner, deal.sponsor);
        (t.appOwner, t.datasetOwner, t.callback) = (deal.app.owner, deal.dataset.owner, deal.callback);
        t.tee = uint256(deal.tag) & 1 != 0;
    }
}
