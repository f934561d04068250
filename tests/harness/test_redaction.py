"""What is printed or exported shows that a secret was there, and not which; programs still see everything."""

from __future__ import annotations

import json
import re

import jwt
import pytest
from journal_world import ALICE, Journey

from mockidp.harness.matching import Criteria, listing
from mockidp.harness.redaction import mask, redact, redact_body, redact_text, redact_url, redact_value
from mockidp.harness.trace import trace
from mockidp.rules.operation import Operation
from mockidp.server import MockIdp

KEY = "k" * 32
JWT = jwt.encode({"sub": "auth0|1", "aud": ["web", "api"], "exp": 1893456000}, KEY)
SHOWN = "<JWT of auth0|1 for web, api until 2030-01-01T00:00:00Z>"
JWE = "eyJhbGciOiJkaXIifQ..aXZpdg.c2VhbGVk.dGFn"


def test_no_secret_is_printed_or_exported(idp: MockIdp) -> None:
    """After everything that has secrets, none is in the archive, the trace, a failure, or a repr."""
    journey = Journey(idp)
    journey.everything()
    seen = json.dumps(idp.requests.har(secrets=True), ensure_ascii=False)
    assert [secret for secret in journey.secrets if secret not in seen and secret != "web-secret"] == []
    texts = {
        "archive": json.dumps(idp.requests.har(), ensure_ascii=False),
        "trace": trace(idp.requests, limit=1000),
        "failure": listing(list(idp.requests)[-30:], Operation.parse("* /*"), Criteria(form={"code": "1"})),
        "first failure": listing(list(idp.requests)[:30], Operation.parse("* /*"), Criteria(json={"x": 1})),
        "repr": repr(list(idp.requests)),
    }
    for name, text in texts.items():
        assert [secret for secret in journey.secrets if secret in text] == [], name
        assert re.findall(r"eyJ[\w-]+\.", text) == [], name


def test_what_is_no_secret_stays(idp: MockIdp) -> None:
    """Names, scopes, states and errors are what one reads a trace for."""
    Journey(idp).everything()
    text = json.dumps(idp.requests.har(), ensure_ascii=False) + trace(idp.requests, limit=1000)
    for shown in (
        ALICE,
        "openid offline_access",
        "authorization_code",
        "invalid_grant",
        '\\"sub\\":\\"auth0|',
    ):
        assert shown in text, shown


def test_programs_see_everything(idp: MockIdp) -> None:
    """A test needs the code that was sent, to assert on it."""
    journey = Journey(idp)
    code = journey.log_in()["code"]
    journey.token(grant_type="authorization_code", code=code, client_secret="web-secret")
    assert idp.requests[-1].form["code"] == code
    assert idp.requests[-1].view().form["client_secret"] == "web-secret"
    idp.requests.assert_called("POST /oauth/token", form={"code": code})


def test_a_failure_compares_without_telling(idp: MockIdp) -> None:
    """Neither what was expected nor what came, and yet that they differ."""
    Journey(idp).token(grant_type="password", username=ALICE, password="alice-password")
    with pytest.raises(AssertionError) as failure:
        idp.requests.assert_called(
            "POST /oauth/token",
            form={"password": "another", "username": "bob"},
            headers={"Authorization": "Basic d2ViOnNlY3JldA=="},
        )
    text = str(failure.value)
    assert "form.password is <redacted 14 chars>, not <redacted 7 chars>" in text
    assert "form.username is 'alice@example.com', not 'bob'" in text
    assert "headers {Authorization: 'Basic <redacted 16 chars>'}" in text


def test_a_rule_is_called_without_its_secrets() -> None:
    """`verify` names the rule that was not used."""
    idp = MockIdp()
    idp.fail("POST /oauth/token", where={"code": "the-code", "form": {"password": "the-pw"}}, times=1)
    with pytest.raises(AssertionError) as failure:
        idp.verify()
    assert "POST /oauth/token with code '<redacted 8 chars>' and form {'password': '<red" in str(
        failure.value
    )


VALUES = [
    ("code", "a1b2", "<redacted 4 chars>"),
    ("code", "invalid_signup", "invalid_signup"),
    ("code", "c" * 43, "<redacted 43 chars>"),
    ("client_secret", "invalid_signup", "<redacted 14 chars>"),
    ("newPassword", "x", "<redacted 1 chars>"),
    ("SAMLResponse", "PHNhbWw+", "<redacted 8 chars>"),
    ("password", "", ""),
    ("id_token", JWT, SHOWN),
    ("access_token", JWE, f"<redacted {len(JWE)} chars>"),
    ("anything", f"see {JWT}, or {JWE}.", f"see {SHOWN}, or <redacted {len(JWE)} chars>."),
    ("grant_type", "password", "password"),
    ("token_type", "Bearer", "Bearer"),
    ("redirect_uri", "http://x/cb?code=a1b2&state=s", "http://x/cb?code=<redacted 4 chars>&state=s"),
    ("Authorization", f"Bearer {JWT}", f"Bearer {SHOWN}"),
    ("authorization", "Basic d2ViOnM=", "Basic <redacted 8 chars>"),
    ("Authorization", "d2ViOnM=", "<redacted 8 chars>"),
    ("Cookie", "did=s%3Aab; auth0=s%3Acd", "did=<redacted 4 chars>; auth0=<redacted 4 chars>"),
    ("Set-Cookie", "auth0=s%3Acd; Path=/", "auth0=<redacted 4 chars>; Path=/"),
    ("Set-Cookie", "auth0=; Max-Age=0", "auth0=; Max-Age=0"),
    (
        "Location",
        "/u/x?ticket=t1&a=b#id_token=" + JWT,
        f"/u/x?ticket=<redacted 2 chars>&a=b#id_token={SHOWN}",
    ),
]


