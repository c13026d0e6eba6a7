"""More partitions under load: a new topic, drained and switched; nothing is lost, nothing counts twice.

A fleet posts while the stack grows from 4 to 6 partitions. The growth is interrupted where it waits for processors that
do not run, and processors that begin with the new topic all the same must refuse: without that, what is left in the old
topic would never be folded. The stack goes down and comes up again in between, and the same command goes on. Then events
of the old topic are sent once more, through the edge and out of the dead letters, and the oracle computes everything
again from both topics and from the fleet's journal.
"""

import argparse
import datetime
import io
import json
import os
import signal
import subprocess
import sys
import time

import confluent_kafka
import fastavro
import requests
from own_stack import REPOSITORY, OwnStack

import oracle
from running import event_topics
from sources import KafkaSource, messages_of

START, SPEED, SCHOOLS, DAYS = "2026-11-19T08:00", 120, 24, 1
OLD, NEW, PARTITIONS = "telemetry.events.v1", "telemetry.events.v2", 6
PROCESSORS = ("processors", "processors-2")
SCALE = ("--scale", "processors=2", "--scale", "ingest=2")
AGAIN_POSTS = 12
ZONE = datetime.timezone(datetime.timedelta(hours=8))


def told(what):
    print(f"          {what}", flush=True)


