// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRegistryEntry} from "../../interfaces/IRegistryEntry.sol";
import {
    AppOrder,
    AppOrderOperation,
    DatasetOrder,
    DatasetOrderOperation,
    OrderOperationEnum,
    RequestOrder,
    RequestOrderOperation,
    WorkerpoolOrder,
    WorkerpoolOrderOperation
} from "../../interfaces/PocoTypes.sol";
import {OrderHash} from "../libraries/OrderHash.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {HubStorage} from "./HubStorage.sol";

/// @title Presigning, closing and announcing orders (spec contracts §1.7, §1.8)
abstract contract OrderManager is HubStorage {
    /* MANAGE */

    function manageAppOrder(AppOrderOperation calldata op) external {
        bytes32 hash = _manage(
            IRegistryEntry(op.order.app).owner(),
            OrderHash.structHash(op.order),
            OrderHash.APP_OPERATION_TYPEHASH,
            op.operation,
            op.order.volume,
            op.sign
        );
        if (op.operation == OrderOperationEnum.SIGN) emit SignedAppOrder(hash);
        else emit ClosedAppOrder(hash);
    }

    function manageDatasetOrder(DatasetOrderOperation calldata op) external {
        bytes32 hash = _manage(
            IRegistryEntry(op.order.dataset).owner(),
            OrderHash.structHash(op.order),
            OrderHash.DATASET_OPERATION_TYPEHASH,
            op.operation,
            op.order.volume,
            op.sign
        );
        if (op.operation == OrderOperationEnum.SIGN) emit SignedDatasetOrder(hash);
        else emit ClosedDatasetOrder(hash);
    }

    function manageWorkerpoolOrder(WorkerpoolOrderOperation calldata op) external {
        bytes32 hash = _manage(
            IRegistryEntry(op.order.workerpool).owner(),
            OrderHash.structHash(op.order),
            OrderHash.WORKERPOOL_OPERATION_TYPEHASH,
            op.operation,
            op.order.volume,
            op.sign
        );
        if (op.operation == OrderOperationEnum.SIGN) emit SignedWorkerpoolOrder(hash);
        else emit ClosedWorkerpoolOrder(hash);
    }

    function manageRequestOrder(RequestOrderOperation calldata op) external {
        bytes32 hash = _manage(
            op.order.requester,
            OrderHash.structHash(op.order),
            OrderHash.REQUEST_OPERATION_TYPEHASH,
            op.operation,
            op.order.volume,
            op.sign
        );
        if (op.operation == OrderOperationEnum.SIGN) emit SignedRequestOrder(hash);
        else emit ClosedRequestOrder(hash);
    }

    /// @dev The authority itself calls, or signed the operation; a presignature does not count here.
    function _manage(
        address authority,
        bytes32 structHash,
        bytes32 operationTypehash,
        OrderOperationEnum operation,
        uint256 volume,
        bytes calldata sign
    ) private returns (bytes32 hash) {
        bytes32 domain = OrderHash.domainSeparator();
        if (msg.sender != authority) {
            bytes32 digest =
                OrderHash.typedDataHash(domain, OrderHash.operationHash(operationTypehash, structHash, operation));
            if (!Signatures.isValid(authority, digest, sign)) revert Order_NotAuthorized(authority, msg.sender);
        }
        hash = OrderHash.typedDataHash(domain, structHash);
        uint256 word = _orders[hash];
        if (operation == OrderOperationEnum.SIGN) {
            _orders[hash] = (word & ~uint256(type(uint160).max)) | uint160(authority);
        } else {
            // A volume that does not fit saturates: the order is fully consumed either way.
            uint256 consumed = volume < type(uint96).max ? volume : type(uint96).max;
            _orders[hash] = uint256(uint160(word)) | (consumed << 160);
        }
    }

    /* BROADCAST */

    function broadcastAppOrder(AppOrder calldata apporder) external {
        emit BroadcastAppOrder(apporder);
    }

    function broadcastDatasetOrder(DatasetOrder calldata datasetorder) external {
        emit BroadcastDatasetOrder(datasetorder);
    }

    function broadcastWorkerpoolOrder(WorkerpoolOrder calldata workerpoolorder) external {
        emit BroadcastWorkerpoolOrder(workerpoolorder);
    }

    function broadcastRequestOrder(RequestOrder calldata requestorder) external {
        emit BroadcastRequestOrder(requestorder);
    }
}
