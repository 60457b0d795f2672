"""Which addresses are of the public internet, and which URLs webhooks go to."""

import pytest

from jobs.contract.addresses import is_public
from jobs.contract.errors import ReceiverRefusedError
from jobs.contract.receivers import receiver

INSIDES = {
    "this host": "0.0.0.0",  # noqa: S104 - that is the trick
    "loopback": "127.0.0.1",
    "the rest of loopback": "127.255.255.254",
    "private 10": "10.0.0.1",
    "private 172": "172.31.255.255",
    "private 192": "192.168.1.1",
    "link-local: a cloud's metadata": "169.254.169.254",
    "carrier-grade NAT: a cloud's metadata": "100.100.100.200",
    "first of carrier-grade NAT": "100.64.0.1",
    "IETF's own: a cloud's metadata": "192.0.0.192",
    "a cloud's inside by a public number": "168.63.129.16",
    "benchmarking": "198.18.0.1",
    "documentation": "203.0.113.7",
    "relays of 6to4": "192.88.99.1",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "unspecified": "::",
    "loopback 6": "::1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped metadata": "::ffff:a9fe:a9fe",
    "translated loopback": "::ffff:0:127.0.0.1",
    "compatible loopback": "::127.0.0.1",
    "NAT64 of metadata": "64:ff9b::a9fe:a9fe",
    "NAT64 of private": "64:ff9b::10.0.0.1",
    "local NAT64": "64:ff9b:1::808:808",
    "6to4 of metadata": "2002:a9fe:a9fe::1",
    "6to4 of loopback": "2002:7f00:1::",
    "Teredo of a private client": "2001:0:808:808:0:0:f5ff:fffe",
    "ISATAP of loopback": "2606:4700::5efe:7f00:1",
    "ISATAP of private, global": "2606:4700::200:5efe:10.0.0.1",
    "unique local: a cloud's metadata": "fd00:ec2::254",
    "link-local 6": "fe80::1",
    "link-local 6 with a zone": "fe80::1%eth0",
    "public with a zone": "2606:4700::1111%eth0",
    "site-local": "fec0::1",
    "multicast 6": "ff02::1",
    "documentation 6": "2001:db8::1",
    "documentation of 2024": "3fff::1",
    "discard": "100::1",
    "segment routing": "5f00::1",
    "never given out": "4000::1",
}


@pytest.mark.parametrize("address", INSIDES.values(), ids=INSIDES.keys())
def test_nobodys_inside_is_public(address: str) -> None:
    """Every way to name an inside address is refused."""
    assert not is_public(address)


@pytest.mark.parametrize(
    "text", ["", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "1.2.3.4.5", "::g"]
)
def test_what_is_no_address_is_not_public(text: str) -> None:
    """Numbers and names that only some libraries take for addresses are none."""
    assert not is_public(text)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "172.32.0.1"]
)
def test_the_public_internet_is_public(address: str) -> None:
    """Ordinary addresses are let through, also where they carry another that is ordinary."""
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "gopher://hooks.example.com/",
        "https://hooks.example.com:8443/",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/",
        "https://user@hooks.example.com/",
        "https://user:word@hooks.example.com/",
        "https://hooks.example.com@127.0.0.1/",
        "https://hooks.example.com\\@127.0.0.1/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/\r\nHost: inside",
        "https://hooks.example.com\t/",
        "https://hooks.exämple.com/",
        "https://localhost/",
        "https://redis/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://8.8.8.8/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::1",
        "https://hooks..example.com/",
        "https://hooks.example.com./",
        "https://.example.com/",
        "https:///path",
        "https:hooks.example.com",
        "//hooks.example.com/",
        "",
        "https://hooks.example.com/" + "a" * 2048,
    ],
)
def test_urls_that_webhooks_do_not_go_to(url: str) -> None:
    """No other scheme, port, user, address or unusual writing is taken."""
    with pytest.raises(ReceiverRefusedError, match=r"^Expected "):
        receiver(url)


def test_a_plain_https_url_is_taken_apart() -> None:
    """Host, port, path and query are as they were written, the host in small letters."""
    found = receiver("https://Hooks.Example.com/a/b?c=d%20e&f")

    assert (found.scheme, found.host, found.port, found.path) == ("https", "hooks.example.com", 443, "/a/b?c=d%20e&f")
    assert receiver("https://xn--exmple-cua.com:443").path == "/"
    assert not found.trusted


def test_an_operator_may_trust_hosts_by_name() -> None:
    """A trusted host, with or without its port, may be private and speak http; its neighbours may not."""
    trusted = ("127.0.0.1:8080", "dev")

    assert receiver("http://127.0.0.1:8080/x", trusted).trusted
    assert receiver("http://dev:99/", trusted).port == 99
    with pytest.raises(ReceiverRefusedError):
        receiver("http://127.0.0.1:8081/x", trusted)
