// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {
    Category,
    Contribution,
    ContributionStatusEnum,
    Deal,
    Task,
    TaskStatusEnum
} from "../../interfaces/PocoTypes.sol";
import {Deals} from "../libraries/Deals.sol";
import {Views} from "./Views.sol";

/// @title Flat tuples for clients that cannot decode structs (spec contracts §1.11)
abstract contract LegacyViews is Views {
    function viewAccountABILegacy(address account) external view returns (uint256, uint256) {
        return (_balance(account), _frozen(account));
    }

    function viewDealABILegacy_pt1(bytes32 dealid)
        external
        view
        returns (address, address, uint256, address, address, uint256, address, address, uint256)
    {
        (Deal memory deal,,) = Deals.full(Deals.storeOf(dealid));
        return (
            deal.app.pointer,
            deal.app.owner,
            deal.app.price,
            deal.dataset.pointer,
            deal.dataset.owner,
            deal.dataset.price,
            deal.workerpool.pointer,
            deal.workerpool.owner,
            deal.workerpool.price
        );
    }

    function viewDealABILegacy_pt2(bytes32 dealid)
        external
        view
        returns (uint256, bytes32, address, address, address, string memory)
    {
        (Deal memory deal,,) = Deals.full(Deals.storeOf(dealid));
        return (deal.trust, deal.tag, deal.requester, deal.beneficiary, deal.callback, deal.params);
    }

    function viewConfigABILegacy(bytes32 dealid)
        external
        view
        returns (uint256, uint256, uint256, uint256, uint256, uint256)
    {
        (Deal memory deal,,) = Deals.full(Deals.storeOf(dealid));
        return (deal.category, deal.startTime, deal.botFirst, deal.botSize, deal.workerStake, deal.schedulerRewardRatio);
    }

    function viewTaskABILegacy(bytes32 taskid)
        external
        view
        returns (
            TaskStatusEnum,
            bytes32,
            uint256,
            uint256,
            uint256,
            uint256,
            uint256,
            bytes32,
            uint256,
            uint256,
            address[] memory,
            bytes memory
        )
    {
        Task memory task = _task(taskid);
        return (
            task.status,
            task.dealid,
            task.idx,
            task.timeref,
            task.contributionDeadline,
            task.revealDeadline,
            task.finalDeadline,
            task.consensusValue,
            task.revealCounter,
            task.winnerCounter,
            task.contributors,
            task.results
        );
    }

    function viewContributionABILegacy(bytes32 taskid, address worker)
        external
        view
        returns (ContributionStatusEnum, bytes32, bytes32, address)
    {
        Contribution memory contribution = _contribution(taskid, worker);
        return (contribution.status, contribution.resultHash, contribution.resultSeal, contribution.enclaveChallenge);
    }

    function viewCategoryABILegacy(uint256 catid) external view returns (string memory, string memory, uint256) {
        Category memory category = _category(catid);
        return (category.name, category.description, category.workClockTimeRef);
    }
}
