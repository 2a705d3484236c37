"""The conformance vectors of spec contracts §12 and the type hashes of §2.2."""

from __future__ import annotations

import pytest
from eth_hash.auto import keccak

from poco.orders import (
    ORDER_CLASSES,
    AppOrder,
    DatasetOrder,
    Domain,
    OrderAction,
    OrderHash,
    OrderKind,
    OrderOperation,
    RequestOrder,
    Tag,
    WorkerpoolOrder,
    authorization_digest,
    checked_address,
    deal_id,
    enclave_digest,
    operation_hash,
    operation_struct_hash,
    order_hash,
    personal_digest,
    result_hash,
    result_seal,
    struct_hash,
    task_id,
    type_string,
)


def repeated(byte: str) -> str:
    return checked_address("vector", f"0x{byte * 20}")


DOMAIN = Domain(42161, repeated("11"))
APP, DATASET, POOL = repeated("a1"), repeated("d1"), repeated("b1")
REQUESTER, WORKER, ENCLAVE = repeated("c1"), repeated("e1"), repeated("f1")

ORDERS = {
    OrderKind.APP: AppOrder(app=APP, appprice=1000, volume=10, tag=Tag(1), salt=b"\x01" * 32),
    OrderKind.DATASET: DatasetOrder(
        dataset=DATASET,
        datasetprice=2000,
        volume=9007199254740991,
        tag=Tag(3),
        apprestrict=APP,
        salt=b"\x02" * 32,
    ),
    OrderKind.WORKERPOOL: WorkerpoolOrder(
        workerpool=POOL,
        workerpoolprice=3000,
        volume=5,
        tag=Tag(9),
        category=0,
        trust=1,
        salt=b"\x03" * 32,
    ),
    OrderKind.REQUEST: RequestOrder(
        app=APP,
        appmaxprice=1000,
        dataset=DATASET,
        datasetmaxprice=2000,
        workerpool=POOL,
        workerpoolmaxprice=3000,
        requester=REQUESTER,
        volume=2,
        tag=Tag(1),
        category=0,
        trust=1,
        beneficiary=REQUESTER,
        params='{"iexec_args":"hi"}',
        salt=b"\x04" * 32,
    ),
}
STRUCT_HASHES = {
    OrderKind.APP: "f341a68fc0c558c00bd07bdadf45d41ac410676bbcfc119bf33227e7ad5cb50d",
    OrderKind.DATASET: "227ed7168cce8d26e84b8efcd31c6aeccfc433b6245e6364d458526458bb6699",
    OrderKind.WORKERPOOL: "78e2da42035b9a90d2ee2e41d3ee92a2c00818df56f3bd357892989bbd2014e4",
    OrderKind.REQUEST: "caa0794093d6629dab40b7769242557ef6910ea8ac961cdb1ce3774554ff02cf",
}
ORDER_HASHES = {
    OrderKind.APP: "b29cd5e265e8ed0f66b3da9313c3a3c5bb644243e584ba853264bc03e35aa7f9",
    OrderKind.DATASET: "1d64ba805ef0616811997afbb20b7a8f1a53090ab5981a7f706abe45eaf04475",
    OrderKind.WORKERPOOL: "c144d69d52d14e11ec6b6ab223a32820cb67018983baf7a103e30322e2fca8d9",
    OrderKind.REQUEST: "51c783eda5cdbb8626acafa9481b7b9f45b2455de6df4d443731310a1cb4aef7",
}
CLOSE_HASHES = {
    OrderKind.APP: "93bfe02065cd421406364e9812056450563921c7cf44d9c1be407e71c514441d",
    OrderKind.DATASET: "0eaeed5ad36d217d14bf7e47f3946afa32438f30a256c11f38abe63a66d17cf2",
    OrderKind.WORKERPOOL: "9d65cb300ca65aad1eb082dd7329d8b6f110e5e6dff10157a49676c85a72c6c3",
    OrderKind.REQUEST: "01f1318ccad5501eeb2c4a96f62f5a9ecc4d014ca5d7206920f158e4487bdf18",
}
TYPE_HASHES = {
    OrderKind.APP: "60815a0eeec47dddf1615fe53b31d016c31444e01b9d796db365443a6445d008",
    OrderKind.DATASET: "6cfc932a5a3d22c4359295b9f433edff52b60703fa47690a04a83e40933dd47c",
    OrderKind.WORKERPOOL: "aa3429fb281b34691803133d3d978a75bb77c617ed6bc9aa162b9b30920022bb",
    OrderKind.REQUEST: "f24e853034a3a450aba845a82914fbb564ad85accca6cf62be112a154520fae0",
}
OPERATION_TYPE_HASHES = {
    OrderKind.APP: "0638bb0702457e2b4b01be8a202579b8bf97e587fb4f2cc4d4aad01f21a06ee0",
    OrderKind.DATASET: "075eb6f7578ff4292c241bd2484cd5c1d5e6ecc2ddd3317e1d8176b5a45865ec",
    OrderKind.WORKERPOOL: "322d980b7d7a6a1f7c39ff0c5445da6ae1d8e0393ff0dd468c8be3e2c8644388",
    OrderKind.REQUEST: "0ded7b52c2d77595a40d242eca751df172b18e686326dbbed3f4748828af77c7",
}
DEAL = "77817132dc0899a3f4431cc628905916b065cdc2fd47735dd7bc55f1f43f5489"
TASK = "886175c7e5630f99c3f6a5c0b45946f9cdad227b228170b93f58a9d5b3efe28f"
DIGEST = keccak(b"result")
SEAL = "282d3d6ac222bc7b78abe983a84815121f6dc230f3f362484e4619890fbd5c76"
RESULT_HASH = "ac07a82a7fed23e49674cfeeceab7735abf5082befe338d31be02e122e5270ba"


