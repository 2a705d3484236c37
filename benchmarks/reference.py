"""Gas of the original contracts, the yardstick (spec gas-reference; contracts §10.1 where marked).

Every figure is the gas used by transactions on anvil, intrinsic and calldata cost included.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["REFERENCE", "Reference"]


@dataclass(frozen=True)
class Reference:
    """What the original needs, and the ratio to it that must not be exceeded.

    Args:
        gas: gas of the original; None where it was not measured.
        target: largest allowed ratio; None where none is set.
        note: what is not known of the original's conditions, and what ours are.
    """

    gas: int | None
    target: float | None = None
    note: str = ""

    def ratio(self, gas: int) -> float | None:
        """Return the part of the original's gas that `gas` is."""
        return None if self.gas is None else gas / self.gas

    def is_met(self, gas: int) -> bool:
        """Return whether `gas` is within the target, as it is where none is set."""
        ratio = self.ratio(gas)
        return ratio is None or self.target is None or ratio <= self.target


_DEPOSIT = (
    "token and allowance of the reference are unknown; ours: the allowance is exactly the amount, "
    "the hub holds deposits of others. For a deposit that is not the first, contracts §10.1 "
    "gives 66,400"
)
_CATEGORY = 'texts of the reference are unknown; ours: "XS" and "test", a slot each'
_LONG_FIELDS = "length of the reference's fields is unknown; ours: 400 bytes"
_CLAIMS = "a median over arrays of different lengths in the reference; ours: one task"

REFERENCE: dict[str, Reference] = {
    "createApp": Reference(568_047, 0.32),
    "createDataset": Reference(518_563, 0.32),
    "createWorkerpool": Reference(515_111, 0.32),
    "createApp, 400 B multiaddr": Reference(911_062, note=_LONG_FIELDS),
    "createDataset, 400 B multiaddr": Reference(632_223, note=_LONG_FIELDS),
    "changePolicy": Reference(50_611),
    "asset transferFrom": Reference(109_800),
    "deposit, first": Reference(80_402, note=_DEPOSIT),
    "deposit, again": Reference(49_242, note=_DEPOSIT),
    "depositFor": Reference(80_866, note=_DEPOSIT),
    "token.approveAndCall (deposit)": Reference(68_535, note=_DEPOSIT),
    "withdraw": Reference(57_853),
    "withdrawTo": Reference(58_349),
    "transfer": Reference(57_177),
    "approve": Reference(51_660),
    "transferFrom": Reference(60_303),
    "recover": Reference(74_680),
    "createCategory": Reference(92_312, note=_CATEGORY),
    "setCallbackGas": Reference(40_360),
    "setTeeBroker": Reference(57_865),
    "manageAppOrder (SIGN)": Reference(85_605),
    "manageDatasetOrder (SIGN)": Reference(86_716),
    "manageWorkerpoolOrder (SIGN)": Reference(87_280),
    "manageRequestOrder (SIGN)": Reference(72_820),
    "matchOrders": Reference(801_363),
    # contracts §10.1
    "matchOrders, 205 B params, beneficiary, callback": Reference(943_300, 0.42),
    "matchOrders, no dataset, no params": Reference(601_900, 0.48),
    "matchOrders, all presigned": Reference(687_400),
    "matchOrders, second match of the same orders": Reference(692_400),
    "token.approveAndCall (deposit and match)": Reference(773_200),
    "sponsorMatchOrders": Reference(802_633),
    "initialize": Reference(222_340, 0.32),
    "initializeArray, 2 tasks": Reference(559_308),
    "contribute, trust 1": Reference(364_458, 0.42),
    # contracts §10.1
    "contribute, first of several": Reference(311_100),
    "contribute, TEE, trust 1": Reference(421_500),
    "reveal, first": Reference(93_455, 0.65),
    "reveal, next": Reference(56_431, 0.65),
    "finalize, 1 worker": Reference(263_212, 0.55),
    # contracts §10.1
    "finalize, 1 worker, 90 B results": Reference(312_100),
    "finalize, 3 winners and 1 loser, 90 B results": Reference(491_300),
    "contributeAndFinalize": Reference(476_043, 0.46),
    # contracts §10.1
    "contributeAndFinalize, 90 B results": Reference(527_900),
    "reopen, 2 contributors": Reference(76_600),
    "claim": Reference(142_123, 0.55),
    "claimArray, 1 task": Reference(169_668, note=_CLAIMS),
    # contracts §10.1
    "initializeAndClaimArray, 1 task": Reference(293_400),
    "matchOrdersBoost": Reference(543_955),
    "pushResultBoost": Reference(183_347),
    "claimBoost": Reference(110_055),
    "task, Boost: cold": Reference(716_555),
    "task, Boost: warm": Reference(682_331),
    "task, 1 worker: cold": Reference(1_770_700, 0.48),
    "task, 1 worker: warm": Reference(1_736_488, 0.48),
    "task, 1 worker: busy": Reference(1_687_288, 0.48),
    "task, 2 workers: cold": Reference(2_190_141),
    "task, 2 workers: warm": Reference(2_121_813),
    "task, 2 workers: busy": Reference(2_060_289),
    "task, 3 workers: cold": Reference(2_584_523, 0.48),
    "task, 3 workers: warm": Reference(2_499_239, 0.48),
    "task, 3 workers: busy": Reference(2_425_439, 0.48),
    "task, 4 workers: cold": Reference(2_979_326),
    "task, 4 workers: warm": Reference(2_876_714),
    "task, 4 workers: busy": Reference(2_790_578),
    "task, 5 workers: cold": Reference(3_373_924, 0.48),
    "task, 5 workers: warm": Reference(3_254_152, 0.48),
    "task, 5 workers: busy": Reference(3_155_776, 0.48),
    "task, 1 worker, no dataset: cold": Reference(1_617_591),
    "task, 1 worker, no dataset: warm": Reference(1_600_587),
    "task, 1 worker, no dataset: busy": Reference(1_551_387),
    "task, 1 worker, sponsored: cold": Reference(1_772_006),
    "task, 1 worker, sponsored: warm": Reference(1_737_782),
    "task, 1 worker, sponsored: busy": Reference(1_688_558),
    "bag of 5 tasks, 1 worker each: cold": Reference(5_648_412),
    "bag of 5 tasks, 1 worker each: warm": Reference(5_614_272),
    "bag of 5 tasks, 1 worker each: busy": Reference(5_515_872),
    "task, contributeAndFinalize: cold": Reference(1_502_755, 0.42),
    "task, contributeAndFinalize: warm": Reference(1_468_543, 0.42),
    "task, contributeAndFinalize: busy": Reference(1_431_643, 0.42),
    "task, contributeAndFinalize, no dataset: cold": Reference(1_349_706),
    "task, contributeAndFinalize, no dataset: warm": Reference(1_332_606),
    "task, contributeAndFinalize, no dataset: busy": Reference(1_295_718),
    "task, contributeAndFinalize, TEE: cold": Reference(1_553_894),
    "task, contributeAndFinalize, TEE: warm": Reference(1_519_718),
    "task, contributeAndFinalize, TEE: busy": Reference(1_482_794),
    "task, contributeAndFinalize, callback: cold": Reference(1_695_098),
    "task, contributeAndFinalize, callback: warm": Reference(1_660_946),
    "task, contributeAndFinalize, callback: busy": Reference(1_624_034),
    "deployment": Reference(38_746_541),
}