class Growth:
    """One run."""

    def __init__(self, options):
        self.stack, self.verdict = OwnStack("growing", options.port_base), oracle.Verdict()

    def check(self, what, *wrong):
        self.verdict.check(what, [text for text, is_wrong in wrong if is_wrong])

    def words(self, start):
        return ("--schools", SCHOOLS, "--days", DAYS, "--clock", f"{start}@{SPEED}", *SCALE)

    def play(self):
        self.stack.make(*self.words(START))
        self.interrupted()
        self.goes_on()
        self.old_is_closed()
        self.again_through_the_edge()
        self.again_out_of_the_dead_letters()
        self.judge()

    def interrupted(self):
        """Nobody drains the old topic: the growth waits there, and processors refuse the new one."""
        for name in PROCESSORS:
            self.stack.command("stop", name)
        growth = subprocess.Popen(
            [str(REPOSITORY / "classpulse"), "grow", "--partitions", str(PARTITIONS), "--port-base", str(self.stack.port_base)],
            env=dict(os.environ, CLASSPULSE_VAR=str(self.stack.var), CLASSPULSE_BUILT="1"), cwd=REPOSITORY,
            stdout=subprocess.PIPE, text=True,
        )
        try:
            for line in growth.stdout:
                told(line.rstrip())
                if "records behind" in line:
                    break
        finally:
            # Not SIGINT: a shell's background jobs ignore it, and so do their children.
            growth.terminate()
            growth.wait(30)
        refused = self.refused()
        self.check("processors refuse the new topic while the old one is not drained",
                   (f"exit {refused.returncode}: {refused.stdout[-500:]}{refused.stderr[-500:]}",
                    refused.returncode == 0 or f"{OLD} is not drained" not in refused.stdout + refused.stderr))
        other = self.other_growth()
        self.check("another growth has to wait", (other, f"--partitions {PARTITIONS} first" not in other))

    def other_growth(self):
        """What the launcher says to one; it notices only at the next line that nobody listens to the first."""
        for _ in range(20):
            try:
                return self.stack.command("grow", "--partitions", "8")
            except RuntimeError as reason:
                if "carried out already" not in str(reason):
                    return str(reason)
                time.sleep(0.5)
        return "the first growth does not end"

    def refused(self):
        """A processors process of the new topic; ends by itself, or is killed."""
        environment = dict(
            os.environ, CLASSPULSE_PROCESSORS__EVENTS__TOPIC=NEW,
            CLASSPULSE_PROCESSORS__SERVER__LISTEN=f"127.0.0.1:{self.stack.port_base + 93}",
        )
        command = [str(REPOSITORY / "target/release/processors"), "--config", str(self.stack.var / "etc/processors.toml")]
        try:
            return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
        except subprocess.TimeoutExpired as still:
            text = (still.stdout or b"").decode()
            return subprocess.CompletedProcess(command, 0, text, "it runs")

    def goes_on(self):
        """After down and up the same command goes on where it was."""
        now = datetime.datetime.fromtimestamp(self.stack.now_ms() / 1000 + SPEED, ZONE)
        self.stack.command("down")
        self.stack.up(*self.words(f"{now:%Y-%m-%dT%H:%M}"))
        before = self.stack.manifest["events"]
        self.check("down and up keep what is written, folded, and under way",
                   (before, (before["written"], before["folded"]) != (NEW, OLD) or before["growth"]["step"] != "drain"))
        for line in self.stack.command("grow", "--partitions", str(PARTITIONS)).splitlines():
            told(line)
        after, topics = self.stack.manifest["events"], self.topics()
        self.check(f"{NEW} is written and folded, with {PARTITIONS} partitions",
                   (after, after != {"written": NEW, "folded": NEW, "growth": None}),
                   (topics, len(topics.get(NEW, [])) != PARTITIONS))
        self.check("a growth that is done is nothing to do",
                   ("", "already" not in self.stack.command("grow", "--partitions", str(PARTITIONS))))

    def consumer(self):
        return confluent_kafka.Consumer({
            "bootstrap.servers": self.stack.address("kafka"), "group.id": "growing", "enable.auto.commit": False,
            "enable.partition.eof": True,
        })

    def topics(self):
        consumer = self.consumer()
        try:
            return event_topics(consumer)
        finally:
            consumer.close()

    def old_is_closed(self):
        """An edge that still had the old topic open could write nothing into it."""
        errors = []
        producer = confluent_kafka.Producer({"bootstrap.servers": self.stack.address("kafka"), "message.timeout.ms": 8000})
        producer.produce(OLD, b"late", key=b"1", on_delivery=lambda error, _: errors.append(error))
        producer.flush(20)
        self.check("the old topic takes no more records", (errors, not errors or errors[0] is None))

    def again_through_the_edge(self):
        """Posts that were taken before the growth, as an agent sends them whose answer was lost."""
        journal = self.stack.var / "fleet/journal.ndjson"
        posts = [json.loads(line) for line in journal.read_text().splitlines()[:4000] if ',"post":' in line[:40]]
        taken = 0
        for post in posts[:: max(1, len(posts) // AGAIN_POSTS)][:AGAIN_POSTS]:
            body = post["post"] | {"sent_at": datetime.datetime.fromtimestamp(self.stack.now_ms() / 1000, ZONE).isoformat(timespec="milliseconds")}
            token = self.stack.command("token", "device", str(post["device_no"]))
            answer = requests.post(f"{self.stack.address('edge')}/v1/events", json=body, timeout=10,
                                   headers={"Authorization": f"Bearer {token}"})
            taken += answer.ok
        self.check(f"{taken} posts of the old topic are taken once more", (f"of {AGAIN_POSTS}", taken < AGAIN_POSTS))

    def again_out_of_the_dead_letters(self):
        """A letter of the old topic, made by hand of a record that was folded; it goes into the new one."""
        consumer = self.consumer()
        try:
            message = next(messages_of(consumer, OLD, self.topics()[OLD]))
        finally:
            consumer.close()
        published = requests.get(
            f"{self.stack.address('schema_registry')}/subjects/telemetry.dead.v1-value/versions/latest", timeout=10
        ).json()
        letter = {
            "topic": OLD, "partition": message.partition(), "offset": message.offset(), "group": "ledgers",
            "reason": "over_bound", "detail": "made by hand", "at": self.stack.now_ms(), "key": message.key(),
            "value": message.value(),
        }
        value = io.BytesIO(b"\0" + published["id"].to_bytes(4, "big"))
        value.seek(0, io.SEEK_END)
        fastavro.schemaless_writer(value, fastavro.parse_schema(json.loads(published["schema"])), letter)
        producer = confluent_kafka.Producer({"bootstrap.servers": self.stack.address("kafka")})
        producer.produce("telemetry.dead.v1", value.getvalue())
        producer.flush(20)
        answer = self.stack.command("dead", "redrive", "--all", "--json", check=False)
        results = json.loads(answer)
        self.check("a letter of the old topic goes into the new one",
                   (answer, not results or not str(results[0]["redriven_to"]).startswith(f"{NEW}/")))

    def judge(self):
        time.sleep(3)
        self.stack.command("stop", "fleet")
        self.stack.wait_for_quiet()
        rows = self.stack.rows("SELECT countIf(ver > 9223231299366420480) AS old, count() AS all FROM events_raw_final")
        row = next(iter(rows))
        self.check("the archive holds events of both topics", (row, not 0 < row["old"] < row["all"]))
        oracle.compare(self.stack, "kafka", self.verdict)
        oracle.compare(self.stack, "journal", self.verdict, with_api=False)
        done = self.stack.command("rebuild", "--json", check=False)
        result = json.loads(done.splitlines()[-1]) if done else {}
        self.check("a rebuild from both topics differs in nothing", (done[-800:], result.get("differences") != 0))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port-base", type=int, default=26_600, metavar="P", help="first port of the stack")
    parser.add_argument("--keep", action="store_true", help="leave the stack's files")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    growth = Growth(options)
    try:
        growth.play()
    finally:
        growth.stack.remove(options.keep)
    verdict = growth.verdict
    print(f"{len(verdict.passed)} passed, {len(verdict.failed)} failed")
    return 1 if verdict.failed else 0


if __name__ == "__main__":
    sys.exit(main())
