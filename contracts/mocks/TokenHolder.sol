// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actor} from "./Actor.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";

/// @title A contract that holds entries: it takes a safe transfer or answers it wrongly
contract TokenHolder is Actor, IERC721Receiver {
    event TokenReceived(address operator, address from, uint256 tokenId, bytes data);

    bool public refuses;

    function setRefuses(bool refuses_) external {
        refuses = refuses_;
    }

    /// @inheritdoc IERC721Receiver
    function onERC721Received(address operator, address from, uint256 tokenId, bytes calldata data)
        external
        returns (bytes4)
    {
        emit TokenReceived(operator, from, tokenId, data);
        return refuses ? bytes4(0) : IERC721Receiver.onERC721Received.selector;
    }
}
