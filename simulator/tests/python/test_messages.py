"""Messages through Twilio's own client."""

import datetime
import unittest

from harness import (
    ACCOUNT,
    API_KEY,
    API_SECRET,
    PERSON,
    SENDER,
    SERVICE,
    TEST_ACCOUNT,
    TEST_TOKEN,
    WithSimulator,
    eventually,
)
from twilio.base.exceptions import TwilioRestException


class Messages(WithSimulator):
    def create(self, **changes):
        return self.twilio.messages.create(
            **{"to": PERSON, "from_": SENDER, "body": "Hello"} | changes
        )

    def delivered(self, message):
        """The message, when it has arrived."""
        return eventually(
            lambda: (latest := message.fetch()).status == "delivered" and latest
        )

    def refused(self, call, *arguments, **named):
        """HTTP status and code of the refusal."""
        with self.assertRaises(TwilioRestException) as caught:
            call(*arguments, **named)
        return caught.exception.status, caught.exception.code

    def test_create_shows_every_field(self):
        message = self.create(body="Grüße 😜")
        self.assertRegex(message.sid, "^SM[0-9a-f]{32}$")
        self.assertEqual(message.account_sid, ACCOUNT)
        self.assertEqual((message.to, message.from_), (PERSON, SENDER))
        self.assertEqual(message.body, "Grüße 😜")
        self.assertEqual(message.status, "queued")
        self.assertEqual(message.direction, "outbound-api")
        self.assertEqual((message.num_segments, message.num_media), ("1", "0"))
        self.assertEqual(message.api_version, "2010-04-01")
        self.assertIsNone(message.price)
        self.assertIsNone(message.error_code)
        self.assertIsNone(message.date_sent)
        self.assertIsInstance(message.date_created, datetime.datetime)
        self.assertEqual(
            message.uri, f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{message.sid}.json"
        )

    def test_a_messaging_service_picks_the_sender_later(self):
        message = self.create(from_=None, messaging_service_sid=SERVICE)
        self.assertEqual((message.status, message.from_), ("accepted", None))
        self.assertEqual(message.messaging_service_sid, SERVICE)
        message = self.delivered(message)
        self.assertEqual(message.from_, SENDER)
        self.assertEqual(message.price, "-0.00750")
        self.assertIsInstance(message.date_sent, datetime.datetime)

    def test_list_walks_all_pages_newest_first(self):
        sids = [self.create(body=str(number)).sid for number in range(23)]
        self.create(to="+14155550199")
        listed = self.twilio.messages.list(to=PERSON, page_size=10)
        self.assertEqual([message.sid for message in listed], sids[::-1])
        limited = self.twilio.messages.list(to=PERSON, page_size=5, limit=12)
        self.assertEqual([message.sid for message in limited], sids[:-13:-1])

        first = self.twilio.messages.page(to=PERSON, page_size=10)
        second = first.next_page()
        third = second.next_page()
        self.assertEqual(len(list(third)), 3)
        self.assertIsNone(third.next_page())
        back = third.previous_page()
        self.assertEqual([message.sid for message in back], sids[12:2:-1])

    def test_list_filters_by_sender_and_date(self):
        message = self.delivered(self.create())
        self.create(from_="+15005550007")
        by_sender = self.twilio.messages.list(from_=SENDER)
        self.assertEqual([found.sid for found in by_sender], [message.sid])
        hour = datetime.timedelta(hours=1)
        now = datetime.datetime.now(datetime.timezone.utc)
        after = self.twilio.messages.list(from_=SENDER, date_sent_after=now - hour)
        self.assertEqual([found.sid for found in after], [message.sid])
        before = self.twilio.messages.list(date_sent_before=now - hour)
        self.assertEqual(before, [])

    def test_fetch(self):
        message = self.create()
        fetched = self.twilio.messages(message.sid).fetch()
        self.assertEqual(fetched.sid, message.sid)
        unknown = self.twilio.messages("SM" + "0" * 32)
        self.assertEqual(self.refused(unknown.fetch), (404, 20404))

    def test_cancel_while_it_is_scheduled(self):
        later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        message = self.create(
            from_=None, messaging_service_sid=SERVICE, schedule_type="fixed", send_at=later
        )
        self.assertEqual(message.status, "scheduled")
        cancelled = self.twilio.messages(message.sid).update(status="canceled")
        self.assertEqual(cancelled.status, "canceled")
        self.assertEqual(cancelled.fetch().status, "canceled")
        sent = self.delivered(self.create())
        status, code = self.refused(sent.update, status="canceled")
        self.assertEqual(code, 30409)
        self.assertGreaterEqual(status, 400)

    def test_redact_empties_the_body(self):
        message = self.delivered(self.create())
        self.assertEqual(message.update(body="").body, "")
        self.assertEqual(message.fetch().body, "")
        self.assertEqual(self.refused(message.update, body="x")[1], 30400)

    def test_delete_when_it_is_finished(self):
        message = self.delivered(self.create())
        self.assertTrue(self.twilio.messages(message.sid).delete())
        self.assertEqual(self.refused(message.fetch), (404, 20404))
        self.assertEqual(self.twilio.messages.list(), [])
        self.simulator.control("/settings", {"callback_delays_ms": {"sent": 60000}})
        waiting = self.create()
        self.assertEqual(self.refused(waiting.delete)[1], 20009)

    def test_texts_and_refused_creates_are_in_the_list(self):
        sent = self.create()
        self.refused(self.create, validity_period=36001)
        text = {"from": PERSON, "to": SENDER, "body": "HELP"}
        record = self.simulator.control("/inbound", text)
        listed = self.twilio.messages.list()
        self.assertEqual(
            [message.direction for message in listed],
            ["outbound-reply", "inbound", "outbound-api", "outbound-api"],
        )
        self.assertEqual(listed[1].sid, record["sid"])
        self.assertEqual((listed[1].status, listed[1].body), ("received", "HELP"))
        self.assertEqual((listed[2].status, listed[2].error_code), ("failed", 21624))
        self.assertEqual(listed[3].sid, sent.sid)

    def test_refusals_have_twilios_codes(self):
        for changes, expected in [
            ({"to": "4155550100"}, (400, 21211)),
            ({"from_": None}, (400, 21603)),
            ({"body": None}, (400, 21602)),
            ({"body": "x" * 1601}, (400, 21617)),
            ({"validity_period": 36001}, (400, 21624)),
            ({"status_callback": "nonsense"}, (400, 21609)),
        ]:
            with self.subTest(changes):
                self.assertEqual(self.refused(self.create, **changes), expected)
        self.simulator.control("/opt-outs", {"number": PERSON, "sender": SENDER})
        self.assertEqual(self.refused(self.create), (400, 21610))
        self.simulator.control("/next", {"http_status": 429})
        self.assertEqual(self.refused(self.create, to="+14155550199"), (429, 20429))

    def test_credentials(self):
        with_key = self.simulator.client(API_KEY, API_SECRET, ACCOUNT)
        self.assertEqual(with_key.api.accounts(ACCOUNT).fetch().sid, ACCOUNT)
        wrong = self.simulator.client(ACCOUNT, "wrong")
        self.assertEqual(self.refused(wrong.api.accounts(ACCOUNT).fetch), (401, 20003))
        foreign = self.simulator.client(account="AC" + "9" * 32)
        create = foreign.messages.create
        self.assertEqual(self.refused(create, to=PERSON, from_=SENDER, body="x"), (404, 20404))

    def test_magic_numbers_of_the_test_credentials(self):
        create = self.simulator.client(TEST_ACCOUNT, TEST_TOKEN).messages.create
        numbers = {"to": PERSON, "from_": SENDER, "body": "Hello"}
        self.assertEqual(create(**numbers).status, "queued")
        for field, last_digit, expected in [
            ("from_", 1, (400, 21212)),
            ("from_", 7, (400, 21606)),
            ("from_", 8, (429, 21611)),
            ("to", 1, (400, 21211)),
            ("to", 2, (400, 21612)),
            ("to", 3, (400, 21408)),
            ("to", 4, (400, 21610)),
            ("to", 9, (400, 21614)),
        ]:
            with self.subTest(field=field, last_digit=last_digit):
                magic = numbers | {field: f"+1500555000{last_digit}"}
                self.assertEqual(self.refused(create, **magic), expected)
        self.assertEqual(self.simulator.control("/messages")["count"], 0)


if __name__ == "__main__":
    unittest.main()
