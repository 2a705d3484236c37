"""Messages of the official client and of nodes, as people paste them."""

from __future__ import annotations

import pytest

from poco.explain import Explainer
from poco.explain.recognition import Kind, recognise

ADDRESS = "0x" + "ab" * 20


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (
            'Command "iexec app run" failed with Cost per task (5) is greater than requester '
            "account stake (0). Orders can't be matched. If you are the requester, you should "
            "deposit to top up your account",
            "poco account deposit AMOUNT RLC",
        ),
        (
            "workerpool required stake (3) is greater than workerpool owner's account stake (1).",
            "poco account deposit AMOUNT RLC",
        ),
        (
            "Matching order would produce an invalid deal tag. 'tee' tag must be used with a tee "
            "framework",
            "poco app publish APP --tag tee,tdx",
        ),
        (
            "No workerpoolorder matching your conditions available in category 0",
            "poco orderbook workerpool --category CATEGORY",
        ),
        (f"No order available for app {ADDRESS}", "poco orderbook app APP --requester any"),
        (
            f"Dataset encryption key is not set for dataset {ADDRESS} in the SMS. Dataset "
            "decryption will fail.",
            "poco dataset push-secret DATASET",
        ),
        (
            f'Requester secret "login" is not set for requester {ADDRESS} in the SMS. Requester '
            "secret provisioning will fail.",
            "poco requester push-secret NAME",
        ),
        (f"No app deployed at address {ADDRESS}", "poco explain ADDRESS"),
        (f"Only task requester {ADDRESS} can access replicates logs", "poco task debug TASKID"),
        ("requesterrestrict is a required field", "poco explain orders.json"),
        ("insufficient funds for gas * price + value: balance 0", "poco wallet fund"),
        ("nonce has already been used (code=NONCE_EXPIRED)", "poco wallet create"),
        (
            "gas required exceeds allowance (10000000) or always failing transaction",
            "poco explain orders.json",
        ),
        ("connect ECONNREFUSED 127.0.0.1:8545", "poco status"),
        ("Task is not completed", "poco explain TASKID"),
    ],
)
def test_explain__message__names_what_to_do_and_the_command(text: str, command: str) -> None:
    explanation = Explainer().explain(text)

    [finding] = explanation.findings
    assert explanation.kind == "message"
    assert finding.command.startswith(command)
    assert finding.remedy
    assert finding.parties


def test_recognise__message_with_a_name_of_the_contracts__is_that_rule() -> None:
    said = "cannot estimate gas; execution reverted: iExecV5-matchOrders-0x06"
    assert recognise(said).kind is Kind.ORIGINAL
