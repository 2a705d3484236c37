// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPocoBoost} from "../../interfaces/IPocoBoost.sol";
import {IPocoHub} from "../../interfaces/IPocoHub.sol";
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
import {Checks} from "./Checks.sol";

interface IToken {
    function approve(address spender, uint256 amount) external returns (bool);
    function balanceOf(address account) external view returns (uint256);
}

interface IRegistries {
    function createApp(address, string calldata, string calldata, bytes calldata, bytes32, bytes calldata)
        external
        returns (address);
    function createDataset(address, string calldata, bytes calldata, bytes32) external returns (address);
    function createWorkerpool(address, string calldata) external returns (address);
}

interface IPool {
    function changePolicy(uint256 workerStakeRatio, uint256 schedulerRewardRatio) external;
}

interface IDeposits {
    function deposit() external payable returns (bool);
    function deposit(uint256 amount) external returns (bool);
    function depositFor(address target) external payable returns (bool);
    function depositFor(uint256 amount, address target) external returns (bool);
}

/// @notice The four orders of a deal.
struct Orders {
    AppOrder app;
    DatasetOrder dataset;
    WorkerpoolOrder pool;
    RequestOrder request;
}

/// @title A hub of either mode, deployed from its exported artifacts, with people and assets
/// @dev Orders are presigned by their owners; authorizations are signed by the scheduler's key.
abstract contract Stage is Checks {
    address internal constant KITTY = 0x99c2268479b93fDe36232351229815DF80837e23;
    uint256 internal constant WEI_PER_UNIT = 1e9;
    uint256 internal constant CLOCK = 300;
    uint256 internal constant SCHEDULER_KEY = 0x5c4ed;
    uint256 internal constant WORKERS = 6;

    address internal appOwner = address(0xa1);
    address internal datasetOwner = address(0xda1);
    address internal requester = address(0x4e1);
    address internal sponsor = address(0x590);
    address internal scheduler;

    IPocoHub internal hub;
    IPocoBoost internal boost;
    IToken internal token;
    bool internal native;
    address internal app;
    address internal dataset;
    address internal pool;
    uint256 internal salts;

    function _deploy(string memory name, bytes memory arguments) internal returns (address made) {
        string memory artifact = vm.readFile(string.concat("src/poco/contracts/artifacts/", name, ".json"));
        bytes memory code = bytes.concat(vm.parseJsonBytes(artifact, ".bytecode"), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        _true(string.concat("deployed ", name), made != address(0));
    }

    function _open(bool native_) internal {
        native = native_;
        scheduler = vm.addr(SCHEDULER_KEY);
        address[4] memory config;
        if (!native) config[0] = _deploy("RLC", abi.encode(address(this)));
        token = IToken(config[0]);
        config[1] = _deploy("AppRegistry", abi.encode(address(this)));
        config[2] = _deploy("DatasetRegistry", abi.encode(address(this)));
        config[3] = _deploy("WorkerpoolRegistry", abi.encode(address(this)));
        address extension = _deploy("PocoHubExtension", abi.encode(config));
        address part = _deploy("PocoHubBoost", abi.encode(config));
        string memory main = native ? "PocoHubNative" : "PocoHub";
        hub = IPocoHub(_deploy(main, abi.encode(config, extension, part, address(this))));
        boost = IPocoBoost(address(hub));
        hub.createCategory("XS", "", CLOCK);
        app = IRegistries(config[1]).createApp(appOwner, "app", "DOCKER", "", 0, "");
        dataset = IRegistries(config[2]).createDataset(datasetOwner, "data", "", 0);
        pool = IRegistries(config[3]).createWorkerpool(scheduler, "pool");
        vm.deal(address(this), 1e30);
        if (!native) token.approve(address(hub), type(uint256).max);
    }

    function _fund(address account, uint256 amount) internal {
        if (native) IDeposits(address(hub)).depositFor{value: amount * WEI_PER_UNIT}(account);
        else IDeposits(address(hub)).depositFor(amount, account);
    }

    function _worker(uint256 number) internal pure returns (address) {
        return address(uint160(0x3040000 + number));
    }

    function _orders(uint256 price, uint256 volume, uint256 trust, bool withDataset)
        internal
        returns (Orders memory o)
    {
        bytes32 salt = bytes32(++salts);
        (o.app.app, o.app.appprice, o.app.volume, o.app.salt) = (app, price / 7, volume, salt);
        (o.pool.workerpool, o.pool.workerpoolprice, o.pool.volume, o.pool.salt) = (pool, price, volume, salt);
        o.pool.trust = trust;
        if (withDataset) {
            (o.dataset.dataset, o.dataset.datasetprice, o.dataset.volume, o.dataset.salt) =
            (dataset, price / 11, volume, salt);
        }
        (o.request.app, o.request.appmaxprice) = (app, price);
        (o.request.dataset, o.request.datasetmaxprice) = (o.dataset.dataset, price);
        o.request.workerpoolmaxprice = price;
        (o.request.requester, o.request.beneficiary) = (requester, requester);
        (o.request.volume, o.request.trust, o.request.salt) = (volume, trust, salt);
    }

    function _presign(Orders memory o) internal {
        vm.prank(appOwner);
        hub.manageAppOrder(AppOrderOperation(o.app, OrderOperationEnum.SIGN, ""));
        if (o.dataset.dataset != address(0)) {
            vm.prank(datasetOwner);
            hub.manageDatasetOrder(DatasetOrderOperation(o.dataset, OrderOperationEnum.SIGN, ""));
        }
        vm.prank(scheduler);
        hub.manageWorkerpoolOrder(WorkerpoolOrderOperation(o.pool, OrderOperationEnum.SIGN, ""));
        vm.prank(o.request.requester);
        hub.manageRequestOrder(RequestOrderOperation(o.request, OrderOperationEnum.SIGN, ""));
    }

    function _match(Orders memory o) internal returns (bytes32) {
        _presign(o);
        return hub.matchOrders(o.app, o.dataset, o.pool, o.request);
    }

    function _authorize(address worker, bytes32 taskid) internal pure returns (bytes memory) {
        bytes32 message = keccak256(abi.encodePacked(worker, taskid, address(0)));
        bytes32 digest = keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", message));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SCHEDULER_KEY, digest);
        return abi.encodePacked(r, s, v);
    }

    function _contribute(address worker, bytes32 taskid, bytes32 digest) internal {
        bytes memory authorization = _authorize(worker, taskid);
        bytes32 resultHash = keccak256(abi.encodePacked(taskid, digest));
        bytes32 seal = keccak256(abi.encodePacked(worker, taskid, digest));
        vm.prank(worker);
        hub.contribute(taskid, resultHash, seal, address(0), "", authorization);
    }

    receive() external payable {}
}
