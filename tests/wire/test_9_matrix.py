"""Every route of the query API × every role × own, below, above and sideways: no answer may tell of what is outside.

The routes come from the API's own document: one without a rule here fails. Who may see what is worked out once more,
from the registry's topics alone.
"""

import functools
import json
import random
import re
import urllib.parse
from collections import Counter

import pytest
import requests
from classrooms import Boot
from stack import wait_for

# What each route is asked about. `search` tells what is inside, `catalog` the same to everybody.
RULES = {
    **{("get", f"/v1/orgs/{{id}}/{view}"): "org" for view in ("overview", "children", "trend", "network", "ranking")},
    ("get", "/v1/schools/{school_no}/devices"): "school",
    ("get", "/v1/devices/{device_no}/days"): "device",
    ("get", "/v1/devices/{device_no}/sessions"): "device",
    ("get", "/v1/search"): "search",
    ("get", "/v1/catalog"): "catalog",
}
ORGS = ["province", "city", "county", "school", "class"]
LEVELS = {"org": ORGS, "search": ORGS, "school": ["school"], "device": ["device"], "catalog": ["province"]}
RELATIONS = {"own", "below", "further below", "above", "sibling", "below a sibling", "elsewhere"}
# Ways to ask about a place and about one that is not there, which must look alike: query string, headers, method.
WAYS = [
    *[(query, {}, "GET") for query in (
        "", "from=x", "to=9999-01-01", "from=2026-11-02&from=2026-11-02", "to=%ff", "figures=nope", "order=-nope",
        "page_size=0", "cursor=x", "cursor={cursor}", "nobody=1", "q=x",
    )],
    ("", {"If-None-Match": "*"}, "GET"), ("", {"If-None-Match": "{tag}"}, "GET"), ("", {"Accept": "image/png"}, "GET"),
    ("", {"Accept": "text/csv"}, "GET"), ("", {}, "HEAD"), ("", {}, "POST"),
]
NOISE = {"date", "x-request-id", "ratelimit-remaining", "ratelimit-reset"}


class Tree:
    """Areas (`440100`), schools (`s1`), classes (`c1`) and devices (`d1`), with what is above each."""

    def __init__(self, registry, day):
        orgs = {key: org for key, org in registry.orgs.items() if org}
        self.level = {key: org["level"] for key, org in orgs.items()}
        self.name = {key: org["name"] for key, org in orgs.items()}
        self.above = {key: org["parent"] for key, org in orgs.items()}
        for no, device in registry.devices.items():
            place = registry.belonging(no, day)
            self.level[f"d{no}"], self.name[f"d{no}"] = "device", str(device["device_id"])
            self.above[f"d{no}"] = f"c{place['class_no']}" if place["class_no"] else f"s{place['school_no']}"
        self.below, self.bearers = {}, {}
        for key, above in self.above.items():
            self.below.setdefault(above, []).append(key)
            # A text may be an id, or a name that several bear.
            self.bearers.setdefault(key, set()).add(key)
            self.bearers.setdefault(self.name[key], set()).add(key)

    def line(self, key):
        """It and all that is above it."""
        return [key, *self.line(self.above[key])] if key else []

    def down(self, key):
        """It, and of each level right below it one, with devices if there are any, and so on."""
        below = [self.down(child) for child in self.below.get(key, [])]
        below.sort(key=lambda line: not any(self.level[found] == "device" for found in line))
        levels = {self.level[line[0]]: line for line in reversed(below)}
        return [key, *(found for line in levels.values() for found in line)]

    def sibling(self, key):
        """Another of its level with the same above it, and what is below that; none: nothing."""
        others = [other for other in self.below[self.above[key]] if self.level[other] == self.level[key]]
        return max((self.down(other) for other in others if other != key), key=len, default=[])

    def relation(self, scope, key):
        if scope in self.line(key):
            return "own" if key == scope else "below" if self.above[key] == scope else "further below"
        if key in self.line(scope):
            return "above"
        beside = [up for up in self.line(key) if self.above[up] == self.above[scope]]
        return "elsewhere" if not beside else "sibling" if beside == [key] else "below a sibling"

    def status(self, rule, role, scope, key):
        """With what a question about a place must be answered."""
        if rule in ("search", "catalog"):
            return 200
        if role == "class_teacher" and rule == "org":
            return 403 if key == scope else 404  # teachers are not told figures
        if role == "class_teacher" and rule == "school":
            return 200 if key in self.line(scope) else 404  # of their own school: the devices of the class
        return 200 if scope in self.line(key) and (rule, self.level[key]) != ("org", "class") else 404

    def listed(self, path, scope, key):
        """What an answer must name, no more and no less."""
        areas = [one for one in self.level if self.level[one] not in ("class", "device")]
        if path == "/v1/search":
            found = [one for one in areas if one.startswith(key) or key in self.name[one]]
            return {one for one in found if scope in self.line(one)}
        if path.endswith("/{school_no}/devices"):
            return {one for one in self.level if one[0] == "d" and {key, scope} <= set(self.line(one))}
        listed = {one for one in areas if self.above[one] == key and path.endswith(("children", "ranking"))}
        return set() if path == "/v1/catalog" else {key, *listed}

    def escapes(self, scope, told, about=None):
        """The ids, numbers and names in an answer whose bearers are all outside."""
        if isinstance(told, dict):
            about = told.get("id", about)
            told = [self.spelt(*item, about) for item in told.items()]
        if isinstance(told, list):
            return [found for value in told for found in self.escapes(scope, value, about)]
        texts = [text for text in told.split(" / ") if text in self.bearers] if isinstance(told, str) else []
        return [text for text in texts if not any(scope in self.line(one) for one in self.bearers[text])]

    def spelt(self, key, value, about):
        """A number as the id that it stands for. A school is named with the code of the area above it."""
        if key == "division":
            return None if str(value) in self.line(about) else str(value)
        letter = {"school_no": "s", "class_no": "c", "device_no": "d"}.get(key)
        return f"{letter}{value}" if letter and value else value


