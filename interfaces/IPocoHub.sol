// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IPocoErrors} from "./IPocoErrors.sol";
import {IPocoEvents} from "./IPocoEvents.sol";
import {
    Account,
    AppOrder,
    AppOrderOperation,
    Category,
    Contribution,
    ContributionStatusEnum,
    DatasetOrder,
    DatasetOrderOperation,
    Deal,
    EIP712Domain,
    RequestOrder,
    RequestOrderOperation,
    Task,
    TaskStatusEnum,
    WorkerpoolOrder,
    WorkerpoolOrderOperation
} from "./PocoTypes.sol";

/// @title The hub: what both modes have in common
/// @notice Amounts are nRLC (1e-9 RLC), times are seconds, hashes of orders are EIP-712 digests. Section numbers are
/// those of the protocol specification. Errors are those of IPocoErrors.
interface IPocoHub is IPocoEvents, IPocoErrors {
    /* STAKED TOKEN: the ERC-20 face of the free balances, §1.3 */

    function name() external view returns (string memory);
    function symbol() external view returns (string memory);
    function decimals() external view returns (uint8);
    function totalSupply() external view returns (uint256);
    /// @notice Free balance; that of the hub itself is all that is frozen.
    function balanceOf(address account) external view returns (uint256);
    /// @notice Balance locked by the protocol; that of `kitty_address()` is the kitty.
    function frozenOf(address account) external view returns (uint256);
    function allowance(address account, address spender) external view returns (uint256);
    function transfer(address to, uint256 value) external returns (bool);
    function approve(address spender, uint256 value) external returns (bool);
    /// @notice The allowance always shrinks, also that of 2^256 − 1.
    function transferFrom(address from, address to, uint256 value) external returns (bool);
    function increaseAllowance(address spender, uint256 delta) external returns (bool);
    function decreaseAllowance(address spender, uint256 delta) external returns (bool);
    /// @notice Approve, then call `receiveApproval` of the spender, which must answer true.
    function approveAndCall(address spender, uint256 value, bytes calldata data) external returns (bool);
    /// @return stake free balance
    function viewAccount(address account) external view returns (Account memory);
    /// @notice Reputation of a worker.
    function viewScore(address worker) external view returns (uint256);

    /* ESCROW, §1.4 to §1.6 */

    /// @notice Burn sRLC of the sender and pay it out.
    function withdraw(uint256 amount) external returns (bool);
    function withdrawTo(uint256 amount, address target) external returns (bool);
    /// @notice Owner only: credit the owner with what the hub holds beyond its supply.
    function recover() external returns (uint256);

    /* CONFIGURATION AND OWNERSHIP, §1.9, §1.10 */

    /// @notice The base token; zero in native mode.
    function token() external view returns (address);
    function appregistry() external view returns (address);
    function datasetregistry() external view returns (address);
    function workerpoolregistry() external view returns (address);
    /// @notice Who authorizes contributions with an enclave; zero: the scheduler of the deal.
    function teebroker() external view returns (address);
    /// @notice Gas granted to a result callback.
    function callbackgas() external view returns (uint256);
    function contribution_deadline_ratio() external view returns (uint256);
    function reveal_deadline_ratio() external view returns (uint256);
    function final_deadline_ratio() external view returns (uint256);
    /// @notice Stake of the scheduler in percent of the workerpool price.
    function workerpool_stake_ratio() external view returns (uint256);
    function kitty_ratio() external view returns (uint256);
    function kitty_min() external view returns (uint256);
    function kitty_address() external view returns (address);
    /// @notice The ERC-734 purpose that makes a member of a group.
    function groupmember_purpose() external view returns (uint256);
    function domain() external view returns (EIP712Domain memory);
    function eip712domain_separator() external view returns (bytes32);
    function owner() external view returns (address);
    function pendingOwner() external view returns (address);
    /// @notice Offer the ownership; the new owner takes it with `acceptOwnership`.
    function transferOwnership(address newOwner) external;
    function acceptOwnership() external;
    /// @notice Give up the ownership for ever: categories, callback gas and broker are then fixed.
    function renounceOwnership() external;
    /// @notice Owner only, at most 1,000,000.
    function setCallbackGas(uint256 callbackGas) external;
    /// @notice Owner only; zero leaves authorizations to the schedulers.
    function setTeeBroker(address teeBroker) external;

    /* CATEGORIES, §1.9 */

    /// @notice Owner only: append a category.
    /// @param workClockTimeRef its clock in seconds, at most 2^28 − 1
    function createCategory(string calldata name_, string calldata description, uint256 workClockTimeRef)
        external
        returns (uint256 catid);
    function countCategory() external view returns (uint256);
    function viewCategory(uint256 catid) external view returns (Category memory);

    /* ENTRIES, §1.11: read from the contract itself, registered or not */

    function viewApp(address app)
        external
        view
        returns (
            address owner_,
            string memory m_appName,
            string memory m_appType,
            bytes memory m_appMultiaddr,
            bytes32 m_appChecksum,
            bytes memory m_appMREnclave
        );
    function viewDataset(address dataset)
        external
        view
        returns (
            address owner_,
            string memory m_datasetName,
            bytes memory m_datasetMultiaddr,
            bytes32 m_datasetChecksum
        );
    function viewWorkerpool(address workerpool)
        external
        view
        returns (
            address owner_,
            string memory m_workerpoolDescription,
            uint256 m_workerStakeRatioPolicy,
            uint256 m_schedulerRewardRatioPolicy
        );

    /* ORDERS, §1.7, §1.8, §2 */

