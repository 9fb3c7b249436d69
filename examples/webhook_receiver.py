"""Receive events over HTTP: check who sent them, and deal with each revision once, though it may come twice.

    python examples/webhook_receiver.py --try-it

This also sends a few; without ``--try-it`` it waits on port 8088 for those of a pipeline. The secret, which both sides
have, is taken from the environment variable WEBHOOK_SECRET; make one with ``openssl rand -base64 32``.
"""

from __future__ import annotations

import base64
import os
import sys
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

from videoxl_stream import Event, EventStore, Pipeline, Rule, Span, WebhookError, WebhookSink, verify_webhook
from videoxl_stream.testing import ScriptedModel, ScriptedSource


class Receiver(HTTPServer):
    """Prints each revision of an event; a real one keeps what it has dealt with in its database."""

    def __init__(self, port: int, secret: str) -> None:
        super().__init__(("localhost", port), Request)
        self.secret, self.known = secret, set[tuple[str, int]]()

    def take(self, event: Event) -> None:
        """Deal with an event, unless that was done before."""
        if (event.id, event.revision) not in self.known:
            print(event)
            self.known.add((event.id, event.revision))


class Request(BaseHTTPRequestHandler):
    """One event. What is answered with 2xx counts as delivered: deal with it first, then answer."""

    server: Receiver

    def do_POST(self) -> None:
        """Check it and take it."""
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            self.server.take(verify_webhook(dict(self.headers.items()), body, self.server.secret))
        except WebhookError as e:
            return self.send_error(400, str(e))
        self.send_response(204)
        return self.end_headers()


def send(receiver: Receiver) -> None:
    """Send what a pipeline without a camera finds."""
    rule, model = Rule(name="door", question="Is it open?"), ScriptedModel({"Is it open?": [Span(4, 12)]})
    sink = WebhookSink(f"http://localhost:{receiver.server_port}/", secret=receiver.secret)
    with closing(sink), EventStore("sqlite://") as store:
        Pipeline(sources=[ScriptedSource(range(20))], model=model, rules=[rule], store=store, sinks=[sink]).run()


if __name__ == "__main__":
    try_it = "--try-it" in sys.argv
    secret = base64.b64encode(os.urandom(32)).decode() if try_it else os.environ["WEBHOOK_SECRET"]
    with Receiver(0 if try_it else 8088, secret) as listening:
        answering = threading.Thread(target=listening.serve_forever, daemon=True)
        answering.start()
        if try_it:
            send(listening)
            listening.shutdown()
        answering.join()
