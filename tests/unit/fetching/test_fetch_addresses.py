"""Fetching: which addresses a stranger may make a worker reach."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import CAUSE, Server, Worker, reply, serve

from poco.appio import Cause, ExecutionError
from poco.errors import ConfigurationError
from poco.fetching import Fetcher, FetchPolicy

CONTENT = b"content"
PUBLIC = "93.184.216.34"


# SPELLING


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("file:///etc/passwd", "begin with"),
        ("ftp://host/a", "begin with"),
        ("jar:http://host/a!/b", "begin with"),
        ("data:text/plain,hello", "begin with"),
        ("data.csv", "begin with"),
        ("//host/data.csv", "begin with"),
        ("", "begin with"),
        ("http://", "begin with"),
        ("http://[::1/a", "well-formed"),
        ("http://host:port/a", "well-formed"),
        ("http://host:0/a", "ports are 1 to 65535"),
        ("http://host:-1/a", "ports are 1 to 65535"),
        ("http://host:65616/a", "ports are 1 to 65535"),  # connections would go to port 80
        ("http://host/\n", "well-formed"),
        ("http://host/\ud800", "well-formed"),
        ("ipfs://QmdckCoPuhEtiNzREtqpYn8dBgY8ifcG82Q4eyEdGCLEiu/\ud800", "well-formed"),
        ("http://xn--a/b", "well-formed"),
        ("http://xn--/b", "well-formed"),
        ("http://x y", "letters, digits"),
        ("http://a..b/c", "letters, digits"),
        ("http://-a.b/c", "letters, digits"),
        (f"http://{'a' * 64}.example/", "letters, digits"),
        ("http://user@host/a", "user name"),
        ("http://user:password@host/a", "user name"),
        ("http://2130706433/a", "four decimal numbers"),
        ("http://0x7f000001/a", "four decimal numbers"),
        ("http://0177.0.0.1/a", "well-formed"),
        ("http://127.1/a", "four decimal numbers"),
        ("http://127.0.0.1./a", "four decimal numbers"),
    ],
)
def test_fetch__address_of_another_kind__is_forbidden(worker: Worker, url: str, rule: str) -> None:
    with pytest.raises(ExecutionError, match=rule) as caught:
        worker.fetch(url)
    assert (caught.value.cause, caught.value.permanent) == (Cause.INPUT_URL_FORBIDDEN, True)


def test_fetch__forbidden_address_of_an_app__keeps_the_cause_of_apps(worker: Worker) -> None:
    with pytest.raises(ExecutionError, match="begin with") as caught:
        worker.fetch("file:///app.wasm", cause=Cause.APP_IMAGE_DOWNLOAD_FAILED)
    assert caught.value.cause is Cause.APP_IMAGE_DOWNLOAD_FAILED


# WHERE IT LEADS

FORBIDDEN = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_policy__address_that_is_not_public__is_not_permitted(address: str) -> None:
    assert not FetchPolicy().permits(address)
    assert FetchPolicy(allow_private=True).permits(address)


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1::1", "64:ff9b::93.184.216.34"])
def test_policy__public_address__is_permitted(address: str) -> None:
    assert FetchPolicy().permits(address)


@given(st.ip_addresses(v=4))
def test_policy__ipv4_inside_ipv6__is_judged_like_itself(ip: ipaddress.IPv4Address) -> None:
    policy = FetchPolicy()
    for form in (f"::ffff:{ip}", f"64:ff9b::{ip}"):
        assert policy.permits(form) == policy.permits(str(ip))


@given(st.ip_addresses(network="10.1.2.0/24"), st.ip_addresses(network="10.1.3.0/24"))
def test_policy__allowed_network__is_permitted_and_its_neighbour_is_not(
    inside: ipaddress.IPv4Address, outside: ipaddress.IPv4Address
) -> None:
    policy = FetchPolicy(allowed_networks=("10.1.2.0/24", "fd00::/8"))
    assert policy.permits(str(inside))
    assert policy.permits(f"::ffff:{inside}")
    assert not policy.permits(str(outside))


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"allowed_networks": ("10.1.2.3/24",)}, "allowed_networks"),
        ({"allowed_networks": ("everything",)}, "allowed_networks"),
        ({"gateways": ("127.0.0.1:8080",)}, "gateways"),
        ({"gateways": ("ftp://host",)}, "gateways"),
        ({"gateways": ("http://[",)}, "gateways"),
        ({"gateways": ("http://xn--a",)}, "gateways"),
    ],
)
def test_policy__malformed_setting__is_refused(
    settings: dict[str, tuple[str, ...]], field: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"{field} = "):
        FetchPolicy(**settings)


def test_fetch__name_with_one_private_address__is_forbidden(worker: Worker) -> None:
    worker.policy = FetchPolicy()
    worker.addresses = {"data.example": [[PUBLIC, "127.0.0.1"]]}
    with pytest.raises(ExecutionError, match=r"public address, not 127\.0\.0\.1") as caught:
        worker.fetch("http://data.example/a")
    assert (caught.value.cause, caught.value.permanent) == (Cause.INPUT_URL_FORBIDDEN, True)


def test_fetch__name__is_resolved_once_and_kept_in_the_request(
    server: Server, worker: Worker
) -> None:
    """A name that would lead elsewhere at a second look gets no second look."""
    worker.policy = FetchPolicy(allowed_networks=("127.0.0.1/32",))
    worker.addresses = {"data.example": [["127.0.0.1"], ["10.0.0.1"]]}
    url = server.on("/a", reply(CONTENT)).replace("127.0.0.1", "data.example")
    worker.fetch(url)
    assert worker.content == CONTENT
    assert worker.addresses["data.example"] == [["10.0.0.1"]]
    assert server.asked("Host") == [url.removeprefix("http://").removesuffix("/a")]


def test_fetch__first_address_dead__tries_the_next(server: Server, worker: Worker) -> None:
    worker.addresses = {"data.example": [["::1", "127.0.0.1"]]}
    worker.fetch(server.on("/a", reply(CONTENT)).replace("127.0.0.1", "data.example"))
    assert worker.content == CONTENT


@pytest.mark.parametrize("answer", [OSError("no such host"), UnicodeError("label too long"), []])
def test_fetch__name_without_address__may_work_for_another_worker(
    worker: Worker, answer: Exception | list[str]
) -> None:
    def resolve(host: str, port: int) -> list[str]:
        if isinstance(answer, Exception):
            raise answer
        return answer

    fetcher = Fetcher(resolve=resolve, sleep=lambda _: None)
    with pytest.raises(ExecutionError, match="host") as caught:
        fetcher.fetch("http://data.example/a", worker.folder / "file", cause=CAUSE)
    assert not caught.value.permanent


def test_fetch__localhost__is_found_and_forbidden(server: Server, worker: Worker) -> None:
    worker.policy = FetchPolicy()
    with pytest.raises(ExecutionError, match="public address"):
        worker.fetch(server.on("/a", reply()).replace("127.0.0.1", "localhost"))
    assert not server.requests


# REDIRECTS


def chain(server: Server, length: int) -> str:
    """Make so many redirects on the way to a file."""
    server.on("/0", reply(CONTENT))
    for step in range(1, length + 1):
        server.on(f"/{step}", reply(status=302, Location=f"/{step - 1}"))
    return f"{server.url}/{length}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_fetch__redirect__is_followed(server: Server, worker: Worker, status: int) -> None:
    server.on("/new place", reply(CONTENT))
    server.on("/new%20place", reply(CONTENT))
    worker.fetch(server.on("/old", reply(status=status, Location="new place")))
    assert worker.content == CONTENT


def test_fetch__five_redirects__are_followed(server: Server, worker: Worker) -> None:
    worker.fetch(chain(server, 5))
    assert worker.content == CONTENT


def test_fetch__six_redirects__are_too_many_for_every_worker(
    server: Server, worker: Worker
) -> None:
    with pytest.raises(ExecutionError, match="5 redirects away") as caught:
        worker.fetch(chain(server, 6))
    assert caught.value.permanent
    assert len(server.requests) == 6


def test_fetch__redirect_without_place__is_a_refusal(server: Server, worker: Worker) -> None:
    with pytest.raises(ExecutionError, match="status 302"):
        worker.fetch(server.on("/old", reply(status=302)))


@pytest.mark.parametrize(
    ("location", "rule"),
    [
        ("file:///etc/passwd", "redirects to 'file:///etc/passwd', but .*begin with"),
        ("http://user@127.0.0.1/a", "user name"),
        ("http://2130706433/a", "four decimal numbers"),
        ("http://[::1/a", "redirects to .*Invalid"),
        ("http://10.0.0.1/a", r"public address, not 10\.0\.0\.1"),
        ("http://[::ffff:169.254.169.254]/a", "public address"),
    ],
)
def test_fetch__redirect__is_checked_like_the_first_address(
    server: Server, worker: Worker, location: str, rule: str
) -> None:
    worker.policy = FetchPolicy(allowed_networks=("127.0.0.1/32",))
    with pytest.raises(ExecutionError, match=rule) as caught:
        worker.fetch(server.on("/old", reply(status=302, Location=location)))
    assert (caught.value.cause, caught.value.permanent) == (Cause.INPUT_URL_FORBIDDEN, True)


def test_fetch__redirect_by_name__is_resolved_and_checked_anew(
    server: Server, worker: Worker
) -> None:
    worker.policy = FetchPolicy(allowed_networks=("127.0.0.1/32",))
    worker.addresses = {"data.example": [["127.0.0.1"], ["10.0.0.1"]]}
    url = server.on("/old", reply(status=302, Location="/new"))
    with pytest.raises(ExecutionError, match=r"not 10\.0\.0\.1"):
        worker.fetch(url.replace("127.0.0.1", "data.example"))


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for data.example, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "data.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("data.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture
def secure_server(server: Server, certificate: Path) -> Iterator[Server]:
    made = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serve(made) as http:
        http.socket = context.wrap_socket(http.socket, server_side=True)
        made.url = f"https://data.example:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield made
        http.shutdown()
        thread.join()


@pytest.fixture
def fetcher(certificate: Path) -> Fetcher:
    return Fetcher(
        FetchPolicy(allow_private=True, retries=0),
        resolve=lambda host, port: ["127.0.0.1"],
        tls=ssl.create_default_context(cafile=certificate),
    )


def test_fetch__over_tls__verifies_the_name_and_not_the_address(
    secure_server: Server, fetcher: Fetcher, tmp_path: Path
) -> None:
    url = secure_server.on("/a", reply(CONTENT))
    fetcher.fetch(url, tmp_path / "file", cause=CAUSE)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_fetch__certificate_of_another_name__is_refused(
    secure_server: Server, fetcher: Fetcher, tmp_path: Path
) -> None:
    url = secure_server.on("/a", reply(CONTENT)).replace("data.example", "other.example")
    with pytest.raises(ExecutionError, match=r"certificate is not valid for 'other\.example'"):
        fetcher.fetch(url, tmp_path / "file", cause=CAUSE)
    assert not secure_server.requests


def test_fetch__unknown_authority__is_refused(secure_server: Server, tmp_path: Path) -> None:
    fetcher = Fetcher(
        FetchPolicy(allow_private=True, retries=0), resolve=lambda host, port: ["127.0.0.1"]
    )
    with pytest.raises(ExecutionError, match="certificate verify failed"):
        fetcher.fetch(secure_server.on("/a", reply()), tmp_path / "file", cause=CAUSE)


def test_fetch__redirect_from_https_to_http__is_forbidden(
    secure_server: Server, server: Server, fetcher: Fetcher, tmp_path: Path
) -> None:
    plain = server.on("/a", reply(CONTENT))
    url = secure_server.on("/old", reply(status=301, Location=plain))
    with pytest.raises(ExecutionError, match="must not leave https") as caught:
        fetcher.fetch(url, tmp_path / "file", cause=CAUSE)
    assert caught.value.cause is Cause.INPUT_URL_FORBIDDEN
    assert not server.requests
