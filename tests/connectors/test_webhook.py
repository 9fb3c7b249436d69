"""Webhooks against a real HTTP server that answers in every way, and checked by the specification's own library."""

from __future__ import annotations

import base64
import logging
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.store.samples import event
from videoxl_stream.connectors import open_sink
from videoxl_stream.connectors.signatures import verify_webhook
from videoxl_stream.connectors.webhook import WebhookSink
from videoxl_stream.delivery import Delivery
from videoxl_stream.errors import ConfigError, SinkError, WebhookError
from videoxl_stream.store import EventStore

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdefghijklmnopqrstuv").decode()
NEXT_SECRET = base64.b64encode(b"zyxwvutsrqponmlkjihgfedcba98765").decode()
LONG_S = 60.0
PATH = "/services/T0KEN-PATH?key=QUERY-K3Y"
PLANTED = ("T0KEN-PATH", "QUERY-K3Y", "HEADER-PASSW0RD", SECRET, SECRET.removeprefix("whsec_"), NEXT_SECRET)


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    client: tuple[str, int]


@dataclass
class Receiver:
    """An HTTP server that answers each request as the next of its answers says, and with 204 when they are over."""

    answers: list[int | str] = field(default_factory=list)
    retry_after: str = ""
    received: list[Received] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://localhost:{self.port}{PATH}"


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        receiver = self.receiver
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.received.append(Received(self.path, headers, body, self.client_address))
        answer = receiver.answers.pop(0) if receiver.answers else 204
        if answer == "hang":
            receiver.released.wait(LONG_S)
        if isinstance(answer, str):
            self.close_connection = True
            return
        self.send_response(answer)
        if receiver.retry_after:
            self.send_header("Retry-After", receiver.retry_after)
        if 300 <= answer < 400:
            self.send_header("Location", f"http://localhost:{receiver.port}/elsewhere")
        text = b"" if answer == 204 else b"T0KEN-PATH is what you sent" * 100
        if answer != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = False  # they are waited for

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients may hang up."""


def serve(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver()
    server = Server(("localhost", 0), type("Answers", (Answering,), {"receiver": receiver, "timeout": LONG_S}))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield receiver
    receiver.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    yield from serve()


@pytest.fixture
def make_sink(receiver: Receiver) -> Iterator[Callable[..., WebhookSink]]:
    """Sinks that are closed before the server ends."""
    made: list[WebhookSink] = []

    def make(url: str = "", secret: str | tuple[str, ...] = SECRET, timeout_s: float = LONG_S) -> WebhookSink:
        headers = {"Authorization": "Bearer HEADER-PASSW0RD"}
        made.append(WebhookSink(url or receiver.url(), secret=secret, headers=headers, timeout_s=timeout_s))
        return made[-1]

    yield make
    for sink in made:
        sink.close()
        sink.close()


Make = Callable[..., WebhookSink]
Change = Callable[[dict[str, str], bytes], tuple[dict[str, str], bytes]]


def test_each_revision_is_a_signed_request_of_its_own(receiver: Receiver, make_sink: Make) -> None:
    sink = make_sink()
    for revision in (0, 1):
        sink.write(event(3, revision))
    sink.flush()
    first, second = receiver.received
    assert first.path == PATH
    assert first.headers["content-type"] == "application/json"
    assert first.headers["authorization"] == "Bearer HEADER-PASSW0RD"
    assert Webhook(SECRET).verify(first.body, first.headers) == event(3).model_dump(mode="json")
    assert verify_webhook(first.headers, first.body, SECRET) == event(3)
    assert verify_webhook(second.headers, second.body, SECRET) == event(3, 1)
    assert first.headers["webhook-id"] != second.headers["webhook-id"]
    assert first.client == second.client  # one connection for both


def test_a_repeat_has_the_same_id(receiver: Receiver, make_sink: Make) -> None:
    sink = make_sink()
    for _ in range(2):
        sink.write(event(3))
        sink.write(event(3))  # what was taken is not sent again before the flush
        sink.flush()
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_secrets_are_changed_without_a_gap(receiver: Receiver, make_sink: Make) -> None:
    make_sink(secret=(SECRET, NEXT_SECRET)).write(event())
    [request] = receiver.received
    for secret in (SECRET, NEXT_SECRET):
        Webhook(secret).verify(request.body, request.headers)
        assert verify_webhook(request.headers, request.body, [base64.b64encode(b"x" * 32).decode(), secret]) == event()


@pytest.mark.parametrize(
    ("answer", "for_good"),
    [
        *[(answer, False) for answer in (500, 503, 408, 425, 429, "close")],
        *[(answer, True) for answer in (400, 404, 410, 413, 302, 307)],
    ],
)
def test_what_an_answer_means(receiver: Receiver, make_sink: Make, answer: int | str, for_good: bool) -> None:
    receiver.answers = [answer]
    sink = make_sink()
    with pytest.raises(SinkError) as caught:
        sink.write(event())
    assert caught.value.for_good == for_good
    assert f"localhost:{receiver.port}" in str(caught.value)
    sink.write(event())  # on a connection that works
    assert [request.path for request in receiver.received] == [PATH] * 2  # never /elsewhere


def test_a_receiver_that_hangs_is_given_up(receiver: Receiver, make_sink: Make) -> None:
    receiver.answers = ["hang"]
    with pytest.raises(SinkError, match=r"no answer: .*it is tried again") as caught:
        make_sink(timeout_s=0.2).write(event())
    assert not caught.value.for_good


def test_nobody_there(make_sink: Make) -> None:
    with pytest.raises(SinkError, match=r"http://localhost:1 gave no answer") as caught:
        make_sink(f"http://localhost:1{PATH}").write(event())
    assert not any(secret in str(caught.value) for secret in PLANTED)


@pytest.mark.parametrize(("asked", "least_s", "most_s"), [("17", 17, 17), ("soon", 0, 0), ("-5", 0, 0), ("", 0, 0)])
def test_it_is_left_alone_for_as_long_as_it_asks(
    receiver: Receiver, make_sink: Make, asked: str, least_s: float, most_s: float
) -> None:
    receiver.answers, receiver.retry_after = [429], asked
    with pytest.raises(SinkError) as caught:
        make_sink().write(event())
    assert least_s <= caught.value.wait_s <= most_s


def test_it_may_ask_by_a_date(receiver: Receiver, make_sink: Make) -> None:
    receiver.answers = [503]
    receiver.retry_after = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    with pytest.raises(SinkError) as caught:
        make_sink().write(event())
    assert timedelta(hours=1).total_seconds() < caught.value.wait_s <= timedelta(hours=2).total_seconds()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of localhost, and its key."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    command += " -addext subjectAltName=DNS:localhost -keyout key.pem -out certificate.pem"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    return tmp_path / "certificate.pem"


@pytest.fixture
def secure_receiver(certificate: Path) -> Iterator[Receiver]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    yield from serve(context)


def test_only_who_is_vouched_for_is_told(secure_receiver: Receiver, certificate: Path) -> None:
    sink = WebhookSink(secure_receiver.url("https"), secret=SECRET, ca_file=certificate)
    sink.write(event())
    sink.close()
    stranger = WebhookSink(secure_receiver.url("https"), secret=SECRET)
    with pytest.raises(SinkError, match="certificate"):
        stranger.write(event())
    stranger.close()
    assert len(secure_receiver.received) == 1


def test_through_the_outbox_everything_arrives_and_no_secret_is_shown(
    receiver: Receiver, make_sink: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answers = [204, 500, "close", 204, 302, 302, 429]
    url, done = f"sqlite:///{tmp_path}/events.db", threading.Event()
    shown: list[object] = []
    with EventStore(url) as store:
        sink = make_sink()
        delivery = Delivery(store, {"pager": sink}, patience=2)
        delivery.start()
        store.commit("site", "gate", events=[event(window) for window in range(5)], outbox=delivery.names)
        delivery.wake()
        for _ in range(6000):
            shown += [delivery.status["pager"].error, repr(sink), str(store.outbox.letters())]
            if delivery.status["pager"].backlog == 0:
                break
            done.wait(0.01)
        assert delivery.close(LONG_S)
        [refused] = store.outbox.letters(refused=True)
        shown.append(refused.error)
    taken = [verify_webhook(each.headers, each.body, SECRET).window for each in receiver.received]
    assert list(dict.fromkeys(taken)) == [0, 1, 2, 3, 4]
    assert refused.event.window == 2
    everything = "\n".join([caplog.text, *map(str, shown), *(repr(vars(record)) for record in caplog.records)])
    assert "answered 302" in everything
    assert [secret for secret in PLANTED if secret in everything] == []


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        (lambda headers, body: ({**headers, "webhook-signature": "v1,AAAA"}, body), "signature"),
        (lambda headers, body: ({**headers, "webhook-signature": "nonsense"}, body), "signature"),
        (lambda headers, body: ({**headers, "webhook-timestamp": "1700000000"}, body), "5 minutes"),
        (lambda headers, body: ({**headers, "webhook-id": "other"}, body), "signature"),
        (lambda headers, body: ({}, body), "signature"),
        (lambda headers, body: (headers, body + b" "), "signature"),
        (lambda headers, body: (headers, b"\xff"), "signature"),
    ],
)
def test_what_is_not_ours_is_refused(
    receiver: Receiver,
    make_sink: Make,
    change: Callable[[dict[str, str], bytes], tuple[dict[str, str], bytes]],
    remedy: str,
) -> None:
    make_sink().write(event())
    [request] = receiver.received
    headers, body = change(request.headers, request.body)
    with pytest.raises(WebhookError, match=remedy):
        verify_webhook(headers, body, SECRET)
    with pytest.raises((WebhookVerificationError, ValueError)):
        Webhook(SECRET).verify(body, headers)


def test_what_is_signed_but_no_event_is_refused() -> None:
    at = datetime.now(UTC)
    headers = {"Webhook-Id": "1", "Webhook-Timestamp": str(int(at.timestamp()))}
    headers["Webhook-Signature"] = Webhook(SECRET).sign("1", at.replace(microsecond=0), "{}")
    with pytest.raises(WebhookError, match="no event"):
        verify_webhook(headers, b"{}", SECRET)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("https://ann:HEADER-PASSW0RD@host/", {}),
        ("ftp://host/T0KEN-PATH", {}),
        ("https:///T0KEN-PATH", {}),
        ("https://host/T0KEN-PATH", {"secret": "T0KEN-PATH"}),
        ("https://host/T0KEN-PATH", {"secret": []}),
        ("https://host/T0KEN-PATH", {"secret": [SECRET, "c2hvcnQ="]}),
        ("https://host/T0KEN-PATH", {"timeout_s": 0}),
        ("https://host/T0KEN-PATH", {"ca_file": "nowhere.pem"}),
        ("https://host/T0KEN-PATH", {"headers": {"Webhook-Id": "1"}}),
        ("https://host/T0KEN-PATH", {"headers": {"X": "HEADER-PASSW0RD\r\nY: 1"}}),
    ],
)
def test_what_cannot_work_is_refused_at_once(url: str, options: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        WebhookSink(url, **({"secret": SECRET} | options))  # type: ignore[arg-type]
    assert not any(secret in str(caught.value) for secret in PLANTED)


def test_a_url_finds_its_sink(receiver: Receiver) -> None:
    sink = open_sink(receiver.url(), secret=SECRET)
    assert isinstance(sink, WebhookSink)
    assert repr(sink) == f"WebhookSink('http://localhost:{receiver.port}')"
    sink.close()
