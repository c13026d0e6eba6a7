"""Clerks who change schools through the admin API whatever happens to it, and what has to be in the topics afterwards."""

import contextlib
import random
import threading
import time

import requests
from registry_topics import Registry, read_topic

PATIENCE_S = 60


def shown(view):
    """What the admin API says of a school, a class or a device, as far as the topics say it, too."""
    if "device_no" in view:
        place = ([view["place"]] + [later["value"] for later in view["places_to_come"]])[-1]
        names = ("device_id", "kind", "state", "token_gen", "revoked")
        return f"d{view['device_no']}", {name: view[name] for name in names} | place
    if "class_no" in view:
        return f"c{view['class_no']}", {name: view[name] for name in ("name", "school_no")}
    return f"s{view['school_no']}", {name: view[name] for name in ("name", "school_type")}


def published(value):
    """The same of a record."""
    if value is None:
        return None
    if "device_no" in value:
        last = value["belongings"][-1]
        names = ("kind", "state", "token_gen", "revoked")
        place = {name: last[name] for name in ("school_no", "class_no")}
        return {"device_id": str(value["device_id"])} | {name: value[name] for name in names} | place
    return {name: value[name] for name in ("name", "school_no" if value["level"] == "class" else "school_type")}


def read_log(stack):
    """(key, revision or none, bytes) of every record of the two topics, and what is newest by key."""
    records, newest = [], {}
    for topic, letter in (("registry.orgs.v1", ""), ("registry.devices.v1", "d")):
        for message, value in read_topic(stack, topic):
            key = letter + message.key().decode()
            records.append((key, value and value["rev"], message.value()))
            newest[key] = published(value)
    return records, newest


def lost(told, newest):
    """Keys of which the newest value in the topics is not what the API said."""
    return [f"{key}: {fields}, not {newest.get(key)}" for key, fields in told.items() if newest.get(key) != fields]


def contradictions(records):
    """Of (key, revision or none, bytes) as they lie in the log: what is told in two ways, or goes back without being a
    repetition, or is not the last word."""
    wrong, first, highest, last = [], {}, {}, {}
    for key, rev, content in records:
        last[key] = rev
        if rev is None:
            continue
        if rev in first and first[rev] != (key, content):
            wrong.append(f"{key}: revision {rev} is told in two ways")
        if rev not in first and rev < highest.get(key, 0):
            wrong.append(f"{key}: revision {rev} after {highest[key]}")
        first.setdefault(rev, (key, content))
        highest[key] = max(rev, highest.get(key, 0))
    return wrong + [f"{key}: ends with {rev}" for key, rev in last.items() if rev is not None and rev < highest[key]]


def slug(answer):
    return answer.json().get("type", "").removeprefix("urn:classpulse:")


