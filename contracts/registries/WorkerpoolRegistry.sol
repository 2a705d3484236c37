// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IWorkerpool} from "../../interfaces/IWorkerpool.sol";
import {IWorkerpoolRegistry} from "../../interfaces/IWorkerpoolRegistry.sol";
import {Registry} from "./Registry.sol";
import {Workerpool} from "./Workerpool.sol";

/// @title The registry of workerpools, and of their policies
/// @dev The token's extra bits hold the policies as the difference from the default, so that creation writes nothing:
/// bits 0-7 stake ratio XOR 30 · 8-14 reward ratio XOR 1 · 15 the stake ratio has a slot of its own.
contract WorkerpoolRegistry is IWorkerpoolRegistry, Registry {
    /// @dev Percent.
    uint256 private constant DEFAULT_STAKE_RATIO = 30;
    uint256 private constant DEFAULT_REWARD_RATIO = 1;
    uint256 private constant MAX_REWARD_RATIO = 100;
    uint256 private constant MAX_STAKE_RATIO = type(uint128).max;
    uint256 private constant WIDE = 1 << 15;

    mapping(address workerpool => uint256 ratio) private _wideStakeRatios;

    /// @param initialOwner may set base URI and previous registry.
    constructor(address initialOwner)
        Registry("iExec Workerpool Registry (V5)", "iExecWorkerpoolV5", address(new Workerpool()), initialOwner)
    {}

    /// @inheritdoc IWorkerpoolRegistry
    function createWorkerpool(address owner_, string calldata description) external returns (address workerpool) {
        return _create(owner_, abi.encodeCall(IWorkerpool.initialize, (description)), bytes(description));
    }

    /// @inheritdoc IWorkerpoolRegistry
    function predictWorkerpool(address owner_, string calldata description) external view returns (address workerpool) {
        return _predict(owner_, abi.encodeCall(IWorkerpool.initialize, (description)));
    }

    /// @inheritdoc IWorkerpoolRegistry
    function registeredWorkerpool(address workerpool)
        external
        view
        returns (address owner_, uint256 workerStakeRatio, uint256 schedulerRewardRatio)
    {
        Token memory token = _token(workerpool);
        if (token.owner == address(0)) return _previousWorkerpool(workerpool);
        owner_ = token.owner;
        workerStakeRatio =
            token.extra & WIDE == 0 ? (token.extra & 0xff) ^ DEFAULT_STAKE_RATIO : _wideStakeRatios[workerpool];
        schedulerRewardRatio = (token.extra >> 8 & 0x7f) ^ DEFAULT_REWARD_RATIO;
    }

    /// @inheritdoc IWorkerpoolRegistry
    function setPolicy(uint256 workerStakeRatio, uint256 schedulerRewardRatio) external {
        _requireOwned(_id(msg.sender));
        uint256 extra = (schedulerRewardRatio ^ DEFAULT_REWARD_RATIO) << 8;
        if (workerStakeRatio > type(uint8).max) {
            _wideStakeRatios[msg.sender] = workerStakeRatio;
            extra |= WIDE;
        } else {
            extra |= workerStakeRatio ^ DEFAULT_STAKE_RATIO;
        }
        // `IWorkerpool.changePolicy` lets no reward ratio above 100 through: it has seven bits.
        _setExtra(msg.sender, uint16(extra));
    }

    function _previousWorkerpool(address workerpool)
        private
        view
        returns (address owner_, uint256 workerStakeRatio, uint256 schedulerRewardRatio)
    {
        owner_ = _previousOwnerOf(workerpool);
        if (owner_ == address(0)) return (address(0), 0, 0);
        bool read;
        bool readToo;
        (read, workerStakeRatio) = _read(workerpool, abi.encodeCall(IWorkerpool.m_workerStakeRatioPolicy, ()));
        (readToo, schedulerRewardRatio) =
            _read(workerpool, abi.encodeCall(IWorkerpool.m_schedulerRewardRatioPolicy, ()));
        if (!read || !readToo || workerStakeRatio > MAX_STAKE_RATIO || schedulerRewardRatio > MAX_REWARD_RATIO) {
            return (address(0), 0, 0);
        }
    }
}