@pytest.mark.parametrize(("name", "value", "shown"), VALUES)
def test_values(name: str, value: str, shown: str) -> None:
    """By the name, or by the look; a second time changes nothing."""
    assert redact_value(name, value) == shown
    assert redact_value(name, shown) == shown


def test_nested_values() -> None:
    """Mappings and lists are looked through; what is no text keeps its type."""
    given = {"a": [{"otp": 123456, "ok": True}], "client_secret": ["x", None], "refresh_token": {"leeway": 0}}
    assert redact("", given) == {
        "a": [{"otp": "<redacted 6 chars>", "ok": True}],
        "client_secret": ["<redacted 1 chars>", None],
        "refresh_token": {"leeway": 0},
    }


URLS = [
    ("https://a.example/?code=a%20b&x=%7C", "https://a.example/?code=<redacted 3 chars>&x=%7C"),
    ("/p?password=a;b,c'd\"", "/p?password=<redacted 8 chars>"),
    ("http://a/#access_token=x&state=y", "http://a/#access_token=<redacted 1 chars>&state=y"),
    ("http://a/p;v=1?%63ode=x1", "http://a/p;v=1?%63ode=<redacted 2 chars>"),
    (
        "/login?returnTo=http%3A%2F%2Fb%2F%3Fcode%3Dx1%26s%3D1",
        "/login?returnTo=http%3A%2F%2Fb%2F%3Fcode%3D%3Credacted%202%20chars%3E%26s%3D1",
    ),
    ("http://a/%7Cb?x=1&x=%zz&=&c", "http://a/%7Cb?x=1&x=%zz&=&c"),
    (f"/x/{JWT}", f"/x/{SHOWN}"),
]


@pytest.mark.parametrize(("url", "shown"), URLS)
def test_urls(url: str, shown: str) -> None:
    """What is not secret stays byte for byte."""
    assert redact_url(url) == shown


TEXTS = [
    ("ValueError: {'password': 'it\\'s', 'x': 1}", "ValueError: {'password': '<redacted 5 chars>', 'x': 1}"),
    ("don't say 'the password='x' here", "don't say 'the password='<redacted 1 chars>' here"),
    ("""a "password='x', b" """, """a "password='<redacted 1 chars>', b" """),
    ("f(token='abc', otp=123456)", "f(token='<redacted 3 chars>', otp=<redacted 7 chars>"),
    ("Authorization: Bearer aZ09aaaaaaaa", "Authorization: Bearer <redacted 12 chars>"),
    ("Basic authentication is meant", "Basic authentication is meant"),
    ('Bearer error="invalid_token"', 'Bearer error="invalid_token"'),
    ('{"data":"{\\"otp\\":\\"123\\"}"}', '{"data":"{\\"otp\\":\\"<redacted 3 chars>\\"}"}'),
    ('{"id": "1", "password": "cut o', '{"id": "1", "password": "<redacted 5 chars>'),
    ('<input name="code" value="a1">', '<input name="code" value="&lt;redacted 2 chars&gt;">'),
    ('<input value="a1" type="hidden" name="state">', '<input value="a1" type="hidden" name="state">'),
    ('post({"code":"a1","state":"s"})', 'post({"code":"<redacted 2 chars>","state":"s"})'),
    ("code 'a1', otp 123456, status 403", "code '<redacted 2 chars>', otp <redacted 6 chars>, status 403"),
]


@pytest.mark.parametrize(("text", "shown"), TEXTS)
def test_texts(text: str, shown: str) -> None:
    """Pages, messages and tracebacks have names and tokens to look for."""
    assert redact_text(text) == shown


BODIES = [
    ("application/x-www-form-urlencoded", "a=1&password=p%20q", "a=1&password=<redacted 3 chars>"),
    ("application/json; charset=utf-8", '{ "a":1 }', '{ "a":1 }'),
    ("application/json", '{"code":"a1", "b":[]}', '{"code":"<redacted 2 chars>","b":[]}'),
    ("application/problem+json", '{"otp":"a1"}', '{"otp":"<redacted 2 chars>"}'),
    ("application/json", '{"otp":"a1', '{"otp":"<redacted 2 chars>'),
    ("text/html", "<p>code=a1</p>", "<p>code=<redacted 2 chars></p>"),
    ("multipart/form-data; boundary=x", "--x\r\n", "<redacted 5 chars>"),
]


@pytest.mark.parametrize(("kind", "body", "shown"), BODIES)
def test_bodies(kind: str, body: str, shown: str) -> None:
    """By their type; what is cut off or broken is still redacted."""
    assert redact_body(kind, body) == shown


FORGED = [
    ({}, "<JWT>"),
    ({"sub": 1, "aud": None, "exp": "soon"}, "<JWT>"),
    ({"sub": "s" * 500, "exp": 1e300}, f"<JWT of {'s' * 80} until 1e+300>"),
]


@pytest.mark.parametrize(("claims", "shown"), FORGED)
def test_a_forged_token_is_masked_too(claims: dict[str, object], shown: str) -> None:
    """Claims of any type, and without an end."""
    header, _, signature = JWT.split(".")
    body = jwt.utils.base64url_encode(json.dumps(claims).encode()).decode()
    assert mask(f"{header}.{body}.{signature}") == shown
