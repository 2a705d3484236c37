// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IPocoHub} from "./IPocoHub.sol";

/// @title The hub in native mode: deposits of the chain's currency, 1 nRLC = 1e9 wei (spec §1.6)
/// @notice Plain value and unknown functions are deposits too. What is not a whole nRLC is handed back.
interface IPocoHubNative is IPocoHub {
    receive() external payable;
    fallback() external payable;
    function deposit() external payable returns (bool);
    function depositFor(address target) external payable returns (bool);
    /// @notice The sum of `amounts` (nRLC) must be covered by the value; the rest is handed back.
    function depositForArray(uint256[] calldata amounts, address[] calldata targets) external payable returns (bool);
}
