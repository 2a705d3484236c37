"""Moving money: between a wallet and the hub, and between wallets. Amounts are nRLC or wei."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eth_typing import ChecksumAddress

from poco.amounts import show_coin, show_token
from poco.contracts import WEI_PER_UNIT, Call, Market, Mode, Receipt
from poco.contracts.wallet import gas_price, nothing
from poco.errors import PocoError, UserInputError

__all__ = [
    "Balances",
    "Swept",
    "balances",
    "deposit",
    "send_coin",
    "send_token",
    "sweep",
    "withdraw",
]


@dataclass(frozen=True, slots=True)
class Balances:
    """What an account holds outside the hub.

    Args:
        wei: the chain's currency.
        nrlc: the market's money; in native mode the same funds in nRLC.
    """

    wei: int
    nrlc: int


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep sent; a hash is None where nothing was there to send.

    Args:
        token_hash: transaction of the token.
        coin_hash: transaction of the chain's currency.
        dust: wei that stayed, because they do not pay for the gas of sending them.
        errors: why more than that stayed.
    """

    token_hash: str | None
    coin_hash: str | None
    dust: int
    errors: tuple[str, ...]


def balances(market: Market, account: ChecksumAddress) -> Balances:
    """Return what an account holds outside the hub.

    Raises:
        ChainError: the node does not answer.
    """
    wei = market.chain.balance(account)
    if market.mode is Mode.NATIVE:
        return Balances(wei, wei // WEI_PER_UNIT)
    return Balances(wei, market.token.balance_of(account))


def deposit(market: Market, amount: int) -> Receipt[None]:
    """Deposit from the wallet into the hub.

    Args:
        market: acting as the depositor.
        amount: nRLC.

    Raises:
        UserInputError: it is nothing, or the wallet has not so much.
        ChainError: the node does not answer, or there is no gas.
    """
    _require_some(amount)
    _require(amount, balances(market, market.account).nrlc, "the wallet", show_token)
    return market.deposit(amount)


def withdraw(market: Market, amount: int) -> Receipt[None]:
    """Take free stake out of the hub; see `deposit`."""
    _require_some(amount)
    _require(
        amount, market.hub.account(market.account).stake, "the account's free stake", show_token
    )
    return market.hub.withdraw(amount)


def send_coin(market: Market, to: ChecksumAddress, amount: int) -> Receipt[None]:
    """Send the chain's currency.

    Args:
        market: acting as the sender.
        to: who gets it.
        amount: wei.

    Raises:
        UserInputError: the wallet has not so much.
        ChainError: the node does not answer, or there is no gas.
    """
    _require(amount, market.chain.balance(market.account), "the wallet", show_coin)
    return _wallet_send(market, to, amount)


def send_token(market: Market, to: ChecksumAddress, amount: int) -> Receipt[None]:
    """Send the market's money, in nRLC; in native mode that is the chain's currency."""
    if market.mode is Mode.NATIVE:
        return send_coin(market, to, amount * WEI_PER_UNIT)
    _require(amount, market.token.balance_of(market.account), "the wallet", show_token)
    return market.token.transfer(to, amount)


def sweep(market: Market, to: ChecksumAddress) -> Swept:
    """Send all of the token, then all of the chain's currency but what the gas costs.

    Args:
        market: acting as the sender.
        to: who gets it.

    Returns:
        What was sent. The token's hash is there also when the second transfer fails.

    Raises:
        UserInputError: it would go to a contract, which may have no way to give it back.
        ChainError: the token cannot be sent; its gas is not sent away, either.
    """
    if market.view().has_code(to):
        raise UserInputError(
            "a wallet is not swept to a contract",
            field="to",
            value=to,
            remedy="name a wallet; `poco wallet send-ether` and send-RLC pay a contract that "
            "takes money",
        )
    token_hash = coin_hash = None
    dust = 0
    errors = []
    if market.mode is Mode.TOKEN and (amount := market.token.balance_of(market.account)):
        token_hash = market.token.transfer(to, amount).transaction_hash
    try:
        wei = market.chain.balance(market.account)
        request = {"from": market.account, "to": to, "value": "0x0"}
        gas = market.chain.estimate_gas(request, context="transfer")
        price = max(gas_price(market.chain).values())
        # The price may rise by an eighth with the next block.
        amount = wei - gas * price * 9 // 8
        if amount > 0:
            coin_hash = _wallet_send(market, to, amount, gas=gas).transaction_hash
        else:
            dust = wei
    except PocoError as error:
        errors.append(f"failed to transfer the chain's currency: {error}")
    return Swept(token_hash, coin_hash, dust, tuple(errors))


def _wallet_send(
    market: Market, to: ChecksumAddress, amount: int, *, gas: int | None = None
) -> Receipt[None]:
    if market.wallet is None:
        raise UserInputError("an account is needed to send money", field="account")
    return market.wallet.execute(Call("transfer", to, b"", nothing, value=amount, gas=gas))


def _require_some(amount: int) -> None:
    if amount == 0:
        raise UserInputError(
            "an amount must be greater than 0",
            field="amount",
            value=show_token(amount),
            remedy="there is nothing to move",
        )


def _require(amount: int, held: int, holder: str, shown: Callable[[int], str]) -> None:
    if amount > held:
        raise UserInputError(
            f"{holder} has {shown(held)}",
            field="amount",
            value=shown(amount),
            remedy="take less, see `poco wallet show` and `poco account show`; `poco wallet fund` "
            "has more where `poco up` runs the market",
        )
