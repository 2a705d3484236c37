// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IOracleConsumer} from "../../interfaces/IOracleConsumer.sol";
import {GasBurner} from "./GasBurner.sol";
import {Reentrant} from "./Reentrant.sol";

/// @title A callback target, well-behaved or not
contract OracleConsumer is IOracleConsumer, GasBurner, Reentrant {
    enum Mode {
        Record,
        Revert,
        BurnGas,
        ReturnBomb,
        Reenter
    }

    event ResultReceived(bytes32 indexed id, bytes result, uint256 gas);

    error Consumer_Refused();

    /// @dev Bytes: copying them costs the caller about 300,000 gas.
    uint256 private constant BOMB_SIZE = 250_000;

    mapping(bytes32 id => bytes result) public results;
    Mode public mode;

    function setMode(Mode mode_) external {
        mode = mode_;
    }

    /// @inheritdoc IOracleConsumer
    function receiveResult(bytes32 id, bytes calldata result) external {
        if (mode == Mode.Revert) revert Consumer_Refused();
        if (mode == Mode.BurnGas) _burnGas();
        if (mode == Mode.ReturnBomb) {
            assembly ("memory-safe") {
                return(0, BOMB_SIZE)
            }
        }
        emit ResultReceived(id, result, gasleft());
        results[id] = result;
        if (mode == Mode.Reenter) _strike();
    }
}
