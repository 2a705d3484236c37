// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {
    AppOrder,
    DatasetOrder,
    OrderOperationEnum,
    RequestOrder,
    WorkerpoolOrder
} from "../../interfaces/PocoTypes.sol";

/// @title EIP-712 hashes of orders (spec contracts §2.1, §2.2)
/// @dev The members of an order lie in calldata just as EIP-712 encodes them, so a struct hash is one copy and one
/// keccak. Addresses with dirty upper bytes are refused where the members are read.
library OrderHash {
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant NAME_HASH = keccak256("iExecODB");
    bytes32 private constant VERSION_HASH = keccak256("5.0.0");

    bytes32 private constant APP_TYPEHASH = keccak256(
        "AppOrder(address app,uint256 appprice,uint256 volume,bytes32 tag,address datasetrestrict,address workerpoolrestrict,address requesterrestrict,bytes32 salt)"
    );
    bytes32 private constant DATASET_TYPEHASH = keccak256(
        "DatasetOrder(address dataset,uint256 datasetprice,uint256 volume,bytes32 tag,address apprestrict,address workerpoolrestrict,address requesterrestrict,bytes32 salt)"
    );
    bytes32 private constant WORKERPOOL_TYPEHASH = keccak256(
        "WorkerpoolOrder(address workerpool,uint256 workerpoolprice,uint256 volume,bytes32 tag,uint256 category,uint256 trust,address apprestrict,address datasetrestrict,address requesterrestrict,bytes32 salt)"
    );
    bytes32 private constant REQUEST_TYPEHASH = keccak256(
        "RequestOrder(address app,uint256 appmaxprice,address dataset,uint256 datasetmaxprice,address workerpool,uint256 workerpoolmaxprice,address requester,uint256 volume,bytes32 tag,uint256 category,uint256 trust,address beneficiary,address callback,string params,bytes32 salt)"
    );
    bytes32 internal constant APP_OPERATION_TYPEHASH = keccak256(
        "AppOrderOperation(AppOrder order,uint256 operation)"
        "AppOrder(address app,uint256 appprice,uint256 volume,bytes32 tag,address datasetrestrict,address workerpoolrestrict,address requesterrestrict,bytes32 salt)"
    );
    bytes32 internal constant DATASET_OPERATION_TYPEHASH = keccak256(
        "DatasetOrderOperation(DatasetOrder order,uint256 operation)"
        "DatasetOrder(address dataset,uint256 datasetprice,uint256 volume,bytes32 tag,address apprestrict,address workerpoolrestrict,address requesterrestrict,bytes32 salt)"
    );
    bytes32 internal constant WORKERPOOL_OPERATION_TYPEHASH = keccak256(
        "WorkerpoolOrderOperation(WorkerpoolOrder order,uint256 operation)"
        "WorkerpoolOrder(address workerpool,uint256 workerpoolprice,uint256 volume,bytes32 tag,uint256 category,uint256 trust,address apprestrict,address datasetrestrict,address requesterrestrict,bytes32 salt)"
    );
    bytes32 internal constant REQUEST_OPERATION_TYPEHASH = keccak256(
        "RequestOrderOperation(RequestOrder order,uint256 operation)"
        "RequestOrder(address app,uint256 appmaxprice,address dataset,uint256 datasetmaxprice,address workerpool,uint256 workerpoolmaxprice,address requester,uint256 volume,bytes32 tag,uint256 category,uint256 trust,address beneficiary,address callback,string params,bytes32 salt)"
    );

    /// @notice The domain separator, computed for the chain as it is now (spec W24).
    function domainSeparator() internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid, address(this)));
    }

    /// @notice What is signed and what names an order everywhere.
    function typedDataHash(bytes32 domain, bytes32 structHash_) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let memory_ := mload(0x40)
            mstore(memory_, hex"1901")
            mstore(add(memory_, 2), domain)
            mstore(add(memory_, 34), structHash_)
            digest := keccak256(memory_, 66)
        }
    }

    function structHash(AppOrder calldata order) internal pure returns (bytes32) {
        uint256 position;
        assembly {
            position := order
        }
        return _hash(APP_TYPEHASH, position, 8);
    }

    function structHash(DatasetOrder calldata order) internal pure returns (bytes32) {
        uint256 position;
        assembly {
            position := order
        }
        return _hash(DATASET_TYPEHASH, position, 8);
    }

    function structHash(WorkerpoolOrder calldata order) internal pure returns (bytes32) {
        uint256 position;
        assembly {
            position := order
        }
        return _hash(WORKERPOOL_TYPEHASH, position, 10);
    }

    function structHash(RequestOrder calldata order) internal pure returns (bytes32 hash) {
        bytes32 typehash = REQUEST_TYPEHASH;
        string calldata params = order.params;
        bytes32 salt = order.salt;
        assembly ("memory-safe") {
            let memory_ := mload(0x40)
            calldatacopy(memory_, params.offset, params.length)
            let paramsHash := keccak256(memory_, params.length)
            mstore(memory_, typehash)
            calldatacopy(add(memory_, 32), order, 416)
            mstore(add(memory_, 448), paramsHash)
            mstore(add(memory_, 480), salt)
            hash := keccak256(memory_, 512)
        }
    }

    /// @notice Struct hash of an operation on an order.
    function operationHash(bytes32 typehash, bytes32 orderStructHash, OrderOperationEnum operation)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(typehash, orderStructHash, uint256(operation)));
    }

    /// @dev Hash of the typehash and the first `words` members in calldata.
    function _hash(bytes32 typehash, uint256 position, uint256 words) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let memory_ := mload(0x40)
            mstore(memory_, typehash)
            calldatacopy(add(memory_, 32), position, shl(5, words))
            hash := keccak256(memory_, add(32, shl(5, words)))
        }
    }
}