def test_domain_separator__is_the_vector() -> None:
    expected = "ec14a683ca4a2809826a057eeebcf1348e35681424de5ff9fb94d0fc9a428f9b"
    assert DOMAIN.separator.hex() == expected


@pytest.mark.parametrize("kind", OrderKind)
def test_type_string__hashes_to_the_vector(kind: OrderKind) -> None:
    assert keccak(type_string(ORDER_CLASSES[kind]).encode()).hex() == TYPE_HASHES[kind]


@pytest.mark.parametrize("kind", OrderKind)
def test_struct_hash__is_the_vector(kind: OrderKind) -> None:
    assert struct_hash(ORDERS[kind]).hex() == STRUCT_HASHES[kind]


@pytest.mark.parametrize("kind", OrderKind)
def test_order_hash__is_the_vector(kind: OrderKind) -> None:
    assert order_hash(ORDERS[kind], DOMAIN).hex() == ORDER_HASHES[kind]


@pytest.mark.parametrize("kind", OrderKind)
def test_operation_hash__of_a_close__is_the_vector(kind: OrderKind) -> None:
    operation = OrderOperation(ORDERS[kind], OrderAction.CLOSE)
    assert operation_hash(operation, DOMAIN).hex() == CLOSE_HASHES[kind]


@pytest.mark.parametrize("kind", OrderKind)
def test_operation_struct_hash__starts_from_the_type_hash(kind: OrderKind) -> None:
    words = [
        bytes.fromhex(OPERATION_TYPE_HASHES[kind]),
        bytes.fromhex(STRUCT_HASHES[kind]),
        bytes(32),
    ]
    operation = OrderOperation(ORDERS[kind], OrderAction.SIGN)
    assert operation_struct_hash(operation) == keccak(b"".join(words))


def test_deal_id__nothing_consumed__is_the_vector() -> None:
    request = OrderHash(bytes.fromhex(ORDER_HASHES[OrderKind.REQUEST]))
    assert deal_id(request, 0).hex() == DEAL


def test_task_id__of_index_one__is_the_vector() -> None:
    assert task_id(bytes.fromhex(DEAL), 1).hex() == TASK


def test_result_hash__is_the_vector() -> None:
    assert result_hash(bytes.fromhex(TASK), DIGEST).hex() == RESULT_HASH


def test_result_seal__is_the_vector() -> None:
    assert result_seal(WORKER, bytes.fromhex(TASK), DIGEST).hex() == SEAL


def test_authorization_digest__is_the_vector() -> None:
    expected = "878af15e16943ee57395f8c81038c45bf0dffe7dfaf7cdd17ae450d7e13a3929"
    assert authorization_digest(WORKER, bytes.fromhex(TASK), ENCLAVE).hex() == expected


def test_enclave_digest__of_a_classic_task__is_the_vector() -> None:
    expected = "b0b209fb5148a9148bc24206f18685a866f0d97eb6f3ff719a7ea1f50faeaa6c"
    assert enclave_digest(bytes.fromhex(RESULT_HASH), bytes.fromhex(SEAL)).hex() == expected


def test_personal_digest__of_a_seal__is_the_boost_vector() -> None:
    expected = "9e30c372a17d67035b6b99f95c503c2e52d3e28011ed7cd2f870dcc851d3a402"
    assert personal_digest(bytes.fromhex(SEAL)).hex() == expected
