// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

/// @title The base token of a market: an ERC-20 that can approve and call in one transaction
/// @notice Amounts are nRLC (9 decimals).
interface IRLC is IERC20Metadata {
    /// @notice The spender answered false to `receiveApproval`.
    error RLC_ApprovalRefused(address spender);

    /// @notice Approve `spender` and call its `receiveApproval(caller, value, token, data)`; its reverts are passed on.
    /// @param spender a contract.
    /// @param data handed to the spender as it is.
    function approveAndCall(address spender, uint256 value, bytes calldata data) external returns (bool);
}
