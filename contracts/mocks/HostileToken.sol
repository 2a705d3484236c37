// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Reentrant} from "./Reentrant.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title An ERC-20 that anyone can mint, and that refuses or calls back when it is told to move money
contract HostileToken is ERC20, Reentrant {
    enum Mode {
        Honest,
        ReturnFalse,
        ReturnNothing,
        Revert,
        Reenter
    }

    error HostileToken_Refused();

    Mode public mode;

    constructor() ERC20("Hostile token", "HOSTILE") {}

    function setMode(Mode mode_) external {
        mode = mode_;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function decimals() public pure override returns (uint8) {
        return 9;
    }

    /// @notice ReturnFalse moves nothing; ReturnNothing moves but answers with no data; Reenter strikes before it moves.
    function transfer(address to, uint256 amount) public override returns (bool) {
        return _misbehave() && super.transfer(to, amount) && _answer();
    }

    /// @notice As `transfer`.
    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return _misbehave() && super.transferFrom(from, to, amount) && _answer();
    }

    function _misbehave() private returns (bool goOn) {
        if (mode == Mode.Revert) revert HostileToken_Refused();
        if (mode == Mode.Reenter) _strike();
        return mode != Mode.ReturnFalse;
    }

    function _answer() private view returns (bool) {
        if (mode == Mode.ReturnNothing) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        return true;
    }
}
