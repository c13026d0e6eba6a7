"""Single sign-on against a provider that others wrote (npm oidc-provider): code with PKCE, keys that rotate, and what must fail."""

import os
import pathlib
import re
import shutil
import subprocess
import urllib.parse

import pytest
import requests
from stack import Stack, wait_for

SOURCE = pathlib.Path(__file__).parent / "provider"
PORT_BASE = int(os.environ.get("CLASSPULSE_WIRE_PORT_BASE", "25000")) + 60
PROVIDER = f"http://127.0.0.1:{PORT_BASE + 30}"


class Browser:
    """Keeps cookies by name, those for HTTPS too, and follows redirects by hand."""

    def __init__(self):
        self.cookies = {}

    def request(self, method, url, **more):
        head = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        head |= more.pop("headers", {})
        answer = requests.request(method, url, headers=head, allow_redirects=False, timeout=20, **more)
        for name, value in answer.raw.headers.items():
            if name.lower() == "set-cookie":
                self.cookies |= [value.split(";")[0].split("=", 1)]
        return answer

    def follow(self, url, person, before=None):
        """From a page to where it ends: the answer that redirects nowhere, or to our own landing page, or `before`."""
        answer = self.request("GET", url)
        for _ in range(12):
            if answer.status_code == 200 and "/interaction/" in url:
                url = urllib.parse.urljoin(url, re.search(r'action="([^"]+)"', answer.text)[1])
                answer = self.request("POST", url, data={"prompt": "login", "login": person, "password": "any"})
            elif answer.is_redirect and answer.headers["Location"] != "/":
                url = urllib.parse.urljoin(url, answer.headers["Location"])
                if before and url.startswith(before):
                    return url, answer
                answer = self.request("GET", url)
            else:
                return url, answer
        raise AssertionError(f"it never ends: {url}")


class Provider:
    """The provider's process; each has keys of its own."""

    def __init__(self, directory, redirect):
        self.directory, self.redirect, self.process = directory, redirect, None

    def start(self, *more):
        port = PROVIDER.rsplit(":", 1)[1]
        command = ["node", "provider.mjs", port, self.redirect, *more]
        with open(self.directory / "provider.log", "ab") as log:
            self.process = subprocess.Popen(command, cwd=self.directory, stdout=log, stderr=log)
        discovery = f"{PROVIDER}/.well-known/openid-configuration"
        wait_for(lambda: answers(discovery), 20, "the provider listens")

    def stop(self):
        self.process.kill()
        self.process.wait()

    def restart(self, *more):
        self.stop()
        self.start(*more)


def answers(url):
    try:
        return requests.get(url, timeout=2).ok
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def console():
    """A stack of its own that knows the provider; its admin API."""
    redirect = f"http://127.0.0.1:{PORT_BASE + 2}/v1/admin/session/oidc/callback"
    settings = {"ISSUER": PROVIDER, "CLIENT_ID": "classpulse", "CLIENT_SECRET": "a secret of the tests", "REDIRECT_URL": redirect}
    names = {f"CLASSPULSE_REGISTRY__OIDC__{name}": value for name, value in settings.items()}
    names["CLASSPULSE_REGISTRY__LOGIN__PER_MINUTE"] = "0"
    os.environ |= names
    try:
        stack = Stack(PORT_BASE, 5, "2026-11-20T18:30", own=True)
        try:
            yield Console(stack, redirect)
        finally:
            stack.down()
    finally:
        for name in names:
            del os.environ[name]


class Console:
    def __init__(self, stack, redirect):
        self.base = redirect.removesuffix("/v1/admin/session/oidc/callback")
        self.redirect, self.sso = redirect, f"{self.base}/v1/admin/session/oidc"
        self.token = stack.user_token("province_admin", "440000")
        self.root = stack.var

    def ask(self, method, path, body=None):
        head = {"Authorization": f"Bearer {self.token}", "If-Match": "*"}
        answer = requests.request(method, f"{self.base}/v1/admin/{path}", json=body, headers=head, timeout=20)
        assert answer.ok, answer.text
        return answer.json()

    def session(self, browser):
        return browser.request("GET", f"{self.base}/v1/admin/session")