    /// @notice SIGN or CLOSE an order; by its authority or with its signature of the operation.
    function manageAppOrder(AppOrderOperation calldata op) external;
    function manageDatasetOrder(DatasetOrderOperation calldata op) external;
    function manageWorkerpoolOrder(WorkerpoolOrderOperation calldata op) external;
    function manageRequestOrder(RequestOrderOperation calldata op) external;
    /// @notice Emit an order; nothing is checked.
    function broadcastAppOrder(AppOrder calldata apporder) external;
    function broadcastDatasetOrder(DatasetOrder calldata datasetorder) external;
    function broadcastWorkerpoolOrder(WorkerpoolOrder calldata workerpoolorder) external;
    function broadcastRequestOrder(RequestOrder calldata requestorder) external;
    /// @notice Volume taken from an order; 2^256 − 1 when a volume of 96 bits or more was closed.
    function viewConsumed(bytes32 orderHash) external view returns (uint256);
    function viewPresigned(bytes32 orderHash) external view returns (address);
    /// @notice ECDSA of 64 or 65 bytes by the account, or ERC-1271.
    function verifySignature(address account, bytes32 hash, bytes calldata sign) external view returns (bool);
    function verifyPresignature(address account, bytes32 hash) external view returns (bool);
    function verifyPresignatureOrSignature(address account, bytes32 hash, bytes calldata sign)
        external
        view
        returns (bool);
    /// @notice Tasks that a match would buy; 0 when an order is consumed.
    function computeDealVolume(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder
    ) external view returns (uint256);

    /* DEALS, §3 */

    /// @notice Match four orders into a deal paid by the requester.
    function matchOrders(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder
    ) external returns (bytes32 dealid);
    /// @notice Match four orders into a deal paid by the sender.
    function sponsorMatchOrders(
        AppOrder calldata apporder,
        DatasetOrder calldata datasetorder,
        WorkerpoolOrder calldata workerpoolorder,
        RequestOrder calldata requestorder
    ) external returns (bytes32 dealid);
    /// @notice All zeros for an unknown deal.
    function viewDeal(bytes32 dealid) external view returns (Deal memory);
    /// @notice Reverts with IncompatibleDatasetOrder unless the dataset order may serve a deal made without a dataset.
    function assertDatasetDealCompatibility(DatasetOrder calldata datasetOrder, bytes32 dealId) external view;

    /* TASKS, §4 */

    /// @notice Open a task; anybody, at any time.
    /// @param idx absolute index in the request order
    function initialize(bytes32 dealid, uint256 idx) external returns (bytes32 taskid);
    function initializeArray(bytes32[] calldata dealids, uint256[] calldata idxs) external returns (bool);
    /// @notice Commit to a result and lock the worker's stake.
    /// @param resultHash keccak256(taskid, digest)
    /// @param resultSeal keccak256(worker, taskid, digest), tightly packed
    /// @param enclaveChallenge the enclave's address, or zero
    /// @param enclaveSign the enclave's personal signature of keccak256(resultHash, resultSeal)
    /// @param authorizationSign the scheduler's personal signature of keccak256(worker, taskid, enclaveChallenge)
    function contribute(
        bytes32 taskid,
        bytes32 resultHash,
        bytes32 resultSeal,
        address enclaveChallenge,
        bytes calldata enclaveSign,
        bytes calldata authorizationSign
    ) external;
    /// @notice Contribute, reveal and finalize at once: trust 1, first contribution, no stake.
    function contributeAndFinalize(
        bytes32 taskid,
        bytes32 resultDigest,
        bytes calldata results,
        bytes calldata resultsCallback,
        address enclaveChallenge,
        bytes calldata enclaveSign,
        bytes calldata authorizationSign
    ) external;
    function reveal(bytes32 taskid, bytes32 resultDigest) external;
    /// @notice Scheduler only: reject winners of whom none revealed in time.
    function reopen(bytes32 taskid) external;
    /// @notice Scheduler only: store the results and settle.
    function finalize(bytes32 taskid, bytes calldata results, bytes calldata resultsCallback) external;
    /// @notice Fail a task after its final deadline and refund its sponsor; anybody.
    function claim(bytes32 taskid) external;
    function claimArray(bytes32[] calldata taskids) external returns (bool);
    function initializeAndClaimArray(bytes32[] calldata dealids, uint256[] calldata idxs) external returns (bool);
    /// @notice All zeros for an unknown task.
    function viewTask(bytes32 taskid) external view returns (Task memory);
    function viewContribution(bytes32 taskid, address worker) external view returns (Contribution memory);
    /// @notice Callback data of a completed task (EIP-1154, pull).
    function resultFor(bytes32 taskid) external view returns (bytes memory);

    /* LEGACY VIEWS, §1.11: flat tuples */

    function viewAccountABILegacy(address account) external view returns (uint256, uint256);
    function viewDealABILegacy_pt1(bytes32 dealid)
        external
        view
        returns (address, address, uint256, address, address, uint256, address, address, uint256);
    function viewDealABILegacy_pt2(bytes32 dealid)
        external
        view
        returns (uint256, bytes32, address, address, address, string memory);
    function viewConfigABILegacy(bytes32 dealid)
        external
        view
        returns (uint256, uint256, uint256, uint256, uint256, uint256);
    function viewTaskABILegacy(bytes32 taskid)
        external
        view
        returns (
            TaskStatusEnum,
            bytes32,
            uint256,
            uint256,
            uint256,
            uint256,
            uint256,
            bytes32,
            uint256,
            uint256,
            address[] memory,
            bytes memory
        );
    function viewContributionABILegacy(bytes32 taskid, address worker)
        external
        view
        returns (ContributionStatusEnum, bytes32, bytes32, address);
    function viewCategoryABILegacy(uint256 catid) external view returns (string memory, string memory, uint256);
}
