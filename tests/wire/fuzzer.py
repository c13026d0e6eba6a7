"""Requests made from an OpenAPI document, most of them nearly right, and what no answer may be."""

import json
import re

METHODS = ("get", "post", "put", "patch", "delete")
ODD = [
    None, "", " ", "'", "\"; DROP TABLE schools; --", "\x00", "长" * 3_000, "a" * 300, "../../etc/passwd", "%00", "%s%n",
    "{{7*7}}", -1, 0, 1, 2**31, 2**32, 2**63, 2**64, 1e308, 0.5, True, [], {}, [[]], [None], "9999-99-99", "2026-11-20",
    "2099-01-01", "440106", "440300", "s1", "c1", "d1", "=1+1", "﻿",
]
# What would show that something of ours came out: a backtrace, a path of the sources, the database.
TRACES = re.compile(r"panicked|backtrace|\.rs:\d|/src/|sqlx|sqlite|SELECT |INSERT |UNIQUE constraint|thread '")


class Generator:
    """Operations of a document, and values for them. `pools`: numbers to try for each parameter of a path."""

    def __init__(self, document, pools, random):
        self.schemas = document.get("components", {}).get("schemas", {})
        self.pools, self.random = pools, random
        self.operations = [
            (method, path, operation)
            for path, item in sorted(document["paths"].items())
            for method, operation in sorted(item.items())
            if method in METHODS
        ]

    def resolved(self, schema):
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def value(self, schema, depth=0):
        """A value of the schema's shape, or now and then one of another."""
        schema = self.resolved(schema)
        if self.random.random() < 0.12 or depth > 5:
            return self.random.choice(ODD)
        for many in ("oneOf", "anyOf"):
            if many in schema:
                return self.value(self.random.choice(schema[many]), depth + 1)
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = self.random.choice(kind)
        return self.plain(kind, schema, depth)

    def plain(self, kind, schema, depth):
        if kind == "object":
            return self.object(schema, depth)
        if kind == "array":
            return [self.value(schema.get("items", {}), depth + 1) for _ in range(self.random.randrange(4))]
        if kind == "integer":
            return self.random.choice([0, 1, 2, 3, 40, 440_106, 440_105, self.random.randrange(2**33)])
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind == "null":
            return None
        words = ["虚构的名字", "小学", "normal", "suspended", "in_service", "retired", "whiteboard", "school_admin", "s1",
                 "440106", "2026-12-01", "x" * 12, f"n{self.random.randrange(10**6)}"]
        return self.random.choice(words)

    def object(self, schema, depth):
        names = schema.get("properties", {})
        needed = set(schema.get("required", []))
        made = {
            name: self.value(part, depth + 1)
            for name, part in names.items()
            if (name in needed and self.random.random() < 0.95) or self.random.random() < 0.5
        }
        if self.random.random() < 0.05:
            made[str(self.random.choice(ODD))[:50]] = self.random.choice(ODD)
        return made

    def request(self, operation):
        """Method, path, parameters, headers and body, with the pool that each part of the path is from."""
        method, path, described = operation
        pools = {}

        def filled(match):
            name = match[1]
            pool = self.random.choice(sorted(self.pools.get(name, {"odd": [1]})))
            pools[name] = pool
            return str(self.random.choice(self.pools.get(name, {"odd": [1]})[pool]))

        url = re.sub(r"\{(\w+)\}", filled, path)
        parameters, headers = {}, {}
        for parameter in described.get("parameters", []):
            if parameter["in"] == "query" and (parameter.get("required") or self.random.random() < 0.4):
                parameters[parameter["name"]] = self.text(self.value(parameter.get("schema", {})))
            if parameter["in"] == "header" and self.random.random() < 0.9:
                headers[parameter["name"]] = self.random.choice(["*", '"x"', '"", *', "W/\"a\""])
        return method, url, parameters, headers, self.body(described), pools

    def text(self, value):
        return value if isinstance(value, str) else json.dumps(value)

    def body(self, described):
        content = described.get("requestBody", {}).get("content", {})
        if self.random.random() < 0.08:
            return self.random.choice([b"", b"{", b"\xff\xfe", b"[" * 5_000, b'{"a":1}{"b":2}', b"PK\x03\x04 no workbook", b"null"])
        if "application/json" in content:
            return json.dumps(self.value(content["application/json"]["schema"])).encode()
        if content:
            rows = [",".join(self.text(self.random.choice(ODD))[:40] for _ in range(4)) for _ in range(3)]
            header = self.random.choice(["code,name,school_type,division", "code,school,kind,class", "code,code"])
            return "\n".join([header, *rows, "F1,虚构一小,小学,440106"]).encode(errors="surrogatepass")
        return b""


def faults(answer, foreign, outside):
    """What is wrong with an answer. `foreign`: numbers of schools and codes of areas that the caller must not be shown;
    `outside`: the request names one of them in its path."""
    found = []
    if answer.status_code >= 500:
        found.append(f"status {answer.status_code}")
    if outside and answer.status_code != 404 and not blind(answer):
        found.append(f"status {answer.status_code} for what is another area's")
    if answer.status_code >= 400:
        found += problem_faults(answer)
    elif "json" in answer.headers.get("content-type", ""):
        found += [f"shows {key} {value}" for key, value in shown(answer.json()) if value in foreign.get(key, ())]
    return found


def blind(answer):
    """Refused for its parameters, before anything was looked up: the same for every place."""
    return answer.status_code == 400 and answer.json()["type"] == "urn:classpulse:bad-parameter"


def problem_faults(answer):
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return [f"no problem document: {answer.headers.get('content-type')}"]
    told = answer.json()
    right = told["type"].startswith("urn:classpulse:") and told["status"] == answer.status_code and told["request_id"]
    found = [] if right else [f"a problem document of another shape: {told}"]
    trace = TRACES.search(answer.text)
    return found + ([f"tells of the inside: {trace[0]}"] if trace else [])


def shown(value, key=None):
    """Every (key, number) in an answer."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from shown(part, name)
    elif isinstance(value, list):
        for part in value:
            yield from shown(part, key)
    elif isinstance(value, int):
        yield key, value
