"""Twilio's own RequestValidator accepts whatever the simulator signs."""

import unittest

from harness import PERSON, SENDER, SERVICE, TOKEN, WithSimulator
from twilio.request_validator import RequestValidator


class Webhooks(WithSimulator):
    def create(self, callback, **changes):
        return self.twilio.messages.create(
            **{"to": PERSON, "from_": SENDER, "body": "Hello", "status_callback": callback} | changes
        )

    def text(self, body, **changes):
        return self.simulator.control("/inbound", {"from": PERSON, "to": SENDER, "body": body} | changes)

    def check(self, received, count):
        """All of them are signed right, and would not be if anything were different."""
        self.assertEqual(len(received), count)
        for request in received:
            self.assertTrue(request["valid"], request)
        other = RequestValidator("another token")
        for request in received:
            self.assertFalse(other.validate(request["url"], request["params"], request["signature"]))

    def statuses(self, received):
        return [request["params"]["MessageStatus"] for request in received]

    def test_status_callbacks_of_every_ending(self):
        webhook = self.webhook()
        url = f"{webhook.url}/status?m=1&a=%2B1#rc=5&rp=all"
        self.create(url, from_=None, messaging_service_sid=SERVICE)
        received = webhook.wait_for(3)
        self.check(received, 3)
        self.assertEqual(self.statuses(received), ["queued", "sent", "delivered"])
        self.assertEqual(received[0]["params"]["MessagingServiceSid"], SERVICE)

        for ending, code in [("undelivered", "30003"), ("failed", "30007")]:
            webhook = self.webhook()
            self.simulator.control("/settings", {"final_status": ending, "error_code": int(code)})
            self.create(webhook.url)
            count = 2 if ending == "undelivered" else 1
            received = webhook.wait_for(count)
            self.check(received, count)
            self.assertEqual(received[-1]["params"]["ErrorCode"], code)

    def test_retries_and_duplicates(self):
        webhook = self.webhook()
        webhook.answers = [(500, None, "")]
        self.simulator.control("/settings", {"callbacks": "duplicate"})
        self.create(f"{webhook.url}/status#rc=1&rp=5xx")
        received = webhook.wait_for(5)
        self.check(received, 5)
        self.assertEqual(self.statuses(received), ["sent"] * 3 + ["delivered"] * 2)

    def test_inbound_texts(self):
        webhook = self.webhook()
        settings = {"webhook": {"url": f"{webhook.url}/in?a=1"}}
        self.simulator.control("/inbound/settings", settings)
        bodies = ["STOP", "", "  two  spaces ", "Grüße 😜 & a+b=c%20d", "line\nbreak", "'\"<>"]
        for body in bodies:
            self.text(body)
        self.text("picture", media=["https://media.example/a.png?x=1&y=2"])
        self.text("more", params={"FromCity": "SÃO PAULO", "NewParam": "x", "newparam": "y"})
        received = webhook.wait_for(8)
        self.check(received, 8)
        self.assertEqual([request["params"]["Body"] for request in received[:6]], bodies)

    def test_inbound_by_get_and_the_fallback(self):
        webhook = self.webhook()
        webhook.answers = [(500, None, "")]
        settings = {
            "url": f"{webhook.url}/in?a=1",
            "method": "GET",
            "fallback_url": f"{webhook.url}/fallback",
        }
        self.simulator.control("/inbound/settings", {"webhook": settings})
        self.text("Grüße 😜 + more")
        received = webhook.wait_for(2)
        self.assertTrue(all(request["valid"] for request in received), received)
        self.assertEqual(received[0]["params"]["Body"], "Grüße 😜 + more")
        self.assertEqual(received[1]["params"]["ErrorCode"], "11200")

    def test_statuses_of_a_reply(self):
        webhook = self.webhook()
        self.simulator.control("/inbound/settings", {"webhook": {"url": f"{webhook.url}/in"}})
        reply = f'<Response><Message statusCallback="{webhook.url}/status">Hi</Message></Response>'
        webhook.answers = [(200, "text/xml", reply)]
        record = self.text("hello")
        received = webhook.wait_for(3)
        self.check(received, 3)
        self.assertEqual(self.statuses(received[1:]), ["sent", "delivered"])
        self.assertEqual(received[1]["params"]["MessageSid"], record["replies"][0]["sid"])

    def test_a_promoted_token_signs(self):
        old, new = self.webhook(TOKEN), None
        self.create(old.url)
        self.check(old.wait_for(2), 2)
        secondary = self.twilio.accounts.v1.secondary_auth_token().create()
        self.create(old.url)
        self.check(old.wait_for(4), 4)
        promoted = self.twilio.accounts.v1.auth_token_promotion().update()
        self.assertEqual(promoted.auth_token, secondary.secondary_auth_token)
        new = self.webhook(promoted.auth_token)
        self.twilio = self.simulator.client(password=promoted.auth_token)
        self.create(new.url)
        self.check(new.wait_for(2), 2)


if __name__ == "__main__":
    unittest.main()
