// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CodeStore} from "./CodeStore.sol";
import {take} from "./Cursor.sol";

/// @notice What a completed task keeps. `worker`, `digest` and `enclave` are those of a task completed by
/// contributeAndFinalize, zero otherwise.
struct Outcome {
    address worker;
    address enclave;
    bytes32 digest;
    bytes results;
    bytes resultsCallback;
}

/// @title Outcomes as code, at an address derived from the task id
/// @dev Record: STOP · head 2 · results · callback data; the head is the length of the results. For contributeAndFinalize:
/// STOP · worker 20 · digest 32 · head 2 · enclave 20 if the head's top bit is set · results · callback data.
library Results {
    bytes32 private constant DOMAIN = keccak256("poco.results");
    uint256 private constant WITH_ENCLAVE = 1 << 15;

    /// @notice Longest sum of results and callback data, in bytes.
    uint256 internal constant MAX_SIZE = CodeStore.MAX_CODE_SIZE - 1 - 20 - 32 - 2 - 20;

    function write(bytes32 taskid, bytes calldata results, bytes calldata resultsCallback) internal {
        CodeStore.write(_salt(taskid), abi.encodePacked(bytes1(0), uint16(results.length), results, resultsCallback));
    }

    function writeSolo(
        bytes32 taskid,
        address worker,
        address enclave,
        bytes32 digest,
        bytes calldata results,
        bytes calldata resultsCallback
    ) internal {
        bytes memory head = enclave == address(0)
            ? abi.encodePacked(bytes1(0), worker, digest, uint16(results.length))
            : abi.encodePacked(bytes1(0), worker, digest, uint16(results.length | WITH_ENCLAVE), enclave);
        CodeStore.write(_salt(taskid), abi.encodePacked(head, results, resultsCallback));
    }

    /// @notice The outcome of a task; empty when nothing was written.
    function read(bytes32 taskid, bool solo) internal view returns (Outcome memory outcome) {
        bytes memory code = CodeStore.addressOf(_salt(taskid)).code;
        if (code.length == 0) return outcome;
        uint256 at;
        uint256 end;
        assembly ("memory-safe") {
            at := add(code, 33)
            end := add(add(code, 32), mload(code))
        }
        if (solo) {
            outcome.worker = address(uint160(take(at, 20)));
            outcome.digest = bytes32(take(at + 20, 32));
            at += 52;
        }
        uint256 head = take(at, 2);
        at += 2;
        if (head & WITH_ENCLAVE != 0) {
            outcome.enclave = address(uint160(take(at, 20)));
            at += 20;
        }
        uint256 size = head & ~WITH_ENCLAVE;
        outcome.results = _slice(at, size);
        outcome.resultsCallback = _slice(at + size, end - at - size);
    }

    function _salt(bytes32 taskid) private pure returns (bytes32) {
        return CodeStore.saltOf(DOMAIN, taskid);
    }

    function _slice(uint256 at, uint256 size) private pure returns (bytes memory slice) {
        slice = new bytes(size);
        assembly ("memory-safe") {
            mcopy(add(slice, 32), at, size)
        }
    }
}