def named(told):
    """The organisations and devices that an answer is of."""
    if isinstance(told, list):
        return {found for value in told for found in named(value)}
    if not isinstance(told, dict):
        return set()
    if "device_no" in told:
        return {f"d{told['device_no']}"}
    return named(list(told.values())) | ({told["id"]} if "level" in told else set())


def judge(tree, path, caller, key, answer):
    """What is wrong with an answer; nothing if all is well."""
    wanted = tree.status(RULES["get", path], *caller, key)
    if answer.status_code != wanted:
        return [f"{answer.status_code}, not {wanted}"]
    if wanted != 200:
        slug = {403: "forbidden", 404: "not-found"}[wanted]
        return [] if answer.json()["type"] == f"urn:classpulse:{slug}" else [answer.text]
    told = [json.loads(line) for line in answer.content.decode().splitlines()]
    # The table of a ranking does not name whose it is.
    amiss = (named(told) ^ tree.listed(path, caller[1], key)) - ({key} if path.endswith("ranking") else set())
    found = [f"{one} is named, or is missing" for one in sorted(amiss)]
    return found + [f"{text} is outside" for text in tree.escapes(caller[1], told)]


def fill(path, key, query=None):
    """A route's address for a place."""
    query = urllib.parse.urlencode({"figures": "usage_rate", "page_size": 1000}) if query is None else query
    query += f"&q={key}" if path == "/v1/search" else ""
    return re.sub(r"{\w+}", key if "{id}" in path else key.lstrip("scd"), path) + f"?{query}"


@pytest.fixture(scope="module")
def ask(stack):
    session, address = requests.Session(), stack.address("api")

    def ask(caller, path, method="GET", **headers):
        if caller:
            headers["Authorization"] = f"Bearer {stack.user_token(*caller)}"
        return session.request(method, address + path, headers=headers, timeout=20)

    return ask


@pytest.fixture(scope="module")
def tree(registry, stack):
    return Tree(registry, stack.today())


@pytest.fixture(scope="module")
def callers(tree):
    """Every role, at places that have something below, above and beside them."""
    school = next(key for key in tree.level if key[0] == "s" and tree.level[tree.above[key]] == "county")
    county, city, province = tree.line(school)[1:]
    crowded = next(key for key in tree.level if key[0] == "s" and tree.above[key] != county and tree.sibling(key))
    teachers = [next(key for key in tree.down(one) if key[0] == "c") for one in (school, crowded)]
    return [
        ("province_admin", province), ("data_team", province), ("analyst", province), ("analyst", county),
        ("city_admin", city), ("city_admin", tree.sibling(city)[0]),
        ("county_admin", county), ("county_admin", tree.sibling(county)[0]),
        ("school_admin", school), ("school_admin", crowded), *(("class_teacher", one) for one in teachers),
    ]


@pytest.fixture(scope="module")
def questions(tree, callers, client, stack, ask):
    """(route, place) for all that is above, below and beside a caller. Each device among them has been on today."""
    around = [[*tree.line(scope), *tree.down(scope), *tree.sibling(scope)] for _, scope in callers]
    places = sorted({key for line in around for key in line})
    now, devices = stack.now_ms(), [key for key in places if key[0] == "d"]
    for key in devices:
        boot = Boot(random.Random(f"{key} {now}"), int(key[1:]))
        boot.heartbeat(now, on=[(now - 60_000, now)])
        client.post(boot.device_no, boot.boot_id, boot.events, patience_s=30)
    for path in [fill("/v1/devices/{device_no}/sessions", key) for key in devices]:
        wait_for(lambda path=path: ask(callers[0], path).json()["rows"], 60, f"{path} tells what was posted")
    return [(path, key) for (_, path), rule in RULES.items() for key in places if tree.level[key] in LEVELS[rule]]


