// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPocoErrors} from "../../interfaces/IPocoErrors.sol";
import {Task, TaskStatusEnum} from "../../interfaces/PocoTypes.sol";
import {Orders, Stage} from "./Stage.sol";

/// @title The ends of the ranges: contributors, indices, gas
contract LimitsTest is Stage {
    uint256 private constant LIMIT = 255;
    /// @dev Half of a block, so that nobody can be kept out by the size of a task (spec W12).
    uint256 private constant GAS_BOUND = 15_000_000;

    function setUp() external {
        _open(false);
        address[4] memory rich = [requester, sponsor, scheduler, appOwner];
        for (uint256 i; i < rich.length; ++i) {
            _fund(rich[i], 1e15);
        }
    }

    function test_contribute__256th_worker__reverts() external {
        bytes32 taskid = _crowd(type(uint64).max, LIMIT);
        address late = _worker(LIMIT);
        _fund(late, 1e9);
        bytes memory authorization = _authorize(late, taskid);
        vm.prank(late);
        try hub.contribute(taskid, "hash", "seal", address(0), "", authorization) {
            revert Failed("a 256th contribution");
        } catch (bytes memory answer) {
            _equal("error", answer, abi.encodeWithSelector(IPocoErrors.Task_ContributorsFull.selector, LIMIT));
        }
    }

    function test_claim__255_contributors__refunds_all_within_half_a_block() external {
        bytes32 taskid = _crowd(type(uint64).max, LIMIT);
        vm.warp(block.timestamp + 10 * CLOCK);
        uint256 gas_ = gasleft();
        hub.claim(taskid);
        _true("gas of claim", gas_ - gasleft() < GAS_BOUND);
        for (uint256 i; i < LIMIT; ++i) {
            _equal("frozen", hub.frozenOf(_worker(i)), 0);
            _equal("balance", hub.balanceOf(_worker(i)), 1e9);
        }
        _equal("hub", hub.balanceOf(address(hub)), hub.frozenOf(KITTY));
    }

    /// @dev 180 workers with a value each and 75 that agree: 2^75 outweighs (1 + 2·180)·(2^64 − 2).
    function test_finalize__255_contributors__pays_within_half_a_block() external {
        bytes32 taskid = _crowd(type(uint64).max, 180);
        uint256 number = 180;
        while (hub.viewTask(taskid).status == TaskStatusEnum.ACTIVE) {
            _fund(_worker(number), 1e9);
            _contribute(_worker(number++), taskid, "agreed");
        }
        for (uint256 i = 180; i < number; ++i) {
            vm.prank(_worker(i));
            hub.reveal(taskid, "agreed");
        }
        uint256 gas_ = gasleft();
        vm.prank(scheduler);
        hub.finalize(taskid, "result", "");
        _true("gas of finalize", gas_ - gasleft() < GAS_BOUND);
        Task memory task = hub.viewTask(taskid);
        _equal("winners", task.winnerCounter, number - 180);
        _equal("revealed", task.revealCounter, number - 180);
        _equal("last winner's score", hub.viewScore(_worker(number - 1)), 1);
        _equal("hub", hub.balanceOf(address(hub)), 0);
    }

    function testFuzz_initialize__any_index_of_a_huge_bag__is_shown_as_given(uint64 index, uint64 volume) external {
        volume = uint64(_narrow(volume, 53));
        index = uint64(_narrow(index, 54));
        if (volume == 0) volume = 1;
        Orders memory o = _orders(0, volume, 1, false);
        bytes32 dealid = _match(o);
        try hub.initialize(dealid, index) returns (bytes32 taskid) {
            _true("index in the bag", index < volume);
            _equal("index", hub.viewTask(taskid).idx, index);
            _equal("dealid", uint256(hub.viewTask(taskid).dealid), uint256(dealid));
        } catch {
            _true("index beyond the bag", index >= volume);
        }
    }

    function test_initialize__last_index_of_2_to_the_53__is_shown_as_given() external {
        uint256[5] memory positions = [uint256(0x7ffffe), 0x7fffff, 0x800000, 0x800001, 2 ** 53 - 1];
        bytes32 dealid = _match(_orders(0, 2 ** 53, 1, false));
        for (uint256 i; i < positions.length; ++i) {
            bytes32 taskid = hub.initialize(dealid, positions[i]);
            _equal("index", hub.viewTask(taskid).idx, positions[i]);
            _contribute(_worker(1), taskid, "x");
            _equal("index while revealing", hub.viewTask(taskid).idx, positions[i]);
        }
    }

    /// @dev Whatever the gas: a match either reverts or leaves a deal that can be read, however long its params.
    function test_match__just_too_little_gas_for_the_record__locks_nothing() external {
        Orders memory o = _orders(1e6, 1, 1, false);
        o.request.params = string(_bytes(3, 20_000));
        _presign(o);
        for (uint256 gas_ = 4_000_000; gas_ < 5_400_000; gas_ += 10_000) {
            try hub.matchOrders{gas: gas_}(o.app, o.dataset, o.pool, o.request) returns (bytes32 dealid) {
                _equal("requester of the deal", hub.viewDeal(dealid).requester, requester);
                return;
            } catch {
                _equal("frozen", hub.frozenOf(requester), 0);
            }
        }
        revert Failed("a match with enough gas");
    }

    /// @dev The same for results: what was paid for can be read.
    function test_finalize__just_too_little_gas_for_the_results__pays_nothing() external {
        bytes memory data = _bytes(4, 20_000);
        bytes32 taskid = hub.initialize(_match(_orders(1e6, 1, 1, false)), 0);
        _fund(_worker(1), 1e9);
        _contribute(_worker(1), taskid, keccak256(data));
        vm.prank(_worker(1));
        hub.reveal(taskid, keccak256(data));
        for (uint256 gas_ = 4_000_000; gas_ < 5_400_000; gas_ += 10_000) {
            vm.prank(scheduler);
            try hub.finalize{gas: gas_}(taskid, "", data) {
                _equal("callback data", hub.resultFor(taskid), data);
                return;
            } catch {
                _equal("score", hub.viewScore(_worker(1)), 0);
            }
        }
        revert Failed("a finalize with enough gas");
    }

    /// @dev And for contributeAndFinalize.
    function test_contributeAndFinalize__just_too_little_gas_for_the_results__pays_nothing() external {
        bytes memory data = _bytes(5, 20_000);
        bytes32 taskid = hub.initialize(_match(_orders(1e6, 1, 1, false)), 0);
        address worker = _worker(1);
        bytes memory authorization = _authorize(worker, taskid);
        for (uint256 gas_ = 4_000_000; gas_ < 5_400_000; gas_ += 10_000) {
            vm.prank(worker);
            try hub.contributeAndFinalize{gas: gas_}(taskid, keccak256(data), "", data, address(0), "", authorization) {
                _equal("callback data", hub.resultFor(taskid), data);
                _equal("contributor", hub.viewTask(taskid).contributors[0], worker);
                return;
            } catch {
                _equal("reward", hub.balanceOf(worker), 0);
            }
        }
        revert Failed("a contributeAndFinalize with enough gas");
    }

    /// @dev A task with `number` contributions of a value each.
    function _crowd(uint256 trust, uint256 number) private returns (bytes32 taskid) {
        taskid = hub.initialize(_match(_orders(1e6, 1, trust, false)), 0);
        for (uint256 i; i < number; ++i) {
            _fund(_worker(i), 1e9);
            _contribute(_worker(i), taskid, bytes32(i + 1));
        }
    }
}
