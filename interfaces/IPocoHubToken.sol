// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IPocoHub} from "./IPocoHub.sol";
import {ITokenSpender} from "./ITokenSpender.sol";

/// @title The hub in token mode: deposits of an ERC-20 (spec §1.4, §1.5)
/// @notice `receiveApproval` takes the base token's `approveAndCall`: it deposits and, when `data` is a call of
/// `matchOrders` for the same requester, matches in the same transaction.
interface IPocoHubToken is IPocoHub, ITokenSpender {
    /// @notice Pull `amount` of the base token from the sender and credit it.
    function deposit(uint256 amount) external returns (bool);
    function depositFor(uint256 amount, address target) external returns (bool);
    function depositForArray(uint256[] calldata amounts, address[] calldata targets) external returns (bool);
}
