// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ContributionStatusEnum, Task, TaskStatusEnum} from "../../interfaces/PocoTypes.sol";
import {Orders, Stage} from "./Stage.sol";

/// @title Everybody acts at random on one hub; the numbers M1 to M7 are those of tests/contracts/README.md
contract MarketHandler is Stage {
    struct Item {
        bytes32 id;
        bytes32 dealid;
        uint256 index;
        uint256 ends;
        bool boosted;
        bool over;
    }

    uint256 private constant RICH = 1e14;
    uint256 private constant VALUES = 3;

    Item[] private items;
    address[] private people;
    uint256 private time = 1_800_000_000;

    /// @notice Tasks that ended.
    uint256 public completed;
    uint256 public failed;

    constructor(bool native_) payable {
        vm.warp(time);
        _open(native_);
        people = [appOwner, datasetOwner, requester, sponsor, scheduler];
        for (uint256 i; i < WORKERS; ++i) {
            people.push(_worker(i));
        }
        for (uint256 i; i < people.length; ++i) {
            _fund(people[i], RICH);
        }
    }

    modifier later(uint256 seed) {
        time += seed % 60;
        vm.warp(time);
        _;
    }

    /* ACTIONS */

    function wait(uint256 seed) external later(0) {
        time += CLOCK * (seed % 5);
    }

    function moveFreely(uint256 seed, uint256 amount) external later(seed) {
        address who = people[seed % people.length];
        amount %= hub.balanceOf(who) + 1;
        vm.prank(who);
        if (seed & 256 == 0) hub.transfer(people[(seed >> 16) % people.length], amount);
        else hub.withdraw(amount);
        if (seed & 512 != 0) _fund(who, amount);
    }

    function openDeal(uint256 seed, uint256 price, uint8 trust, uint8 volume) external later(seed) {
        _openDeal(seed, price % 1e12, trust % 5, 1 + volume % 3);
    }

    function contribute(uint256 seed) external later(seed) {
        (bool found, uint256 at) = _pick(seed, TaskStatusEnum.ACTIVE);
        if (!found || items[at].boosted) return;
        Item storage item = items[at];
        uint256 value = (seed >> 40) % (2 * VALUES);
        this.tryContribute(item.id, _worker((seed >> 32) % WORKERS), value < VALUES ? value : 0);
    }

    /// @dev Several workers in one go, so that replicated tasks reach their end often.
    function agree(uint256 seed) external later(seed) {
        (bool found, uint256 at) = _pick(seed, TaskStatusEnum.ACTIVE);
        if (!found || items[at].boosted) return;
        Item storage item = items[at];
        for (uint256 i; i < WORKERS; ++i) {
            try this.tryContribute(item.id, _worker((seed % WORKERS + i) % WORKERS), 0) {} catch {}
        }
    }

    function reveal(uint256 seed, uint8 silent) external later(seed) {
        (bool found, uint256 at) = _pick(seed, TaskStatusEnum.REVEALING);
        if (!found) return;
        Item storage item = items[at];
        for (uint256 i; i < WORKERS; ++i) {
            if (silent >> i & 1 != 0) continue;
            for (uint256 value; value < VALUES; ++value) {
                vm.prank(_worker(i));
                try hub.reveal(item.id, bytes32(value)) {} catch {}
            }
        }
    }

    function finalize(uint256 seed) external later(seed) {
        (bool found, uint256 at) = _pick(seed, TaskStatusEnum.REVEALING);
        if (!found) return;
        Item storage item = items[at];
        Task memory task = hub.viewTask(item.id);
        uint256[] memory before = _wealth();
        vm.prank(scheduler);
        try hub.finalize(item.id, _bytes(seed, seed % 100), "") {
            _finished(item);
            _checkLosers(item, task, before);
        } catch {
            vm.prank(scheduler);
            try hub.reopen(item.id) {} catch {}
        }
    }

    function completeAtOnce(uint256 seed) external later(seed) {
        (bool found, uint256 at) = _pick(seed, TaskStatusEnum.ACTIVE);
        if (!found) return;
        Item storage item = items[at];
        address worker = _worker((seed >> 32) % WORKERS);
        bytes memory authorization = _authorize(worker, item.id);
        vm.prank(worker);
        if (item.boosted) {
            try boost.pushResultBoost(item.dealid, item.index, "x", "", authorization, address(0), "") {
                _finished(item);
            } catch {}
        } else {
            try hub.contributeAndFinalize(item.id, "x", _bytes(seed, seed % 100), "", address(0), "", authorization) {
                _finished(item);
            } catch {}
        }
    }

    /// @dev M5, and M4 for tasks that are over.
    function claim(uint256 seed) external later(seed) {
        if (items.length == 0) return;
        Item storage item = items[seed % items.length];
        if (!item.over && time < item.ends && seed & 1024 == 0) {
            time = item.ends;
            vm.warp(time);
        }
        _claim(item);
    }

    /* CHECKS */

    /// @dev M1 and M2.
    function check() external view {
        uint256 balances = hub.balanceOf(address(hub));
        uint256 frozen = hub.frozenOf(KITTY);
        _equal("kitty has no free balance", hub.balanceOf(KITTY), 0);
        for (uint256 i; i < people.length; ++i) {
            balances += hub.balanceOf(people[i]);
            frozen += hub.frozenOf(people[i]);
        }
        _equal("supply is the sum of balances", hub.totalSupply(), balances);
        _equal("the hub holds what is frozen", hub.balanceOf(address(hub)), frozen);
        if (native) _equal("wei held", address(hub).balance, hub.totalSupply() * WEI_PER_UNIT);
        else _equal("tokens held", token.balanceOf(address(hub)), hub.totalSupply());
    }

    /// @dev M6: whatever the history, everything that is locked can be claimed once the deadlines are over.
    function drain() external {
        time += 20 * CLOCK;
        vm.warp(time);
        for (uint256 i; i < items.length; ++i) {
            if (!items[i].over) _claim(items[i]);
        }
        for (uint256 i; i < people.length; ++i) {
            _equal("nothing stays frozen", hub.frozenOf(people[i]), 0);
        }
        _equal("the hub holds the kitty only", hub.balanceOf(address(hub)), hub.frozenOf(KITTY));
    }

    /* HELPERS */

    function tryContribute(bytes32 taskid, address worker, uint256 value) external {
        bytes memory authorization = _authorize(worker, taskid);
        bytes32 digest = bytes32(value);
        bytes32 resultHash = keccak256(abi.encodePacked(taskid, digest));
        bytes32 seal = keccak256(abi.encodePacked(worker, taskid, digest));
        vm.prank(worker);
        try hub.contribute(taskid, resultHash, seal, address(0), "", authorization) {} catch {}
    }

    function _openDeal(uint256 seed, uint256 price, uint256 trust, uint256 volume) private {
        bool boosted = seed & 256 == 0;
        Orders memory o = _orders(price, volume, boosted ? trust % 2 : trust, seed & 512 == 0);
        uint256 stake = price * 30 / 100 * volume;
        address payer = seed & 1024 == 0 ? sponsor : requester;
        uint256 cost = (price + o.app.appprice + o.dataset.datasetprice) * volume;
        if (hub.balanceOf(scheduler) < stake) _fund(scheduler, stake);
        if (hub.balanceOf(payer) < cost) _fund(payer, cost);
        _presign(o);
        bytes32 dealid;
        vm.prank(payer);
        if (boosted) {
            dealid = payer == sponsor
                ? boost.sponsorMatchOrdersBoost(o.app, o.dataset, o.pool, o.request)
                : boost.matchOrdersBoost(o.app, o.dataset, o.pool, o.request);
        } else {
            dealid = payer == sponsor
                ? hub.sponsorMatchOrders(o.app, o.dataset, o.pool, o.request)
                : hub.matchOrders(o.app, o.dataset, o.pool, o.request);
        }
        for (uint256 i; i < volume; ++i) {
            bytes32 taskid = boosted ? keccak256(abi.encode(dealid, i)) : hub.initialize(dealid, i);
            items.push(Item(taskid, dealid, i, time + (boosted ? 7 : 10) * CLOCK, boosted, false));
        }
    }

    /// @dev A task in `status`, from a random place on; a Boost task is active until it is over.
    function _pick(uint256 seed, TaskStatusEnum status) private view returns (bool found, uint256 at) {
        for (uint256 i; i < items.length && i < 12; ++i) {
            at = (seed % items.length + i) % items.length;
            if (items[at].over) continue;
            if (items[at].boosted) {
                if (status == TaskStatusEnum.ACTIVE) return (true, at);
            } else if (hub.viewTask(items[at].id).status == status) {
                return (true, at);
            }
        }
    }

    /// @dev M4: what is over cannot end again.
    function _finished(Item storage item) private {
        item.over = true;
        ++completed;
        _true("completed", hub.viewTask(item.id).status == TaskStatusEnum.COMPLETED);
        _cannotEnd(item);
    }

    function _cannotEnd(Item storage item) private {
        if (item.boosted) {
            try boost.claimBoost(item.dealid, item.index) {
                revert Failed("claimed again");
            } catch {}
            return;
        }
        try hub.claim(item.id) {
            revert Failed("claimed again");
        } catch {}
        vm.prank(scheduler);
        try hub.finalize(item.id, "", "") {
            revert Failed("finalized again");
        } catch {}
    }

    /// @dev M5: a failed task costs nobody but the scheduler, and that its stake only, which the kitty gets.
    function _claim(Item storage item) private {
        if (item.over) return _cannotEnd(item);
        uint256[] memory before = _wealth();
        uint256 kitty = hub.frozenOf(KITTY);
        bool due = time >= item.ends;
        bool claimed;
        if (item.boosted) {
            try boost.claimBoost(item.dealid, item.index) {
                claimed = true;
            } catch {}
        } else {
            try hub.claim(item.id) {
                claimed = true;
            } catch {}
        }
        _true("claimable exactly from the deadline on", claimed == due);
        if (!claimed) return;
        item.over = true;
        ++failed;
        uint256 stake = hub.frozenOf(KITTY) - kitty;
        for (uint256 i; i < people.length; ++i) {
            uint256 wealth = hub.balanceOf(people[i]) + hub.frozenOf(people[i]);
            _equal("wealth after a failure", wealth, people[i] == scheduler ? before[i] - stake : before[i]);
        }
        _cannotEnd(item);
    }

    /// @dev M5: a completed task costs its payer the price, and those workers their stake that did not prove it.
    function _checkLosers(Item storage item, Task memory task, uint256[] memory before) private view {
        uint256 stake = hub.viewDeal(item.dealid).workerStake;
        address payer = hub.viewDeal(item.dealid).sponsor;
        for (uint256 i; i < people.length; ++i) {
            uint256 wealth = hub.balanceOf(people[i]) + hub.frozenOf(people[i]);
            if (people[i] == payer || wealth >= before[i]) continue;
            _equal("loss of a worker", before[i] - wealth, stake);
            _true(
                "the loser did not prove",
                hub.viewContribution(item.id, people[i]).status != ContributionStatusEnum.PROVED
            );
            bool contributed;
            for (uint256 j; j < task.contributors.length; ++j) {
                if (task.contributors[j] == people[i]) contributed = true;
            }
            _true("the loser had staked", contributed);
        }
    }

    function _wealth() private view returns (uint256[] memory wealth) {
        wealth = new uint256[](people.length);
        for (uint256 i; i < people.length; ++i) {
            wealth[i] = hub.balanceOf(people[i]) + hub.frozenOf(people[i]);
        }
    }
}

