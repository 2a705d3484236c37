"""iexec.json of every era is read in the shape of today."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poco.orders import OrderKind
from poco.project.legacy import modernised
from poco.project.templates import unsigned_order

ZERO = "0x" + 40 * "0"
APP = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def test_first_era__image_price_and_purchase__become_app_and_orders():
    content, notes = modernised(
        {
            "app": {
                "name": "Ffmpeg",
                "price": 10,
                "params": {
                    "type": "DOCKER",
                    "envvars": "XWDOCKERIMAGE=jrottenberg/ffmpeg:scratch",
                },
            },
            "order": {
                "buy": {
                    "app": APP,
                    "dataset": ZERO,
                    "params": {"cmdline": "-i /iexec/a.mp4", "dirinuri": "http://h/a.mp4"},
                }
            },
        }
    )
    assert content["app"] == {
        "name": "Ffmpeg",
        "type": "DOCKER",
        "multiaddr": "XWDOCKERIMAGE=jrottenberg/ffmpeg:scratch",
        "checksum": "0x" + 64 * "0",
    }
    assert content["order"]["apporder"]["appprice"] == "10"
    request = content["order"]["requestorder"]
    assert (request["app"], request["volume"], request["appmaxprice"]) == (APP, "1", "10")
    # As they were: they tell workers that the app is one of that era.
    assert request["params"] == {"cmdline": "-i /iexec/a.mp4", "dirinuri": "http://h/a.mp4"}
    assert 'iexec.json of an older era: "order.buy" is read as "order.requestorder"' in notes


def test_first_era__dataset_and_sale__become_dataset_and_workerpool_order():
    content, _ = modernised(
        {
            "dataset": {"name": "d", "price": 2, "params": {"uri": "http://h/d.zip"}},
            "workerPool": {"description": "p"},
            "order": {"sell": {"price": 5, "category": 3}},
        }
    )
    assert content["dataset"] == {
        "name": "d",
        "multiaddr": "http://h/d.zip",
        "checksum": "0x" + 64 * "0",
    }
    assert content["order"]["datasetorder"]["datasetprice"] == "2"
    assert content["workerpool"] == {"description": "p"}
    offer = content["order"]["workerpoolorder"]
    assert (offer["workerpoolprice"], offer["category"]) == ("5", 3)


def test_second_era__old_names__become_new_ones():
    content, _ = modernised(
        {
            "dapp": {"name": "a"},
            "order": {
                "dapporder": {"dapp": APP, "dappprice": 1, "userrestrict": ZERO},
                "userorder": {"dapp": APP, "datamaxprice": 2, "params": "one two"},
            },
        }
    )
    assert content["app"] == {"name": "a"}
    assert content["order"]["apporder"] == {"app": APP, "appprice": 1, "requesterrestrict": ZERO}
    assert content["order"]["requestorder"] == {
        "app": APP,
        "datasetmaxprice": 2,
        "params": {"iexec_args": "one two"},
    }


def test_third_era__measurement_of_an_enclave__is_left_out_and_said():
    content, notes = modernised({"app": {"name": "a", "mrenclave": "0xab"}})
    assert content == {"app": {"name": "a"}}
    assert "mrenclave" in notes[0]


def test_third_era__empty_measurement__is_left_out_silently():
    assert modernised({"app": {"name": "a", "mrenclave": ""}}) == ({"app": {"name": "a"}}, ())


def test_price__beside_an_order_that_has_one__does_not_replace_it():
    content, _ = modernised({"app": {"price": 10}, "order": {"apporder": {"appprice": "3"}}})
    assert content["order"]["apporder"] == {"appprice": "3"}


@given(st.sampled_from(OrderKind), st.sampled_from(["", "{}", '{"iexec_args":"x"}']))
def test_today__any_order__stays_as_it_is(kind, params):
    order = unsigned_order(kind) | ({"params": params} if kind is OrderKind.REQUEST else {})
    document = {"app": {"name": "a", "type": "DOCKER"}, "order": {str(kind): order}}
    if params:
        assert modernised(document) == (document, ())