class Clerk:
    """Changes what one school has, each change again and again until it is answered; knows what was answered last."""

    def __init__(self, stack, school_no, seed):
        self.base, self.school_no, self.random = stack.address("admin") + "/v1", school_no, random.Random(seed)
        token = stack.user_token("province_admin", "440000")
        self.headers = {"Authorization": f"Bearer {token}", "If-Match": "*"}
        self.told, self.own, self.failure = {}, [], None
        self.answered = self.in_doubt = self.made = 0
        self.classes, self.campuses = self.numbers("classes", "class_no"), self.numbers("campuses", "campus_no")
        self.devices = self.numbers("devices", "device_no")

    def rows(self, path):
        return self.send("GET", f"admin/schools/{self.school_no}/{path}?page_size=500").json()["rows"]

    def numbers(self, path, name):
        return [row[name] for row in self.rows(path) if row.get("state", "in_service") == "in_service"]

    def look(self):
        """Everything that the school has, as the API says it now."""
        school = self.send("GET", f"admin/schools/{self.school_no}").json()
        return dict(shown(view) for view in [school, *self.rows("classes"), *self.rows("devices")])

    def send(self, method, path, body=None, settled=()):
        """An answer; `settled`: that of a change whose first answer was lost."""
        lost, until = False, time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = requests.request(method, f"{self.base}/{path}", json=body, headers=self.headers, timeout=40)
                break
            except requests.RequestException as error:
                assert time.monotonic() < until, "the registry is away"
                # Whatever was sent may have been done.
                if "NewConnectionError" not in str(error):
                    lost, self.in_doubt = True, self.in_doubt + 1
                time.sleep(0.05)
        assert answer.ok or (lost and slug(answer) in settled), f"{method} {path}: {answer.text}"
        self.answered += 1
        return answer

    def change(self, method, path, **body):
        self.told |= [shown(self.send(method, f"admin/{path}", body).json())]

    def fresh(self):
        self.made += 1
        return f"虚构 {self.school_no}-{self.made}"

    def add(self):
        form = {"campus_no": self.campuses[0], "grade": 3, "name": self.fresh(), "size": 40}
        view = self.send("POST", f"admin/schools/{self.school_no}/classes", form).json()
        self.own.append(view["class_no"])
        self.told |= [shown(view)]

    def delete(self):
        no = self.own.pop()
        self.send("DELETE", f"admin/classes/{no}", settled=["not-found"])
        self.told[f"c{no}"] = None

    def enrol(self):
        machine = {"mac": self.random.randbytes(6).hex(), "hardware_id": self.random.randbytes(16).hex()}
        while True:
            code = self.send("POST", f"admin/schools/{self.school_no}/enrol-codes").json()["code"]
            form = {"code": code, "kind": "other", "class_no": 0, "note": "", **machine}
            answer = self.send("POST", "agent/enrol", form, settled=["code_used"])
            if answer.ok:
                break
        no = answer.json()["device"]["device_no"]
        self.devices.append(no)
        self.told |= [shown(self.send("GET", f"admin/devices/{no}").json())]

    def step(self):
        number, kinds = self.random.random(), ("all_in_one", "whiteboard", "projector_pc", "other")
        if number < 0.25:
            self.change("PATCH", f"schools/{self.school_no}", name=self.fresh())
        elif number < 0.45 and len(self.own) < 5:
            self.add()
        elif number < 0.55 and self.own:
            self.delete()
        elif number < 0.6 and len(self.devices) < 40:
            self.enrol()
        elif number < 0.8:
            self.change("PATCH", f"classes/{self.random.choice(self.classes + self.own)}", name=self.fresh())
        else:
            place = {"school_no": self.school_no, "class_no": self.random.choice(self.classes)}
            self.change("PATCH", f"devices/{self.random.choice(self.devices)}", kind=self.random.choice(kinds), **place)

    def work(self, going):
        try:
            while going.is_set():
                self.step()
                # The log is read whole, as often as it is waited for.
                time.sleep(0.02)
        except Exception as error:
            self.failure = error


class Office:
    """Clerks, each with a school of its own."""

    def __init__(self, stack, clerks):
        registry, self.stack, self.random = Registry(stack), stack, random.Random(4)
        schools = [org for org in registry.orgs.values() if org["level"] == "school"]
        self.schools = sorted(org["school_no"] for org in schools)
        normal = {org["school_no"] for org in schools if org["status"][-1]["status"] == "normal"}
        devices = {no: len(found) for (_, no), found in registry.in_service(stack.today()).items()}
        places = [no for no in self.schools if no in normal and devices.get(no, 0) >= 3]
        self.clerks = [Clerk(stack, no, no) for no in places[:clerks]]
        assert len(self.clerks) == clerks

    @contextlib.contextmanager
    def at_work(self):
        """They change things as long as the block lasts."""
        going = threading.Event()
        threads = [threading.Thread(target=clerk.work, args=[going]) for clerk in self.clerks]
        going.set()
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            going.clear()
            for thread in threads:
                thread.join()
        assert [clerk.failure for clerk in self.clerks if clerk.failure] == []

    @property
    def answered(self):
        return sum(clerk.answered for clerk in self.clerks)

    @property
    def in_doubt(self):
        """Requests that were sent and not answered: done or not."""
        return sum(clerk.in_doubt for clerk in self.clerks)

    def told(self):
        """What was answered last, by key."""
        return {key: fields for clerk in self.clerks for key, fields in clerk.told.items()}

    def look(self):
        """Everything in every school, as the API says it now."""
        return {key: fields for no in self.schools for key, fields in Clerk(self.stack, no, no).look().items()}
