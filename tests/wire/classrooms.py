"""Makes device days: plausible ones, random ones, and those that sit on the definitions' edges."""

from client import ENCODINGS, new_boot
from stack import day_start_ms, rfc3339

HOUR = 3600


class Boot:
    """One agent start: numbers its events per stream."""

    def __init__(self, random, device_no):
        self.random, self.device_no = random, device_no
        self.boot_id = new_boot(random)
        self.events = []
        self.seqs = {}

    def add(self, event_type, stream, at_ms, **fields):
        seq = self.seqs.get(stream, 0)
        self.seqs[stream] = seq + 1
        self.events.append({"type": event_type, "seq": seq, "at": rfc3339(at_ms), "at_ms": at_ms, **fields})

    def heartbeat(self, at_ms, on=(), active=(), apps=()):
        """Spans are given as instants [from, to) in ms."""

        def ago(spans):
            return [[at_ms - begin, at_ms - end] for begin, end in spans]

        apps = [{"app": app, "spans": ago(spans)} for app, spans in apps]
        self.add("heartbeat", "activity", at_ms, on=ago(on), active=ago(active), apps=apps)

    def power(self, at_ms, kind="boot"):
        self.add("power", "activity", at_ms, kind=kind)

    def burst(self, at_ms, rtt_us, busy=False):
        self.add(
            "burst", "network", at_ms, anchor="gz-1.edu", method=self.random.choice(["udp", "tcp"]),
            link=self.random.choice(["wired", "wifi"]), busy=busy, interval_ms=200, rtt_us=rtt_us,
        )

    def posts(self):
        """Its events in shuffled posts of random size, each in some encoding; a fifth of them twice."""
        shuffled = self.random.sample(self.events, len(self.events))
        found = []
        while shuffled:
            size = self.random.randint(1, 60)
            part, shuffled = shuffled[:size], shuffled[size:]
            for _ in range(2 if self.random.random() < 0.2 else 1):
                found.append((self.device_no, self.boot_id, part, *self.random.choice(ENCODINGS)))
        return found


def lesson_day(boot, day):
    """On in the morning and the afternoon, used in lessons, a heartbeat every five minutes."""
    random, midnight = boot.random, day_start_ms(day)
    boot.power(midnight + int(7.5 * HOUR * 1000) + random.randint(0, 900_000))
    for begin_h, end_h in ((7.6, 11.7), (13.8, 17.5)):
        begin = midnight + int(begin_h * HOUR * 1000) + random.randint(0, 600_000)
        end = midnight + int(end_h * HOUR * 1000) - random.randint(0, 600_000)
        at, unsent = begin, []
        while at < end:
            step = min(random.randint(280_000, 320_000), end - at)
            if random.random() < 0.6:
                unsent.append((at, at + random.randint(1, step)))
            at += step
            app = random.choice(["whiteboard", "browser", "player.v2"])
            boot.heartbeat(at, on=[(begin, at)], active=unsent, apps=[(app, unsent)] if unsent else [])
            if random.random() < 0.8:
                unsent = []


def random_day(boot, day):
    """Assertions that overlap in every way, to the millisecond; some reach into the day before."""
    random, midnight = boot.random, day_start_ms(day)

    def spans(count, longest_ms):
        found = []
        for _ in range(random.randint(0, count)):
            end = at - random.randint(0, 3 * HOUR * 1000)
            found.append((end - random.randint(1, longest_ms), end))
        return found

    for _ in range(random.randint(5, 25)):
        at = midnight + random.randint(0, 18 * HOUR * 1000)
        apps = [(f"app-{index}", spans(6, 900_000)) for index in range(random.randint(0, 3))]
        boot.heartbeat(at, spans(5, 5_400_000), spans(20, 900_000), apps)


def night(boot, day):
    """On from the evening of the day before until two in the morning, told by one heartbeat on each side."""
    midnight = day_start_ms(day)
    begin = midnight - 2 * HOUR * 1000 - 345
    boot.heartbeat(midnight - 1, [(begin, midnight - 1)], [(begin + 1000, midnight - 1500)])
    late = midnight + 2 * HOUR * 1000 + 999
    boot.heartbeat(late, [(begin, late)], [(midnight - 700, midnight + 650_000)], [("player", [(begin, late)])])