abstract contract MarketInvariants {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    MarketHandler internal handler;

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory chosen) {
        bytes4[] memory selectors = new bytes4[](9);
        selectors[0] = MarketHandler.wait.selector;
        selectors[1] = MarketHandler.moveFreely.selector;
        selectors[2] = MarketHandler.openDeal.selector;
        selectors[3] = MarketHandler.contribute.selector;
        selectors[4] = MarketHandler.agree.selector;
        selectors[5] = MarketHandler.reveal.selector;
        selectors[6] = MarketHandler.finalize.selector;
        selectors[7] = MarketHandler.completeAtOnce.selector;
        selectors[8] = MarketHandler.claim.selector;
        chosen = new FuzzSelector[](1);
        chosen[0] = FuzzSelector(address(handler), selectors);
    }

    function invariant_money_is_neither_made_nor_lost() external view {
        handler.check();
    }

    function afterInvariant() external {
        handler.drain();
        handler.check();
    }
}

contract TokenMarketTest is MarketInvariants {
    function setUp() external {
        handler = new MarketHandler(false);
    }

    /// @dev The handler's actions do what they are meant to: a replicated task, one at once, and one that fails.
    function test_handler__planned_history__completes_two_tasks_and_fails_one() external {
        handler.openDeal(256, 1e9, 3, 0);
        handler.agree(0);
        handler.reveal(0, 0);
        handler.finalize(0);
        assert(handler.completed() == 1 && handler.failed() == 0);
        handler.openDeal(256, 1e9, 1, 1);
        handler.completeAtOnce(1);
        handler.claim(2);
        assert(handler.completed() == 2 && handler.failed() == 1);
    }
}

contract NativeMarketTest is MarketInvariants {
    function setUp() external {
        handler = new MarketHandler(true);
    }
}
