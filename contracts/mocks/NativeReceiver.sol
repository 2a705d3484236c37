// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actor} from "./Actor.sol";
import {Reentrant} from "./Reentrant.sol";

/// @title A contract that is paid in the chain's currency, and accepts, refuses or calls back
contract NativeReceiver is Actor, Reentrant {
    enum Mode {
        Accept,
        Refuse,
        Reenter
    }

    error Receiver_Refused(uint256 value);

    Mode public mode;

    receive() external payable {
        if (mode == Mode.Refuse) revert Receiver_Refused(msg.value);
        if (mode == Mode.Reenter) _strike();
    }

    function setMode(Mode mode_) external {
        mode = mode_;
    }
}
