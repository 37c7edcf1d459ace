"""A running simulator, Twilio's own client pointed at it, and a webhook that lets Twilio's own validator decide.

Nothing here leaves the machine: a connection to anything but the loopback address ends the test.
"""

import json
import os
import subprocess
import sys
import threading
import time
import unittest
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "simulated-token"
TEST_ACCOUNT = "AC00000000000000000000000000000002"
TEST_TOKEN = "simulated-test-token"
API_KEY = "SK00000000000000000000000000000001"
API_SECRET = "simulated-secret"
SERVICE = "MG00000000000000000000000000000001"
VERIFY_SERVICE = "VA00000000000000000000000000000001"
PERSON = "+14155550100"
SENDER = "+15005550006"


def _only_loopback(event, arguments):
    if event == "socket.connect":
        host = arguments[1][0]
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if host not in ("127.0.0.1", "localhost", b"127.0.0.1", None):
        raise RuntimeError(f"a test may not reach {host!r}")


sys.addaudithook(_only_loopback)


class SimulatorHttpClient(TwilioHttpClient):
    """Sends what is meant for api.twilio.com and verify.twilio.com to the simulator."""

    def __init__(self, url):
        super().__init__(timeout=30)
        self.session.trust_env = False
        self.simulator = urlsplit(url)

    def request(self, method, url, *arguments, **named):
        meant = urlsplit(url)
        if not meant.netloc.endswith(".twilio.com"):
            raise RuntimeError(f"the client wants to call {url}")
        here = meant._replace(scheme=self.simulator.scheme, netloc=self.simulator.netloc)
        return super().request(method, urlunsplit(here), *arguments, **named)


class Simulator:
    """The real program on a free port."""

    def __init__(self, *options, environment=None):
        program = os.environ["TWILIO_SIMULATOR_BIN"]
        self.process = subprocess.Popen(
            [program, "--listen", "127.0.0.1:0", *options],
            env=os.environ | (environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.url = self.process.stdout.readline().strip().removeprefix("listening on ")

    @classmethod
    def for_tests(cls, *options):
        """One without delays, with credentials of every kind."""
        secrets = ["--account-sid", ACCOUNT, "--auth-token", TOKEN]
        secrets += ["--api-key", API_KEY, "--api-secret", API_SECRET]
        secrets += ["--test-account-sid", TEST_ACCOUNT, "--test-auth-token", TEST_TOKEN]
        steps = ("queued", "sent", "delivered")
        delays = [word for step in steps for word in (f"--delay-{step}-ms", "0")]
        return cls(*secrets, *delays, *options)

    def client(self, user=ACCOUNT, password=TOKEN, account=None):
        """Twilio's client with these credentials."""
        return Client(user, password, account, http_client=SimulatorHttpClient(self.url))

    def control(self, path, body=None):
        """GET of a control endpoint, or POST with a body."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_sim{path}", data)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()


class Webhook:
    """Takes callbacks and keeps them, each with the verdict of Twilio's RequestValidator."""

    def __init__(self, token=TOKEN):
        self.validator = RequestValidator(token)
        self.received = []
        self.answers = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                webhook.take(self, self.rfile.read(length))

            def do_GET(self):
                webhook.take(self, b"")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, request, body):
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body))
        params = dict(pairs)
        signature = request.headers["X-Twilio-Signature"]
        url = self.url + request.path
        is_valid = self.validator.validate(url, params, signature)
        query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
        self.received.append(
            {"valid": is_valid, "url": url, "signature": signature, "params": params or query}
        )
        status, content_type, text = self.answers.pop(0) if self.answers else (204, None, "")
        request.send_response(status)
        if content_type:
            request.send_header("Content-Type", content_type)
        request.send_header("Content-Length", str(len(text.encode())))
        request.end_headers()
        request.wfile.write(text.encode())

    def wait_for(self, count):
        """The first `count` callbacks, when they are there."""
        return eventually(lambda: len(self.received) >= count and self.received[:count])

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def eventually(ask):
    """Asks again until there is an answer; gives up after 20 seconds."""
    end = time.monotonic() + 20
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError("it did not happen")
        time.sleep(0.01)


class WithSimulator(unittest.TestCase):
    """Tests with one simulator for the class; it forgets everything before each test."""

    OPTIONS = ()

    @classmethod
    def setUpClass(cls):
        cls.simulator = Simulator.for_tests(*cls.OPTIONS)
        cls.addClassCleanup(cls.simulator.stop)

    def setUp(self):
        self.simulator.control("/reset", {})
        self.twilio = self.simulator.client()

    def webhook(self, token=TOKEN):
        webhook = Webhook(token)
        self.addCleanup(webhook.stop)
        return webhook
