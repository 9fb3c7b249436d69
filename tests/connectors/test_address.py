"""What people see of a URL that carries secrets."""

from __future__ import annotations

import base64
import json
import traceback
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videoxl_stream.connectors.address import Address
from videoxl_stream.errors import ConfigError

PLAIN = "rtsp://gate.example:8554/cam/1"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (PLAIN, PLAIN),
        ("RTSP://admin:s3cret@gate.example:8554/cam/1", PLAIN),
        ("rtsp://admin@gate/cam", "rtsp://gate/cam"),
        ("https://gate/live.m3u8?token=s3cret&n=1#s3cret", "https://gate/live.m3u8"),
        ("http://[::1]:80/x?s3cret", "http://[::1]:80/x"),
        ("rtsp://gate/user=admin_password=s3cret_channel=1_stream=0.sdp", None),
        ("rtsp://gate/user=admin&password=s3cret&channel=1.sdp", None),
        ("webcam:///dev/video0", "webcam:///dev/video0"),
        ("kafka://user:s3cret@one:9092,two:9092/topic", "kafka://one:9092,two:9092/topic"),
        ("https://gate/@someone/hook", "https://gate/@someone/hook"),
    ],
)
def test_only_where_it_leads_is_shown(url: str, shown: str | None) -> None:
    address = Address(url)
    assert address.url == url
    assert shown is None or address.shown == shown
    for text in (address.shown, str(address), repr(address), address.hide(f"cannot open {url}")):
        assert "s3cret" not in text
        assert "admin" not in text
    assert address.shown in address.hide(f"cannot open {url}")


def test_secrets_are_hidden_however_they_are_spelled() -> None:
    address = Address("rtsp://jo%40home:a%2Fb%22c%5Cd@gate/x?key=t%20k%20n").with_login("jo@home", 'a/b"c\\d')
    basic = base64.b64encode(b'jo@home:a/b"c\\d').decode()
    for secret in ("jo@home", "jo%40home", 'a/b"c\\d', "a%2Fb%22c%5Cd", "a%2fb%22c%5cd", "t k n", "t%20k%20n", basic):
        for spelling in (secret, json.dumps(secret), repr(secret), f"x{secret}y"):
            assert "***" in address.hide(spelling)
            assert secret not in address.hide(spelling)


def test_what_was_hidden_leaves_the_rest_readable() -> None:
    address = Address("rtsp://gate:pw@gate:8554/a?play_count=0")
    text = "rtsp://gate:8554/a: 10 of 200 packets of gate, loop 0, password pw, power"
    assert address.hide(text) == "rtsp://gate:8554/a: 10 of 200 packets of ***, loop ***, password ***, power"
    assert Address(PLAIN).hide("nothing to hide") == "nothing to hide"
    assert Address(PLAIN, secrets=["signing-key", ""]).hide("by signing-key") == "by ***"


@given(user=st.text(min_size=1), password=st.text(min_size=4))
def test_any_login_survives_the_url_and_is_hidden(user: str, password: str) -> None:
    address = Address(PLAIN).with_login(user, password)
    assert address.shown == PLAIN
    for spelling in (password, quote(password, safe=""), json.dumps(password), f"<{address.url}>"):
        hidden = address.hide(spelling).replace(PLAIN, "")
        assert password not in hidden or password in '<"***">'


def test_addresses_are_the_same_if_all_of_them_is() -> None:
    first, second = Address("rtsp://a:b@gate/x"), Address("rtsp://a:c@gate/x")
    assert first != second
    assert {first, Address("rtsp://a:b@gate/x")} == {first}
    assert second.with_login("a", "b") == first
    assert first.has_login
    assert not Address(PLAIN).has_login


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://admin:s3/cret@gate/x",
        "rtsp://admin:1/s3cret@gate/x",
        "rtsp://admin:1#s3cret@gate/x",
        "rtsp://admin:s3cret]@[gate/x",
        "rtsp://gate:s3cret/x",
        "s3cret",
        "//admin:s3cret@gate",
        "rtsp:s3cret@gate",
    ],
)
def test_what_is_no_url_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ConfigError, match="percent-encoded") as caught:
        Address(url)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value, chain=True)).replace(f'"{url}"', "")
    assert caught.value.__cause__ is None