def test_every_route_gives_every_role_what_is_inside(ask, stack, tree, callers, questions):
    document = ask(None, "/openapi.json").json()["paths"]
    beside = {"summary", "description", "servers", "parameters"}
    assert {(method, path) for path, item in document.items() for method in set(item) - beside} == set(RULES)
    refusal = stack.attempt("token", "user", "--role", "nobody", "--scope", "440000").stderr
    roles = re.search("one of ([a-z_, ]+)", refusal)[1].split(", ")
    assert set(roles) == {role for role, _ in callers}
    wrong, seen, statuses = [], Counter(), Counter()
    for caller in callers:
        for path, key in questions:
            for form in ("json", "x-ndjson"):
                answer = ask(caller, fill(path, key), Accept=f"application/{form}")
                faults = judge(tree, path, caller, key, answer)
                wrong += [f"{caller}: {path} of {key} as {form}: {fault}" for fault in faults]
                seen[tree.relation(caller[1], key)] += 1
                statuses[answer.status_code] += 1
                if answer.status_code != 200:
                    break
    print(f"\n{len(RULES)} routes, {len(roles)} roles, {len(callers)} callers, {len(questions)} questions of each:",
          f"{seen.total()} answers, {dict(seen)}, {dict(statuses)}")
    assert not wrong, f"{len(wrong)} of {seen.total()}:\n" + "\n".join(wrong)
    assert set(seen) == RELATIONS and min(seen.values()) > 20, seen


def test_the_judge_sees_an_escape_on_every_route(ask, tree, callers, questions):
    """What the province is told, judged as if a county had asked: only what is inside passes."""
    province, county = callers[0], next(caller for caller in callers if caller[0] == "county_admin")
    inside = {key for _, key in questions if county[1] in tree.line(key)}
    told = {(path, key): ask(province, fill(path, key)) for path, key in questions}
    caught = {(path, key) for path, key in questions if judge(tree, path, county, key, told[path, key])}
    # A search tells the province names from above; classes have no figures, whoever asks.
    assert not [(path, key) for path, key in caught if key in inside and path != "/v1/search"]
    missed = [(path, key) for path, key in questions if key not in inside and (path, key) not in caught]
    assert {tree.level[key] for path, key in missed if path != "/v1/catalog"} == {"class"}
    assert {path for path, _ in caught} == {path for _, path in RULES} - {"/v1/catalog"}
    counties = told["/v1/orgs/{id}/children", tree.above[county[1]]].json()
    assert tree.sibling(county[1])[0] in tree.escapes(county[1], counties)


def test_without_a_users_token_every_route_is_shut(ask, stack, questions):
    device = next(int(key[1:]) for _, key in questions if key[0] == "d")
    for headers in ({}, {"Authorization": f"Bearer {stack.device_token(device)}"}):
        for path, key in questions:
            assert ask(None, fill(path, key), **headers).status_code == 401, path


def nobody(tree, key):
    """An id of the same kind that is not there."""
    if key[0] in "scd":
        return f"{key[0]}4000000000"
    return next(str(code) for code in range(int(key) + 1, int(key) + 99) if str(code) not in tree.level)


def test_what_is_outside_is_as_if_it_were_not_there(ask, tree, callers, questions):
    @functools.cache
    def told(caller, path, key, query, headers, method):
        """An answer without what differs between any two."""
        answer = ask(caller, fill(path, key, query), method, **dict(headers))
        headers = {name.lower(): value for name, value in answer.headers.items() if name.lower() not in NOISE}
        return answer.status_code, headers, re.sub(r'"request_id":"[^"]*"', "", answer.text)

    @functools.cache
    def known(path, key):
        """A cursor and a tag that others have."""
        answer = ask(callers[0], fill(path, key, "page_size=1"))
        return {"cursor": answer.json().get("next") or "x", "tag": answer.headers["ETag"]}

    compared, asked = Counter(), set()
    for caller in callers:
        for path, key in questions:
            # One place of each relation to each role.
            mark = caller[0], path, tree.relation(caller[1], key)
            if mark in asked or tree.status(RULES["get", path], *caller, key) != 404 or tree.level[key] == "class":
                continue
            asked.add(mark)
            for query, headers, method in WAYS:
                query = query.format(**known(path, key))
                headers = tuple((name, value.format(**known(path, key))) for name, value in headers.items())
                outside = told(caller, path, key, query, headers, method)
                nowhere = told(caller, path, nobody(tree, key), query, headers, method)
                assert outside == nowhere, f"{caller}: {method} {path} of {key}, {query} {headers}"
                compared[outside[0]] += 1
    print(f"\n{len(asked)} places from outside, {compared.total()} comparisons: {dict(compared)}")
    assert set(compared) == {400, 404, 405, 406}
