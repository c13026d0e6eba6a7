"""Bodies that must be refused, or whose events must be, each with the answer that CONTRACT section 1 gives.

Events are broken by a description of the contract's type table: every field is left out, nulled, given another type and
pushed over each end of its range. Where the contract leaves two answers open, the body is not made.
"""

import copy
import gzip
import json
import string
import uuid

import zstandard
from stack import rfc3339

U32, U64 = 2**32 - 1, 2**64 - 1
FAULT_CLASSES = "display touch audio network disk memory power software other".split()
CATEGORIES = (
    "office browser antivirus popup_blocker remote_management restore monitoring teaching other".split()
)


class Int:
    def __init__(self, low=0, high=U32, nullable=False):
        self.low, self.high, self.nullable = low, high, nullable

    def valid(self, random):
        return random.randint(self.low, min(self.high, self.low + 1000))

    def broken(self):
        yield from (("bad_type", value) for value in ("1", True, [], {}, Raw("1.0"), Raw("1e2"), Raw("1.5")))
        yield from (("out_of_range", value) for value in (self.low - 1, self.high + 1, 10**30))


class Bool:
    nullable = False

    def valid(self, random):
        return random.random() < 0.5

    def broken(self):
        yield from (("bad_type", value) for value in ("true", 1, 0, [], {}))


class Text:
    nullable = False

    def __init__(self, longest):
        self.longest = longest

    def valid(self, random):
        return "".join(random.choices(string.ascii_letters + "教室电脑 ", k=random.randint(0, min(12, self.longest))))

    def broken(self):
        yield from (("bad_type", value) for value in (1, True, [], {}))
        yield "out_of_range", "长" * (self.longest + 1)


class Id:
    nullable = False

    def valid(self, random):
        return "".join(random.choices(string.ascii_lowercase + string.digits + "._-", k=random.randint(1, 64)))

    def broken(self):
        yield from (("bad_type", value) for value in (1, True, [], {}))
        yield from (("out_of_range", value) for value in ("", "a" * 65, "Upper", "a b", "课", "a/b"))


class Choice:
    nullable = False

    def __init__(self, values):
        self.values = values.split() if isinstance(values, str) else values

    def valid(self, random):
        return random.choice(self.values)

    def broken(self):
        yield from (("bad_type", value) for value in (1, True, [], {}))
        yield from (("out_of_range", value) for value in ("", "nothing", self.values[0].upper()))


class Uuid:
    nullable = False

    def valid(self, random):
        return str(uuid.UUID(int=random.getrandbits(128), version=4))

    def broken(self):
        yield from (("bad_type", value) for value in (1, True, [], {}))
        yield "out_of_range", "not-a-uuid"


class Span:
    nullable = False

    def valid(self, random):
        begin = random.randint(1, 3_600_000)
        return [begin, random.randint(0, begin - 1)]

    def broken(self):
        for value in (
            [], [1], [2, 1, 0], [1, 1], [0, 5], [-1, -2], [86_400_001, 0], [5, -1], ["5", 0], [5, None], [True, 0],
            [Raw("5.0"), 0], [Raw("1e3"), 0], {}, "5", 5, None, [[5, 0]],
        ):
            yield "bad_span", value


class Array:
    def __init__(self, of, longest, shortest=0, nullable=False):
        self.of, self.longest, self.shortest, self.nullable = of, longest, shortest, nullable

    def valid(self, random):
        return [self.of.valid(random) for _ in range(max(self.shortest, random.randint(1, 3)))]

    def broken(self):
        yield from (("bad_type", value) for value in ("x", 1, True, {}))


class Record:
    def __init__(self, nullable=False, **fields):
        self.fields, self.nullable = fields, nullable

    def valid(self, random):
        return {name: spec.valid(random) for name, spec in self.fields.items()}

    def broken(self):
        yield from (("bad_type", value) for value in ("x", 1, True, []))


class Raw:
    """A number as it must stand in the text."""

    def __init__(self, text):
        self.text = text


