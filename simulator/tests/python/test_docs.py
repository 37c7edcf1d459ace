"""The examples of docs/SIMULATOR.md do what the page says, and it names all that --help names."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from harness import Simulator, Webhook

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/SIMULATOR.md").read_text()
ADDRESS = "127.0.0.1:4010"
WEBHOOK = "http://127.0.0.1:8080"

# Every call is checked and kept: its last argument but the options, and what came back.
CURL = """
curl() {
  local answer
  answer=$(command curl --silent --show-error --fail-with-body --noproxy '*' "$@") || {
    printf 'failed: curl %s\\n%s\\n' "$*" "$answer" >&2
    exit 1
  }
  printf '%s\\t%s\\n' "${*//$'\\n'/ }" "$answer" >>"$CALLS"
  printf '%s\\n' "$answer"
}
"""


def blocks(language):
    """The fenced examples in one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


def start_block():
    """The example that starts a simulator: its environment and its options."""
    text = blocks("sh")[0]
    environment = dict(re.findall(r"\b([A-Z_]+)=(\S+)", text))
    options = re.search(r"^twilio-simulator (.*?) *#", text, re.M)[1].split()
    return environment, options


class Page(unittest.TestCase):
    def setUp(self):
        environment, options = start_block()
        at = options.index("--listen")
        self.assertEqual(options[at + 1], ADDRESS)
        del options[at : at + 2]
        self.simulator = Simulator(*options, environment=environment)
        self.addCleanup(self.simulator.stop)
        self.webhook = Webhook(environment["TWILIO_AUTH_TOKEN"])
        self.addCleanup(self.webhook.stop)
        self.environment = os.environ | environment

    def run_example(self, command, text, **environment):
        """What an example prints."""
        text = text.replace(ADDRESS, self.simulator.url.removeprefix("http://"))
        text = text.replace(WEBHOOK, self.webhook.url)
        done = subprocess.run(
            command,
            input=text,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def check_output(self, command, language, mark, **environment):
        """An example prints what the comments behind its prints say."""
        examples = blocks(language)
        self.assertTrue(examples)
        for text in examples:
            expected = re.findall(rf"^ *(?:print|console\.log)\(.*{mark} (\S+)$", text, re.M)
            self.assertTrue(expected)
            printed = self.run_example(command, text, **environment).split()
            self.assertEqual(printed, expected)

    def test_curl(self):
        with tempfile.TemporaryDirectory() as directory:
            kept = pathlib.Path(directory, "calls")
            script = "".join([CURL, *blocks("sh")[1:]])
            self.run_example(["bash", "-eu"], script, CALLS=str(kept))
            calls = [line.split("\t") for line in kept.read_text().splitlines()]
        self.assertEqual(len(calls), len(re.findall(r"^(?:SID=\$\()?curl ", script, re.M)))

        checks = [json.loads(answer) for call, answer in calls if "VerificationCheck" in call]
        self.assertEqual([check["status"] for check in checks], ["pending", "approved"])
        texts = [json.loads(answer) for call, answer in calls if "/inbound" in call and '"body"' in call]
        self.assertEqual([text["keyword"] for text in texts], [None, "STOP", "START"])
        for text in texts:
            self.assertEqual(text["webhook"][0]["http_status"], 204)
        canceled = [answer for call, answer in calls if "Status=canceled" in call]
        for answer in canceled:
            self.assertEqual(json.loads(answer)["status"], "canceled")
        self.assertEqual(len(canceled), 2)
        statuses = {request["params"].get("MessageStatus") for request in self.webhook.received}
        self.assertLessEqual({"sent", "delivered"}, statuses)
        self.assertTrue(all(request["valid"] for request in self.webhook.received))

    def test_python(self):
        self.check_output([sys.executable, "-"], "python", "#")

    @unittest.skipUnless("TWILIO_NODE_CLIENT" in os.environ, "npm is not installed here")
    def test_node(self):
        modules = os.environ["TWILIO_NODE_CLIENT"]
        self.check_output(["node", "-"], "js", "//", NODE_PATH=modules)

    def test_the_page_names_what_the_help_names(self):
        program = os.environ["TWILIO_SIMULATOR_BIN"]
        shown = subprocess.run([program, "--help"], capture_output=True, text=True, check=True)
        in_help = set(re.findall(r"/_sim(/[a-z/-]+)", shown.stdout))
        on_page = set(re.findall(r"\$SIM(/[a-z/-]+)", PAGE))
        self.assertEqual(on_page, in_help)
        for path in in_help - {"/next", "/reset"}:
            with self.subTest(path):
                self.assertIsNotNone(self.simulator.control(path))
        options = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", shown.stdout.split("Example:")[0], re.M))
        documented = set(re.findall(r"`(--[a-z-]+)", PAGE))
        self.assertEqual(options - {"--help", "--version"}, documented)


if __name__ == "__main__":
    unittest.main()
