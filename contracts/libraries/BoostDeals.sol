// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {DealBoost} from "../../interfaces/PocoTypes.sol";
import {CodeStore} from "./CodeStore.sol";

/// @title Boost deals as code: the members of DealBoost, packed, after the STOP byte
library BoostDeals {
    bytes32 private constant DOMAIN = keccak256("poco.deal.boost");

    function write(bytes32 dealid, DealBoost memory deal) internal {
        bytes memory owners = abi.encodePacked(
            deal.appOwner,
            deal.appPrice,
            deal.datasetOwner,
            deal.datasetPrice,
            deal.workerpoolOwner,
            deal.workerpoolPrice
        );
        CodeStore.write(
            _salt(dealid),
            abi.encodePacked(
                bytes1(0),
                owners,
                deal.requester,
                deal.workerReward,
                deal.callback,
                deal.deadline,
                deal.botFirst,
                deal.botSize,
                deal.shortTag,
                deal.sponsor
            )
        );
    }

    /// @notice The deal; zeros when it does not exist.
    function read(bytes32 dealid) internal view returns (DealBoost memory deal) {
        bytes memory code = CodeStore.addressOf(_salt(dealid)).code;
        if (code.length == 0) return deal;
        (deal.appOwner, deal.appPrice) = _party(code, 1);
        (deal.datasetOwner, deal.datasetPrice) = _party(code, 33);
        (deal.workerpoolOwner, deal.workerpoolPrice) = _party(code, 65);
        (deal.requester, deal.workerReward) = _party(code, 97);
        uint256 word = _word(code, 129);
        deal.callback = address(uint160(word >> 96));
        deal.deadline = uint40(word >> 56);
        deal.botFirst = uint16(word >> 40);
        deal.botSize = uint16(word >> 24);
        deal.shortTag = bytes3(uint24(word));
        deal.sponsor = address(uint160(_word(code, 161) >> 96));
    }

    function _party(bytes memory code, uint256 at) private pure returns (address account, uint96 amount) {
        uint256 word = _word(code, at);
        return (address(uint160(word >> 96)), uint96(word));
    }

    function _word(bytes memory code, uint256 at) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(code, 32), at))
        }
    }

    function _salt(bytes32 dealid) private pure returns (bytes32) {
        return CodeStore.saltOf(DOMAIN, dealid);
    }
}