MAC = Text(256)
EVENTS = {
    "heartbeat": Record(
        on=Array(Span(), 8), active=Array(Span(), 200),
        apps=Array(Record(app=Id(), spans=Array(Span(), 64)), 32),
    ),
    "power": Record(kind=Choice("boot shutdown sleep resume")),
    "burst": Record(
        anchor=Id(), method=Choice("udp tcp"), link=Choice("wired wifi"), busy=Bool(), interval_ms=Int(10, 5000),
        rtt_us=Array(Int(-(2**31), 2**31 - 1, nullable=True), 64, 1),
    ),
    "bandwidth": Record(
        direction=Choice("down up"), bytes=Int(0, U64), duration_us=Int(1, U64), streams=Int(1, 64)
    ),
    "inventory": Record(
        cpu=Record(model=Text(256), cores=Int(), threads=Int(), base_mhz=Int()),
        memory_mb=Int(),
        disks=Array(Record(gb=Int(), media=Choice("ssd hdd other"), system=Bool(), free_mb=Int()), 64),
        graphics=Array(Record(model=Text(256), discrete=Bool(), memory_mb=Int()), 64, nullable=True),
        nics=Array(Record(mac=MAC, mbps=Int(), link=Choice("wired wifi")), 64, nullable=True),
        screen=Record(nullable=True, inch=Int(), width=Int(), height=Int(), touch=Bool()),
        ports=Record(
            nullable=True,
            **{name: Int() for name in "usb2 usb3 typec hdmi_out hdmi_in vga_out vga_in".split()},
        ),
        camera=Record(nullable=True, width=Int(), height=Int(), microphone=Bool()),
        os=Record(name=Text(256), version=Text(256), build=Text(256), activated=Bool()),
        software=Array(
            Record(category=Choice(CATEGORIES), name=Text(256), version=Text(256), licensed=Bool()), 512, nullable=True
        ),
    ),
    "fault": Record(
        **{"class": Choice(FAULT_CLASSES)}, state=Choice("open closed"), id=Uuid(), detail=Text(500)
    ),
    "resource": Record(kind=Choice("open download upload"), app=Id(), count=Int(1, 100_000)),
}


def set_at(event, path, value):
    for step in path[:-1]:
        event = event[step]
    event[path[-1]] = value


def delete_at(event, path):
    for step in path[:-1]:
        event = event[step]
    del event[path[-1]]


def breakages(spec, path=()):
    """(code, path, action) for everything below a specification; an action is a value, or `delete`."""
    for name, field in spec.fields.items():
        here = (*path, name)
        if not field.nullable:
            yield "missing_field", here, delete_at
            yield "bad_type", here, None
        yield from values(field, here)


def values(spec, here):
    """Broken values of a field at `here`."""
    for code, value in spec.broken():
        yield code, here, value
    if isinstance(spec, Record):
        yield from breakages(spec, here)
    if isinstance(spec, Array):
        yield "out_of_range", here, ("repeat", spec.longest + 1)
        if spec.shortest:
            yield "out_of_range", here, []
        if isinstance(spec.of, Record):
            for code, value in spec.of.broken():
                yield code, (*here, 0), value
            yield "bad_type", (*here, 0), None
            yield from breakages(spec.of, (*here, 0))
        else:
            yield from ((code, (*here, 0), value) for code, value in spec.of.broken())


def dumps(value):
    """JSON in which a `Raw` stands as it is."""
    marks = {}

    def mark(raw):
        if not isinstance(raw, Raw):
            raise TypeError(raw)
        marks[f'"@@{len(marks)}@@"'] = raw.text
        return list(marks)[-1][1:-1]

    text = json.dumps(value, default=mark, ensure_ascii=False)
    for marker, raw in marks.items():
        text = text.replace(marker, raw)
    return text


