"""A stranger's hour with the admin API: requests from its OpenAPI document, and a clock in hand."""

import json
import os
import random
import statistics
import time
import uuid

import pyotp
import pytest
import requests
from admin import Registry
from fuzzer import Generator, faults

COUNTY = 440_106
SECONDS = float(os.environ.get("CLASSPULSE_FUZZ_ADMIN_S", "45"))
SEED = int(os.environ.get("CLASSPULSE_FUZZ_SEED", "1"))
# Medians of interleaved trials may differ by this part of the larger; hashing is some hundred times all the rest.
ALIKE = 0.25


@pytest.fixture(scope="module")
def admin():
    running = Registry(schools=200)
    try:
        yield running
    finally:
        running.stop()


class World:
    """Who calls, what is theirs, and what is not."""

    def __init__(self, admin):
        self.province = admin.token("province_admin", "440000")
        self.county = admin.token("county_admin", str(COUNTY))
        schools = admin.rows("/v1/admin/areas/440000/schools", self.province)
        own = [school["school_no"] for school in schools if school["division"] == COUNTY]
        others = [school["school_no"] for school in schools if school["division"] != COUNTY]
        areas = {school["division"] for school in schools if school["division"] != COUNTY}
        # What an area is in is no secret: the city and the province.
        self.foreign = {"school_no": set(others), "division": areas - {440_100, 440_000}}
        self.pools = {
            "code": {"own": [COUNTY], "outside": [440_100, 440_105, 440_300, 440_000], "odd": [0, 1, 2**32, "x", "0440106"]},
            "school_no": self.pool(own, others),
        }
        for name, path in (("class_no", "classes"), ("campus_no", "campuses"), ("device_no", "devices")):
            lists = [
                [row[name] for no in some for row in admin.rows(f"/v1/admin/schools/{no}/{path}", self.province)]
                for some in (own[:2], others[:3])
            ]
            self.pools[name] = self.pool(*lists)
        for name in ("group_no", "code_no", "flag_no", "account_no", "grant_no", "key_no"):
            self.pools[name] = {"odd": [1, 2, 3, 99, 0, -1, 2**32, "x", "%00"]}

    @staticmethod
    def pool(own, others):
        return {"own": own, "outside": others, "odd": [0, 99_999_999, 2**32, "x", "-1", "1e3", "%2e%2e"]}


def test_nothing_in_the_openapi_document_breaks_the_admin_api_or_shows_another_areas_data(admin):
    world = World(admin)
    assert all(world.pools[name]["own"] and world.pools[name]["outside"] for name in ("school_no", "device_no", "class_no"))
    chance = random.Random(SEED)
    generator = Generator(admin.document(), world.pools, chance)
    asked, statuses, until = set(), {}, time.monotonic() + SECONDS
    while time.monotonic() < until or len(asked) < len(generator.operations):
        operation = chance.choice(generator.operations)
        method, path, parameters, headers, body, pools = generator.request(operation)
        asked.add(operation[:2])
        good = chance.random() < 0.9
        headers["Authorization"] = f"Bearer {world.county if good else chance.choice(['', 'x', world.county[:-2]])}"
        asking = f"seed {SEED}: {method} {path} {parameters} {body[:500]!r}"
        try:
            # Each on a connection of its own: a server may close one whose body it did not want to read.
            answer = requests.request(
                method, admin.url + path, params=parameters, headers=headers, data=body, timeout=20, allow_redirects=False
            )
        except requests.ConnectionError as error:
            raise AssertionError(f"{asking}: no answer; the log ends with {admin.told()[-2_000:]}") from error
        outside = good and "outside" in pools.values() and path.startswith("/v1/admin/")
        wrong = faults(answer, world.foreign, outside)
        assert not wrong, f"{asking}: {wrong}: {answer.text[:500]}"
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
    print(f"{sum(statuses.values())} requests, by status: {dict(sorted(statuses.items()))}")
    assert len(asked) == len(generator.operations) > 60
    assert {200, 201, 400, 404, 422} <= set(statuses), f"requests go deep and wide: {statuses}"
    assert "panicked" not in admin.told() and " ERROR " not in admin.told(), admin.told()[-2_000:]
    admin.run("verify-audit")


class Told:
    """An answer that the fuzzer has to object to."""

    def __init__(self, status, body, kind="application/problem+json"):
        self.status_code, self.body, self.headers = status, body, {"content-type": kind}

    @property
    def text(self):
        return str(self.body)

    def json(self):
        return self.body


