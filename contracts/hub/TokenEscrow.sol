// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IPocoHub} from "../../interfaces/IPocoHub.sol";
import {StakedToken} from "./StakedToken.sol";

/// @title Deposits and withdrawals of an ERC-20 base token (spec contracts §1.4, §1.5)
abstract contract TokenEscrow is StakedToken {
    function deposit(uint256 amount) external returns (bool) {
        _deposit(amount, msg.sender);
        return true;
    }

    function depositFor(uint256 amount, address target) external returns (bool) {
        _deposit(amount, target);
        return true;
    }

    function depositForArray(uint256[] calldata amounts, address[] calldata targets) external returns (bool) {
        if (amounts.length != targets.length) revert Escrow_LengthMismatch(amounts.length, targets.length);
        for (uint256 i; i < amounts.length; ++i) {
            _deposit(amounts[i], targets[i]);
        }
        return true;
    }

    function withdraw(uint256 amount) external returns (bool) {
        _withdraw(amount, msg.sender);
        return true;
    }

    function withdrawTo(uint256 amount, address target) external returns (bool) {
        _withdraw(amount, target);
        return true;
    }

    /// @notice Credit the owner with base tokens that the hub holds beyond its supply.
    function recover() external onlyOwner returns (uint256 delta) {
        delta = IERC20(BASE_TOKEN).balanceOf(address(this)) - _totalSupply;
        _mint(owner(), delta);
    }

    /// @notice Deposit what the base token's `approveAndCall` granted and, when `data` is a call of `matchOrders` by the
    /// same requester, match in the same transaction.
    /// @dev Only the base token may call (W7), so nobody converts another account's tokens.
    function receiveApproval(address sender, uint256 amount, address token_, bytes calldata data)
        external
        returns (bool)
    {
        if (token_ != BASE_TOKEN) revert Escrow_WrongToken(BASE_TOKEN, token_);
        if (msg.sender != BASE_TOKEN) revert Escrow_WrongToken(BASE_TOKEN, msg.sender);
        _pull(sender, amount);
        _mint(sender, amount);
        if (data.length != 0) _matchFor(sender, data);
        return true;
    }

    function _matchFor(address sender, bytes calldata data) private {
        bytes4 selector = bytes4(data);
        if (selector != IPocoHub.matchOrders.selector) revert UnsupportedOperation(selector);
        // The fourth argument's offset, then the requester as the seventh word of that order.
        uint256 order = data.length < 132 ? data.length : uint256(bytes32(data[100:132]));
        if (order > data.length || data.length - order < 228) revert OperationFailed();
        if (uint256(bytes32(data[order + 196:order + 228])) != uint160(sender)) revert CallerIsNotTheRequester();
        (bool success, bytes memory answer) = address(this).delegatecall(data);
        if (success) return;
        if (answer.length == 0) revert OperationFailed();
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    function _deposit(uint256 amount, address target) private {
        _pull(msg.sender, amount);
        _mint(target, amount);
    }

    function _withdraw(uint256 amount, address target) private {
        _burn(msg.sender, amount);
        _requireMoved(amount, abi.encodeCall(IERC20.transfer, (target, amount)));
    }

    function _pull(address from, uint256 amount) private {
        _requireMoved(amount, abi.encodeCall(IERC20.transferFrom, (from, address(this), amount)));
    }

    /// @dev Call the base token; its own revert bubbles up, any answer but true is refused.
    function _requireMoved(uint256 amount, bytes memory call_) private {
        (bool success, bytes memory answer) = BASE_TOKEN.call(call_);
        if (!success && answer.length != 0) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        if (!success || answer.length < 32 || uint256(bytes32(answer)) != 1) {
            revert Escrow_TokenTransferFailed(BASE_TOKEN, amount);
        }
    }
}
