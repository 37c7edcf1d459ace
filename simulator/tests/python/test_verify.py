"""Verify through Twilio's own client."""

import unittest

from harness import ACCOUNT, PERSON, VERIFY_SERVICE, WithSimulator
from twilio.base.exceptions import TwilioRestException

CODE = "123456"
WRONG = "000000"


class Verify(WithSimulator):
    OPTIONS = ("--verify-service", VERIFY_SERVICE, "--verify-code", CODE)

    def setUp(self):
        super().setUp()
        self.service = self.twilio.verify.v2.services(VERIFY_SERVICE)

    def start(self, to=PERSON, channel="sms"):
        return self.service.verifications.create(to=to, channel=channel)

    def check(self, code):
        return self.service.verification_checks.create(to=PERSON, code=code)

    def refused(self, call, *arguments, **named):
        """HTTP status and code of the refusal."""
        with self.assertRaises(TwilioRestException) as caught:
            call(*arguments, **named)
        return caught.exception.status, caught.exception.code

    def test_a_code_is_sent_and_approved_once(self):
        started = self.start()
        self.assertRegex(started.sid, "^VE[0-9a-f]{32}$")
        self.assertEqual((started.status, started.valid), ("pending", False))
        self.assertEqual((started.to, started.channel), (PERSON, "sms"))
        self.assertEqual(started.account_sid, ACCOUNT)
        self.assertEqual(started.service_sid, VERIFY_SERVICE)
        self.assertEqual(len(started.send_code_attempts), 1)
        self.assertEqual(started.lookup, {"carrier": None})
        self.assertEqual(started.fetch().status, "pending")

        wrong = self.check(WRONG)
        self.assertEqual((wrong.status, wrong.valid), ("pending", False))
        right = self.check(CODE)
        self.assertEqual((right.status, right.valid), ("approved", True))
        self.assertEqual(right.sid, started.sid)
        self.assertEqual(self.refused(self.check, CODE), (404, 20404))
        self.assertEqual(self.refused(started.fetch), (404, 20404))

    def test_a_check_may_name_the_verification(self):
        started = self.start()
        checked = self.service.verification_checks.create(
            verification_sid=started.sid, code=CODE
        )
        self.assertTrue(checked.valid)

    def test_five_checks_and_ten_minutes(self):
        self.start()
        for _ in range(5):
            self.assertEqual(self.check(WRONG).status, "pending")
        self.assertEqual(self.refused(self.check, CODE), (429, 60202))
        self.simulator.control("/clock", {"advance_seconds": 600})
        self.assertEqual(self.refused(self.check, CODE), (404, 20404))

    def test_five_sends(self):
        sids = {self.start().sid for _ in range(5)}
        self.assertEqual(len(sids), 1)
        self.assertEqual(self.refused(self.start), (429, 60203))

    def test_cancel_and_approve(self):
        started = self.start()
        self.assertEqual(started.update(status="canceled").status, "canceled")
        again = self.start()
        self.assertNotEqual(again.sid, started.sid)
        self.assertTrue(again.update(status="approved").valid)

    def test_refusals(self):
        rules = [
            {"to": "+14155550101", "outcome": "landline"},
            {"to": "+1876*", "outcome": "blocked"},
            {"to": "+14155550102", "outcome": "failure"},
        ]
        self.simulator.control("/verify/rules", rules)
        for to, expected in [
            ("415", (400, 60200)),
            ("+14155550101", (403, 60205)),
            ("+18765550100", (403, 60410)),
            ("+14155550102", (500, 20500)),
        ]:
            with self.subTest(to):
                self.assertEqual(self.refused(self.start, to), expected)
        unknown = self.twilio.verify.v2.services("VA" + "9" * 32)
        create = unknown.verifications.create
        self.assertEqual(self.refused(create, to=PERSON, channel="sms"), (404, 20404))

    def test_the_service_itself(self):
        service = self.service.fetch()
        self.assertEqual((service.sid, service.code_length), (VERIFY_SERVICE, 6))


if __name__ == "__main__":
    unittest.main()