@pytest.fixture(scope="module")
def provider(console):
    directory = console.root / "provider"
    shutil.copytree(SOURCE, directory, ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=directory, check=True, timeout=300)
    running = Provider(directory, console.redirect)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def account(console):
    """An account with a first password that nobody has changed, and the address of a person at the provider."""
    grant = {"role": "city_admin", "scope": "440100"}
    form = {"login": "sso.known", "name": "虚构的人", "email": "known@school.example", "grant": grant}
    made = console.ask("POST", "areas/440100/accounts", form)
    form |= {"login": "sso.unverified", "email": "unverified@school.example"}
    console.ask("POST", "areas/440100/accounts", form)
    return made


def slug(answer):
    return answer.json()["type"].removeprefix("urn:classpulse:")


def test_somebody_with_a_verified_address_is_logged_in_and_bound(console, provider, account):
    browser = Browser()
    _, answer = browser.follow(console.sso, "known")
    assert answer.status_code == 303 and answer.headers["Location"] == "/", answer.text
    told = console.session(browser).json()
    assert told["account"]["login"] == "sso.known" and not told["account"]["must_change"]
    head = {"X-CSRF-Token": told["csrf"]}
    assert browser.request("POST", f"{console.base}/v1/admin/session/token", headers=head).status_code == 201
    form = {"login": "sso.known", "password": account["first_password"]}
    first = requests.post(f"{console.base}/v1/admin/session", json=form, timeout=20)
    assert first.status_code == 401, "a first password opens nothing once its owner came another way"
    rows = console.ask("GET", "areas/440100/audit?action=account.bind")["rows"]
    assert len(rows) == 1 and "known" in str(rows[0])
    number = told["account"]["account_no"]
    console.ask("PATCH", f"accounts/{number}", {"email": "another@school.example"})
    again = Browser()
    assert again.follow(console.sso, "known")[1].status_code == 303, "bound for good, whatever the address is now"
    assert console.session(again).json()["account"]["account_no"] == number


def test_strangers_and_unverified_addresses_are_nobody_here(console, provider, account):
    for person in ("unverified", "stranger"):
        _, answer = Browser().follow(console.sso, person)
        assert (answer.status_code, slug(answer)) == (403, "no-account"), person


def test_a_login_is_finished_once_and_in_the_browser_that_began_it(console, provider, account):
    browser = Browser()
    back, answer = browser.follow(console.sso, "known")
    assert answer.status_code == 303 and back.startswith(console.redirect)
    assert slug(browser.request("GET", back)) == "bad-login", "a second time"
    victim, thief = Browser(), Browser()
    url = victim.request("GET", console.sso).headers["Location"]
    thief.cookies = dict(victim.cookies)
    del victim.cookies["cp_sso"]
    _, answer = victim.follow(url, "known")
    assert (answer.status_code, slug(answer)) == (401, "bad-login"), "without the cookie"
    assert "cp_session" not in victim.cookies
    for query in ("", "?state=x&code=y", "?error=access_denied"):
        assert slug(Browser().request("GET", console.redirect + query)) == "bad-login", query


def test_keys_that_rotate_are_fetched_and_forged_ones_refused(console, provider, account):
    assert Browser().follow(console.sso, "known")[1].status_code == 303
    provider.restart()
    wait_for(lambda: Browser().follow(console.sso, "known")[1].status_code == 303, 15, "the new keys are known", every=1)
    provider.restart("forged")
    for _ in range(3):
        browser = Browser()
        _, answer = browser.follow(console.sso, "known")
        assert (answer.status_code, slug(answer)) == (401, "bad-login") and "cp_session" not in browser.cookies
    provider.restart()


def test_without_the_provider_passwords_go_on(console, provider, account):
    browser = Browser()
    back, _ = browser.follow(console.sso, "known", before=console.redirect)
    provider.stop()
    answer = browser.request("GET", back)
    assert (answer.status_code, slug(answer)) == (502, "identity-provider")
    made = console.ask("POST", "areas/440100/accounts", {
        "login": "by.password", "name": "虚构的人", "grant": {"role": "analyst", "scope": "440100"},
    })
    form = {"login": "by.password", "password": made["first_password"]}
    assert requests.post(f"{console.base}/v1/admin/session", json=form, timeout=20).status_code == 201
    provider.start()
