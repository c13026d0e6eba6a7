"""The API as other programs see it: formats, scope, an OpenAPI fuzzer."""

import csv
import io
import json

import pyarrow
import pyarrow.parquet
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from stack import day_text

FORMATS = {
    "json": "application/json", "csv": "text/csv", "ndjson": "application/x-ndjson",
    "arrow": "application/vnd.apache.arrow.stream", "parquet": "application/vnd.apache.parquet",
}
PROVINCE = ("province_admin", "440000")


def ask(stack, path, token=PROVINCE, accept="application/json", **parameters):
    headers = {"Authorization": f"Bearer {stack.user_token(*token)}", "Accept": accept}
    return requests.get(stack.address("api") + path, params=parameters, headers=headers, timeout=20)


def dates(stack, days=30):
    return {"from": day_text(stack.today() - days), "to": day_text(stack.today())}


def read(form, answer):
    """The rows of an answer in any of the flat formats, as dictionaries."""
    if form == "csv":
        assert answer.content.startswith(b"\xef\xbb\xbf")
        return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    if form == "ndjson":
        return [json.loads(line) for line in answer.content.decode().splitlines()]
    if form == "arrow":
        return pyarrow.ipc.open_stream(answer.content).read_all().to_pylist()
    return pyarrow.parquet.read_table(io.BytesIO(answer.content)).to_pylist()


@pytest.mark.parametrize("form", ["csv", "ndjson", "arrow", "parquet"])
def test_flat_formats_tell_the_same(stack, form):
    path, wanted = "/v1/orgs/440000/children", {"figures": "usage_rate,latency_p90", "page_size": 1000, **dates(stack)}
    told = ask(stack, path, **wanted).json()
    answer = ask(stack, path, accept=FORMATS[form], **wanted)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith(FORMATS[form])
    rows = {row["id"]: row for row in read(form, answer)}
    for unit in [told["self"], *told["direct"], *told["children"]]:
        row, figure = rows[unit["org"]["id"]], unit["figures"]["usage_rate"]
        assert row["name"] == unit["org"]["name"]
        assert int(row["usage_rate_den"]) == figure["den"] and int(row["usage_rate_num"]) == figure["num"]
        value = row["usage_rate"] if row["usage_rate"] not in ("", None) else None
        assert (None if value is None else float(value)) == figure["value"]


def test_an_etag_saves_the_answer(stack):
    first = ask(stack, "/v1/orgs/440000/overview", **dates(stack))
    headers = {"Authorization": f"Bearer {stack.user_token(*PROVINCE)}", "If-None-Match": first.headers["ETag"]}
    url = stack.address("api") + "/v1/orgs/440000/overview"
    assert requests.get(url, params=dates(stack), headers=headers, timeout=20).status_code == 304
    other = headers | {"Authorization": f"Bearer {stack.user_token('city_admin', '440100')}"}
    assert requests.get(url, params=dates(stack), headers=other, timeout=20).status_code == 404


def test_pages_run_through_everything_once(stack, registry):
    everything = [
        unit["org"]["id"]
        for part in ("direct", "children")
        for unit in ask(stack, "/v1/orgs/440000/children", page_size=1000, **dates(stack)).json()[part]
    ]
    seen, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        told = ask(stack, "/v1/orgs/440000/children", page_size=4, **dates(stack), **more).json()
        seen += [unit["org"]["id"] for part in ("direct", "children") for unit in told[part]]
        cursor = told["next"]
        if not cursor:
            break
    assert seen == everything


# ---- scope (acceptance 7) ------------------------------------------------------------------------------------------


def county(registry, stack):
    """A county with schools and devices, and one of each from outside."""
    today = stack.today()
    places = {no: registry.belonging(no, today) for no in registry.devices}
    counties = sorted({place["division"] for place in places.values() if place["division"] % 100})
    code = counties[0]
    inside = next(no for no, place in places.items() if place["division"] == code)
    outside = next(no for no, place in places.items() if place["division"] != code)
    return code, (inside, places[inside]["school_no"]), (outside, places[outside]["school_no"])


