"""Acceptance 4: hostile bodies are answered as the contract says; nothing breaks, nothing grows, everything counts."""

import collections
import concurrent.futures
import random

import hostile

MIN_BODIES = 10_000
GROWTH_BYTES = 64 << 20
OUTCOMES = {200: "ok", 400: "bad_request", 405: "bad_request", 415: "bad_request", 401: "unauthorized",
            403: "forbidden", 413: "too_large", 429: "limited", 503: "unavailable"}


def counters(stack):
    posts = {outcome: stack.metric("ingest", "edge_posts_total", outcome=outcome) for outcome in set(OUTCOMES.values())}
    events = {
        outcome: stack.metric("ingest", "edge_events_total", outcome=outcome) for outcome in ("accepted", "invalid", "retry")
    }
    return posts, events, stack.metric("ingest", "edge_events_received_total")


def cases(stack, client, registry):
    blocked = {no: device["state"] for no, device in registry.devices.items() if device["state"] in ("suspended", "retired")}
    devices = [no for no, device in registry.devices.items() if device["state"] == "in_service"][:8]
    generator = hostile.Generator(random.Random(4), stack, devices)
    found = list(generator.broken_events(rounds=14))
    found += generator.value_before_time()
    found += generator.accepted_oddities()
    found += generator.broken_posts(110)
    found += generator.broken_packings(40)
    found += generator.broken_avro(client, 80)
    found += generator.too_large()
    found += generator.strangers(blocked, stack.user_token("province_admin", "440000"))
    return generator, found


def send(stack, client, case):
    token = stack.device_token(case.device_no) if case.token is None else case.token
    headers = {**case.headers, **({"Authorization": f"Bearer {token}"} if token else {})}
    return client.session.request(case.method, client.url(), data=case.body, headers=headers, timeout=30)


def difference(case, answer):
    """What is wrong with an answer, in words; None if nothing is."""
    if answer.status_code != case.status:
        return f"{case.what}: {answer.status_code} {answer.text[:160]}, expected {case.status} {case.code}"
    told = answer.json()
    if case.status != 200:
        right = told["type"] == f"urn:classpulse:{case.code}" and answer.headers["Content-Type"].startswith("application/problem+json")
        return None if right else f"{case.what}: {told}, expected {case.code}"
    results = [(result["i"], result["code"]) for result in told["results"]]
    if (told["accepted"], results) != (len(case.events), case.results):
        return f"{case.what}: {told}, expected {len(case.events)} accepted and {case.results}"
    return None


def test_hostile_bodies(stack, client, registry, truth):
    generator, bodies = cases(stack, client, registry)
    assert len(bodies) >= MIN_BODIES
    for device_no in {case.device_no for case in bodies}:
        stack.device_token(device_no)
    # A first round over a part of them lets the edge take what memory it keeps.
    for case in bodies[:: len(bodies) // 200]:
        send(stack, client, case)
    rss, before = stack.rss_bytes("ingest"), counters(stack)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda case: send(stack, client, case), bodies))
    after = counters(stack)
    wrong = [text for case, answer in zip(bodies, answers) if (text := difference(case, answer))]
    assert not [answer for answer in answers if answer.status_code == 500]
    assert wrong == [], f"{len(wrong)} of {len(bodies)} answers differ:\n" + "\n".join(wrong[:40])
    for case in bodies:
        for event in case.events:
            truth.accept(case.device_no, generator.boot_id, event)
    check_accounting(bodies, before, after)
    assert stack.rss_bytes("ingest") - rss < GROWTH_BYTES


def check_accounting(bodies, before, after):
    """The edge's counters equal our own tally."""
    posts = collections.Counter(OUTCOMES[case.status] for case in bodies)
    assert {name: after[0][name] - before[0][name] for name in before[0]} == {name: posts[name] for name in before[0]}
    checked = [case for case in bodies if case.status == 200]
    accepted, invalid = sum(len(case.events) for case in checked), sum(len(case.results) for case in checked)
    told = {name: after[1][name] - before[1][name] for name in before[1]}
    assert told == {"accepted": accepted, "invalid": invalid, "retry": 0}
    assert after[2] - before[2] == accepted + invalid


def test_the_tables_hold_nothing_of_it(expected):
    """Only the valid events that came along."""
    expected.settle()