def test_the_fuzzer_objects():
    """Negative control."""
    problem = {"type": "urn:classpulse:x", "status": 404, "request_id": "r", "detail": ""}
    foreign = {"school_no": {7}}
    assert faults(Told(404, problem), foreign, True) == []
    assert faults(Told(500, problem | {"status": 500}), foreign, False)
    assert faults(Told(404, problem | {"detail": "panicked at registry/src/x.rs:7"}), foreign, False)
    assert faults(Told(404, "no", "text/plain"), foreign, False)
    bad = problem | {"status": 400}
    assert not faults(Told(400, bad | {"type": "urn:classpulse:bad-parameter"}), foreign, True)
    assert faults(Told(400, bad | {"type": "urn:classpulse:bad-body"}), foreign, True), "the right is asked for first"
    assert faults(Told(403, problem | {"status": 403}), foreign, True), "what is outside does not exist"
    assert faults(Told(200, {"rows": [{"school_no": 7}]}, "application/json"), foreign, False)
    assert not faults(Told(200, {"rows": [{"school_no": 8}]}, "application/json"), foreign, False)


# ---- the province's only administrator, with an authenticator app that others wrote ----------------------------------


class Console:
    """A browser of the first administrator of a province."""

    def __init__(self, admin, login):
        self.url, self.login = f"{admin.url}/v1/admin/session", login
        self.session = requests.Session()

    def enter(self, password, **more):
        self.session.cookies.clear()
        answer = requests.post(self.url, json={"login": self.login, "password": password, **more}, timeout=20)
        if answer.status_code == 201:
            # The cookie is for HTTPS.
            cookie = answer.headers["Set-Cookie"].split(";")[0]
            self.session.headers.update({"Cookie": cookie, "X-CSRF-Token": answer.json()["csrf"]})
        return answer.status_code, answer.json().get("type", "").removeprefix("urn:classpulse:")

    def send(self, method, path, body=None):
        answer = self.session.request(method, self.url + path, json=body, timeout=20)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def settle(self, first_password, chosen):
        assert self.enter(first_password) == (201, "")
        self.send("PUT", "/password", {"old": first_password, "new": chosen})
        return self.enter(chosen)


def test_the_first_administrator_with_an_app_and_without_it(admin):
    made = json.loads(admin.run("bootstrap", "--login", "root.admin", "--name", "虚构的省管理员"))
    console = Console(admin, "root.admin")
    assert console.settle(made["first_password"], "虚构的口令 2026") == (201, "")
    app = pyotp.parse_uri(console.send("POST", "/second-factor")["uri"])
    first = app.now()
    assert console.send("PUT", "/second-factor", {"code": first})["second_factor"] is True
    assert console.enter("虚构的口令 2026") == (401, "second-factor")
    assert console.enter("虚构的口令 2026", code=first) == (401, "bad-login"), "a code is taken once"
    # Half a minute ahead is near enough, and after the first one at whatever moment this runs.
    assert console.enter("虚构的口令 2026", code=app.at(time.time() + 30)) == (201, "")
    # The app is lost, and nobody stands above: the terminal helps.
    rescued = json.loads(admin.run("rescue", "--login", "root.admin"))
    assert rescued["second_factor_removed"] is True
    assert console.enter("虚构的口令 2026", code=app.now()) == (401, "bad-login")
    assert console.settle(rescued["first_password"], "ein anderes Kennwort") == (201, "")
    admin.run("verify-audit")


# ---- does the time tell whether an account exists? ------------------------------------------------------------------


def attempt(admin, login):
    begun = time.perf_counter()
    answer = requests.post(f"{admin.url}/v1/admin/session", json={"login": login, "password": "wrong password"}, timeout=20)
    return time.perf_counter() - begun, answer.status_code


def alike(some, others):
    """Medians that cannot be told apart."""
    medians = statistics.median(some), statistics.median(others)
    return abs(medians[0] - medians[1]) <= ALIKE * max(medians)


def test_a_login_takes_as_long_whether_there_is_an_account_or_not(admin):
    token = admin.token("county_admin", str(COUNTY))
    headers = {"Authorization": f"Bearer {token}"}
    there = [f"t{uuid.uuid4().hex[:12]}" for _ in range(20)]
    for login in there:
        form = {"login": login, "name": "虚构的人"}
        url = f"{admin.url}/v1/admin/areas/{COUNTY}/accounts"
        answer = requests.post(url, json=form, headers=headers, timeout=20)
        assert answer.status_code == 201, answer.text
    times = {"there": [], "not": [], "blocked": []}
    for login in there:
        nobody = f"t{uuid.uuid4().hex[:12]}"
        # Five failures each, the fifth of which makes the login wait: that is written, too, and must not tell either.
        for _ in range(5):
            for kind, who in (("there", login), ("not", nobody)):
                took, status = attempt(admin, who)
                assert status == 401
                times[kind].append(took)
        took, status = attempt(admin, login)
        assert status == 429
        times["blocked"].append(took)
    print({kind: f"{statistics.median(some) * 1e3:.2f} ms" for kind, some in times.items()})
    assert alike(times["there"], times["not"]), "the time tells whether there is such an account"
    fifth = {kind: times[kind][4::5] for kind in ("there", "not")}
    assert alike(fifth["there"], fifth["not"]), "the last failure before the wait tells"
    # Negative control: an answer that no password was hashed for is told apart.
    assert not alike(times["there"], times["blocked"])
