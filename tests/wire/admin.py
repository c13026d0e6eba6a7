"""A registry of its own: a store in a temporary directory, and nothing else of the stack. What it would publish waits."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import requests
from stack import REPOSITORY, wait_for


class Registry:
    """`registry serve` without a Kafka, so that requests may break whatever they like."""

    def __init__(self, schools):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="classpulse-admin-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.run("seed", "--schools", str(schools))
        self.log = open(self.directory / "log", "w")
        self.process = subprocess.Popen(self.words("serve"), env=self.environment(), stderr=self.log, stdout=self.log)
        wait_for(self.answers, 30, "the registry answers")

    def words(self, *words):
        return [str(REPOSITORY / "target/release/registry"), *words]

    def environment(self):
        settings = {
            "SERVER__LISTEN": f"127.0.0.1:{self.port}",
            "STORE__PATH": self.directory / "store.sqlite",
            "KEYS__DIR": self.directory / "keys",
            "FLEET__DEVICES_FILE": self.directory / "devices.ndjson",
            "KAFKA__BOOTSTRAP": "127.0.0.1:9",
            "LOGIN__PER_MINUTE": 0,
            "ENROLMENT__PER_MINUTE": 0,
            "LOG__FILTER": "warn,librdkafka=off,rdkafka=off",
        }
        return dict(os.environ, **{f"CLASSPULSE_REGISTRY__{key}": str(value) for key, value in settings.items()})

    def run(self, *words):
        done = subprocess.run(
            self.words(*words), env=self.environment(), capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout.strip()

    def token(self, role, scope):
        return self.run("token", "user", "--role", role, "--scope", scope)

    def answers(self):
        assert self.process.poll() is None, self.told()
        try:
            return requests.get(f"{self.url}/livez", timeout=2).ok
        except requests.RequestException:
            return False

    def told(self):
        return (self.directory / "log").read_text()

    def document(self):
        return requests.get(f"{self.url}/openapi.json", timeout=10).json()

    def rows(self, path, token):
        """All rows of a list."""
        rows, cursor = [], None
        while True:
            parameters = {"page_size": 500, **({"cursor": cursor} if cursor else {})}
            headers = {"Authorization": f"Bearer {token}"}
            answer = requests.get(self.url + path, params=parameters, headers=headers, timeout=20)
            assert answer.ok, f"{path}: {answer.text}"
            told = json.loads(answer.text)
            rows += told["rows"]
            cursor = told["next"]
            if not cursor:
                return rows

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)