def routes(org, school_no, device_no):
    for view in ("overview", "children", "trend", "network", "ranking"):
        yield f"/v1/orgs/{org}/{view}", {"order": "-usage_rate"} if view == "ranking" else {}
        yield f"/v1/orgs/s{school_no}/{view}", {"order": "-usage_rate"} if view == "ranking" else {}
    yield f"/v1/schools/{school_no}/devices", {}
    yield f"/v1/devices/{device_no}/days", {}
    yield f"/v1/devices/{device_no}/sessions", {}


@pytest.mark.parametrize("form", FORMATS)
def test_a_county_sees_itself_and_nothing_else(stack, registry, form):
    code, (device_no, school_no), (other_device, other_school) = county(registry, stack)
    token = ("county_admin", str(code))
    for path, more in routes(code, school_no, device_no):
        answer = ask(stack, path, token, FORMATS[form], **dates(stack), **more)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:200]}"
    other = next(int(org) for org, value in registry.orgs.items() if value["level"] == "county" and int(org) != code)
    for org in (other, code // 100 * 100, code // 10_000 * 10_000, 999_999):
        for path, more in routes(org, other_school, other_device):
            answer = ask(stack, path, token, FORMATS[form], **dates(stack), **more)
            assert answer.status_code == 404, f"{path}: {answer.status_code}"
            assert answer.json()["type"].startswith("urn:classpulse:")


def test_search_and_lists_show_the_inside_only(stack, registry):
    code, (_, school_no), (_, other_school) = county(registry, stack)
    token = ("county_admin", str(code))
    here = registry.orgs[f"s{school_no}"]["name"]
    assert f"s{school_no}" in {row["id"] for row in ask(stack, "/v1/search", token, q=here).json()["rows"]}
    for query in (registry.orgs[f"s{other_school}"]["name"], "学", "4401", "小学", "广东"):
        for row in ask(stack, "/v1/search", token, q=query).json()["rows"]:
            org = registry.orgs[row["id"]]
            assert org["division"] == code, row
    told = ask(stack, f"/v1/orgs/{code}/children", token, page_size=1000, **dates(stack)).json()
    schools = {key for key, org in registry.orgs.items() if org["level"] == "school" and org["division"] == code}
    assert {unit["org"]["id"] for unit in told["direct"]} == schools and told["children"] == []


def test_without_a_token_of_ours_nothing_is_told(stack):
    url = stack.address("api") + "/v1/orgs/440000/overview"
    for token in (None, "x", "a.b.c", stack.device_token(1)):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = requests.get(url, headers=headers, params=dates(stack), timeout=10)
        assert answer.status_code == 401 and answer.headers["Content-Type"].startswith("application/problem+json")


# ---- fuzzing -------------------------------------------------------------------------------------------------------


def test_nothing_in_the_openapi_document_breaks_the_api(stack):
    """Schemathesis makes requests from the document; none of them may fail inside."""
    document = requests.get(stack.address("api") + "/openapi.json", timeout=10).json()
    assert document["openapi"].startswith("3.1")
    schema = schemathesis.openapi.from_dict(document)
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {stack.user_token(*PROVINCE)}"
    asked = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        asked.add(operation.path)

        @settings(max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @schemathesis_given(operation)
        def check(case):
            answer = case.call(base_url=stack.address("api"), session=session)
            assert answer.status_code < 500 or answer.status_code == 503, f"{case.formatted_path}: {answer.text}"
            if answer.status_code >= 400:
                assert answer.headers["content-type"][0].startswith("application/problem+json")

        check()
    assert len([path for path in asked if path.startswith("/v1/")]) >= 10


def schemathesis_given(operation):
    from hypothesis import given

    return given(case=operation.as_strategy())