def edges(boot, day):
    """Gaps of 300 and 301 s, 599 and 600 s of use in a lesson, spans below a second, the day's last second."""
    midnight = day_start_ms(day)

    def at(second, ms=0):
        return midnight + second * 1000 + ms

    first, second, third = at(8 * HOUR), at(10 * HOUR), at(14 * HOUR)
    boot.heartbeat(at(9 * HOUR), [(first, first + 600_000), (first + 900_000, first + 1_500_000)], [(first, first + 599_999)])
    boot.heartbeat(at(11 * HOUR), [(second, second + 600_000), (second + 901_000, second + 1_500_000)], [(second, second + 600_000)])
    boot.heartbeat(at(15 * HOUR), [(third + 100, third + 900), (third + 5_999, third + 6_000)], [(third, third + 7_000)])
    boot.heartbeat(at(16 * HOUR), [], [(at(15 * HOUR), at(16 * HOUR))])
    boot.heartbeat(at(16 * HOUR + 5), [(at(0), at(1))])


def only_power(boot, day):
    """Alive, and never seen on."""
    for hour, kind in ((8, "boot"), (12, "sleep"), (14, "resume"), (17, "shutdown")):
        boot.power(day_start_ms(day) + hour * HOUR * 1000, kind)


ACTIVITY = [lesson_day, lesson_day, random_day, night, edges, only_power]


def rtts(random, center, spread, count=63, lost=0.02):
    return [None if random.random() < lost else center + random.randint(-spread, spread) for _ in range(count)]


def good_network(boot, day):
    for minute in range(8 * 60, 17 * 60, 20):
        boot.burst(day_start_ms(day) + minute * 60_000 + 17, rtts(boot.random, 9_000, 2_000))


def bad_network(boot, day):
    for minute in range(8 * 60, 17 * 60, 20):
        boot.burst(day_start_ms(day) + minute * 60_000, rtts(boot.random, 42_000, 15_000, lost=0.1))


def nine_of_ten(boot, day):
    """Ten judged bursts: nine hold both limits, the tenth sits exactly on one of them."""
    for index in range(9):
        boot.burst(day_start_ms(day) + (9 * HOUR + 60 * index) * 1000, [29_999] * 20)
    limit = boot.random.choice([[30_000] * 20, [20_000, 25_000] * 10, [None] * 12])
    boot.burst(day_start_ms(day) + 12 * HOUR * 1000, limit)


def school_hours(boot, day):
    """Good bursts at the first and past the last instant that is judged, and outages to judge between them."""
    midnight = day_start_ms(day)
    for at in (27_000_000 - 1, 27_000_000, 64_800_000 - 1, 64_800_000):
        boot.burst(midnight + at, [5_000] * 30)
    for index in range(boot.random.randint(7, 9)):
        boot.burst(midnight + 40_000_000 + index, [None] * 8)


def odd_probes(boot, day):
    """Invalid, lost and few probes; busy links; medians and jitters on the buckets' edges."""
    random, midnight = boot.random, day_start_ms(day)
    choices = [0, -1, -2_147_483_648, 3_000_000, 3_000_001, 2_147_483_647, None, 999, 1000, 1001, 4_999, 5_000, 5_001]
    for index in range(40):
        count = random.randint(1, 64)
        if random.random() < 0.5:
            probes = [random.choice(choices) for _ in range(count)]
        else:
            probes = rtts(random, random.choice([1_500, 30_000, 75_000, 2_990_000]), random.choice([0, 700, 5_000]), count, 0.15)
        boot.burst(midnight + (6 * HOUR + 1100 * index) * 1000 + random.randint(0, 999), probes, random.random() < 0.2)


NETWORK = [good_network, good_network, bad_network, nine_of_ten, school_hours, odd_probes]


def boots(random, device_no, days):
    """Agent starts of a device over some days; now and then one start spans several of them."""
    found = [Boot(random, device_no)]
    for day in days:
        if random.random() < 0.7:
            found.append(Boot(random, device_no))
        random.choice(ACTIVITY)(found[-1], day)
        if random.random() < 0.8:
            random.choice(NETWORK)(found[-1], day)
    return found