class Case:
    """A body with its headers and the answer it must get."""

    def __init__(self, what, body, status, code=None, method="POST", device_no=None, token=None, events=(), results=(), **headers):
        self.what, self.body, self.status, self.code = what, body, status, code
        self.method, self.device_no, self.token = method, device_no, token
        # Valid events, in the order of acceptance; (index, code) of the invalid ones.
        self.events, self.results = list(events), list(results)
        self.headers = {"Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items() if value is not None
        }
        if headers.get("Content_Type", "") is None:
            del self.headers["Content-Type"]


class Generator:
    """Makes the cases; all of them speak of the same moment, shortly before now."""

    def __init__(self, random, stack, devices):
        self.random, self.stack, self.devices = random, stack, devices
        self.boot_id, self.seq = str(uuid.UUID(int=random.getrandbits(128), version=4)), 0
        self.now = stack.now_ms()

    def next_seq(self):
        self.seq += 1
        return self.seq

    def event(self, kind):
        at_ms = self.now - self.random.randint(60_000, 3_600_000)
        head = {"type": kind, "seq": self.next_seq(), "at": rfc3339(at_ms)}
        return head | EVENTS[kind].valid(self.random) | {"at_ms": at_ms}

    def wire(self, event):
        return {key: value for key, value in event.items() if key != "at_ms"}

    def post(self, events, changes=None):
        sent = {"boot_id": self.boot_id, "sent_at": rfc3339(self.stack.now_ms()), "clock_offset_ms": 0, "agent": "wire-2"}
        return {**sent, "events": events} | (changes or {})

    def packed(self, text, **more):
        """A body in one of the three packings, with its header."""
        content = text if isinstance(text, bytes) else text.encode()
        packing = self.random.choice([None, "gzip", "zstd"])
        if packing:
            content = gzip.compress(content) if packing == "gzip" else zstandard.compress(content)
        return content, {"Content_Encoding": packing, **more}

    # ---- events ----------------------------------------------------------------------------------------------------

    def broken_events(self, rounds):
        for kind, spec in EVENTS.items():
            head = [("at", "missing_field", delete_at), ("seq", "missing_field", delete_at), ("type", "missing_field", delete_at)]
            head += [("at", "bad_type", value) for value in (None, 5, True, [], {})]
            head += [("at", "bad_time", text) for text in (
                "", "yesterday", "2026-11-20", "2026-13-20T09:00:00+08:00", "2026-11-31T09:00:00+08:00",
                "2026-11-20T25:00:00+08:00", "2026-11-20T09:00:00", "20261120T090000Z",
            )]
            head += [("seq", code, value) for code, value in Int().broken()]
            head += [("seq", "bad_type", None), ("type", "bad_type", None), ("type", "bad_type", 5)]
            head += [("type", "unknown_type", text) for text in ("", "Heartbeat", "telemetry", "heartbeat ")]
            head += [("at", "in_future", rfc3339(self.now + 3_600_000)), ("at", "too_old", rfc3339(self.now - 46 * 86_400_000))]
            faults = [(code, (name,), value) for name, code, value in head] + list(breakages(spec))
            for code, path, action in faults * rounds:
                yield self.broken_event(kind, code, path, action)

    def broken_event(self, kind, code, path, action):
        good = self.event(kind)
        broken = copy.deepcopy(self.wire(good))
        if action is delete_at:
            delete_at(broken, path)
        elif isinstance(action, tuple):
            set_at(broken, path, [self.element(broken, path)] * action[1])
        else:
            set_at(broken, path, action)
        company, index = [], 0
        if self.random.random() < 0.3:
            company, index = [self.event("power")], self.random.randint(0, 1)
        events = [self.wire(event) for event in company]
        events.insert(index, broken)
        body, headers = self.packed(dumps(self.post(events)))
        what = f"{kind} {'.'.join(map(str, path))} = {action!r:.60}"
        return self.case(what, body, 200, events=company, results=[(index, code)], **headers)

    def element(self, broken, path):
        for step in path:
            broken = broken[step]
        return broken[0]

    def value_before_time(self):
        """An event with two faults is named by the first kind: shape, values, time."""
        for kind in EVENTS:
            late = self.wire(self.event(kind)) | {"at": rfc3339(self.now - 50 * 86_400_000)}
            for code, changes in (("out_of_range", {"seq": -1}), ("bad_type", {"seq": "x"}), ("too_old", {})):
                body, headers = self.packed(dumps(self.post([late | changes])))
                yield self.case(f"{kind} too old and {changes}", body, 200, results=[(0, code)], **headers)
            shape = self.wire(self.event(kind)) | {"seq": -1, "at": None}
            body, headers = self.packed(dumps(self.post([shape])))
            yield self.case(f"{kind} of bad shape and value", body, 200, results=[(0, "bad_type")], **headers)

    def accepted_oddities(self):
        """Strange, and right: unknown fields, other spellings of the same instant, numbers at their ends."""
        for kind in EVENTS:
            event = self.event(kind)
            body, headers = self.packed(dumps(self.post([self.wire(event) | {"new": {"a": [1.5, None]}}], {"later": "x"})))
            yield self.case(f"{kind} with unknown fields", body, 200, events=[event], **headers)
        event = self.event("power")
        escaped = dumps(self.post([self.wire(event)])).replace('"power"', '"\\u0070ower"', 1)
        yield self.case("an escaped type", *self.unpacked(escaped), events=[event])
        event = self.event("power") | {"seq": U32}
        yield self.case("the last seq", *self.unpacked(dumps(self.post([self.wire(event)]))), events=[event])

    def unpacked(self, text):
        return text.encode(), 200

    # ---- whole posts -----------------------------------------------------------------------------------------------

    def broken_posts(self, count):
        """Texts that are no JSON, and JSON that is no envelope."""
        for _ in range(count):
            text = dumps(self.post([self.wire(self.event("burst")), self.wire(self.event("heartbeat"))]))
            yield self.refused("cut off", text[: self.random.randint(1, len(text) - 1)], 400, "bad-json")
            yield self.refused("more after it", text + self.random.choice(["{}", "x", ",", "]", "}", " null"]), 400, "bad-json")
            twice = self.random.choice(["boot_id", "sent_at", "agent", "events"])
            start = text.index(f'"{twice}"')
            yield self.refused(f"{twice} twice", text[:start] + f'"{twice}": 1, ' + text[start:], 400, "bad-json")
            where = text.index('"seq"')
            yield self.refused("seq twice", text[:where] + '"seq": 1, ' + text[where:], 400, "bad-json")
            yield self.refused("not a number", text.replace('"busy"', '"x": NaN, "busy"', 1), 400, "bad-json")
            yield self.refused("infinity", text.replace('"busy"', '"x": Infinity, "busy"', 1), 400, "bad-json")
            position = self.random.randrange(len(text))
            broken = text.encode()[:position] + bytes([self.random.choice([0xFF, 0xC0, 0x00, 0x01])]) + text.encode()[position:]
            yield self.refused("a stray byte", broken, 400, "bad-json")
            changes = self.random.choice([
                {"boot_id": 5}, {"boot_id": "x"}, {"boot_id": None}, {"sent_at": "now"}, {"sent_at": 5}, {"agent": 5},
                {"sent_at": None}, {"clock_offset_ms": "0"}, {"clock_offset_ms": Raw("0.5")}, {"events": {}},
                {"events": "x"}, {"events": None},
            ])
            yield self.refused(f"envelope {changes}", dumps(self.post([self.wire(self.event("power"))], changes)), 400, "bad-envelope")
            missing = self.post([self.wire(self.event("power"))])
            gone = self.random.choice(["boot_id", "sent_at", "agent", "events"])
            del missing[gone]
            yield self.refused(f"envelope without {gone}", dumps(missing), 400, "bad-envelope")
            yield self.refused("no events", dumps(self.post([])), 400, "no-events")
            skew = self.random.choice([-1, 1]) * self.random.randint(180_000, 10**10)
            skewed = self.post([self.wire(self.event("power"))], {"sent_at": rfc3339(self.stack.now_ms() + skew)})
            yield self.refused("a wrong clock", dumps(skewed), 400, "clock-skew")

    def refused(self, what, text, status, code):
        body, headers = self.packed(text)
        return self.case(what, body, status, code, **headers)

    def broken_packings(self, count):
        for _ in range(count):
            text = dumps(self.post([self.wire(self.event("power"))])).encode()
            for name, packed in (("gzip", gzip.compress(text)), ("zstd", zstandard.compress(text))):
                cut = packed[: self.random.randint(1, len(packed) - 5)]
                for what, body in (("cut", cut), ("plain", text), ("trailing", packed + b"x"), ("noise", self.random.randbytes(40))):
                    yield self.case(f"{name}: {what}", body, 400, "bad-encoding", Content_Encoding=name)
            for kind in ("text/plain", "application/xml", "application/jsonx", "x", None):
                yield self.case(f"type {kind}", text, 415, "media-type", Content_Type=kind)
            for packing in ("br", "deflate", "compress", "snappy"):
                yield self.case(f"packing {packing}", text, 415, "media-type", Content_Encoding=packing)

    def broken_avro(self, client, count):
        for _ in range(count):
            good = client.avro(self.boot_id, [self.event("burst"), self.event("heartbeat")], self.stack.now_ms(), 0)
            avro = {"Content_Type": "application/avro"}
            for what, body in (
                ("cut", good[: self.random.randint(0, len(good) - 1)]),
                ("trailing", good + self.random.randbytes(self.random.randint(1, 9))),
                ("magic", b"\1" + good[1:]),
                ("id", good[:1] + (0x7FFF_FFFF).to_bytes(4, "big") + good[5:]),
                ("another schema's id", good[:1] + (1).to_bytes(4, "big") + good[5:]),
                ("a length beyond the end", good[:5] + b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f" + good[6:]),
                ("JSON", dumps(self.post([self.wire(self.event("power"))])).encode()),
            ):
                yield self.case(f"avro: {what}", body, 400, "bad-avro", **avro)

    def too_large(self):
        power = [self.wire(self.event("power")) for _ in range(501)]
        yield self.refused("501 events", dumps(self.post(power)), 413, "too-many-events")
        plain = dumps(self.post([self.wire(self.event("power"))], {"padding": "x" * (1 << 20)}))
        yield self.case("over 1 MiB", plain.encode(), 413, "too-large")
        bomb = dumps(self.post([self.wire(self.event("power"))], {"padding": " " * (9 << 20)})).encode()
        for name, packed in (("gzip", gzip.compress(bomb)), ("zstd", zstandard.compress(bomb))):
            yield self.case(f"{name}: over 8 MiB expanded", packed, 413, "too-large", Content_Encoding=name)
        nested = "[" * 100_000
        yield self.case("nested without end", nested.encode(), 400, "bad-json")

    def strangers(self, blocked, user_token):
        """Tokens and methods."""
        text = dumps(self.post([self.wire(self.event("power"))])).encode()
        for token in ("", "x", "a.b.c", user_token, "e30.e30.e30"):
            yield self.case(f"token {token[:8]}", text, 401, "bad-token" if token else "no-token", token=token)
        tampered = self.stack.device_token(self.devices[0])
        yield self.case("a tampered token", text, 401, "bad-token", token=tampered[:-3] + ("AAA" if tampered[-3:] != "AAA" else "BBB"))
        for device_no, state in blocked.items():
            yield self.case(f"a device that is {state}", text, 403, state, device_no=device_no)
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            yield self.case(f"method {method}", b"", 405, "method", method=method)
        # What comes first in the contract's table is told.
        yield self.case("media type before token", text, 415, "media-type", token="x", Content_Type="text/plain")
        yield self.case("token before size", b"x" * (2 << 20), 401, "bad-token", token="x")
        yield self.case("token before JSON", b"{", 401, "no-token", token="")

    def case(self, what, body, status, code=None, device_no=None, **more):
        return Case(what, body, status, code, device_no=device_no or self.random.choice(self.devices), **more)
