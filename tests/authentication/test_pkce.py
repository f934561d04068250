"""PKCE (RFC 7636): a code is only for who began the request."""

from __future__ import annotations

import base64
import hashlib

import pytest
from authentication_world import World, answer, error

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B
S256 = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
PLAIN = {"code_challenge": VERIFIER, "code_challenge_method": "plain"}
FAILED = ("invalid_grant", "Failed to verify code verifier")
REQUIRED = ("invalid_request", "Parameter 'code_verifier' is required")


def test_the_example_is_the_rfcs() -> None:
    """The table below stands on it."""
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == CHALLENGE


@pytest.mark.parametrize(
    ("challenge", "verifier", "status", "expected"),
    [
        (S256, VERIFIER, 200, None),
        (PLAIN, VERIFIER, 200, None),
        ({"code_challenge": VERIFIER}, VERIFIER, 200, None),
        ({"code_challenge": VERIFIER, "code_challenge_method": ""}, VERIFIER, 200, None),
        (S256, None, 400, REQUIRED),
        (S256, "", 400, REQUIRED),
        (PLAIN, None, 400, REQUIRED),
        (S256, CHALLENGE, 403, FAILED),
        (S256, VERIFIER[:-1], 403, FAILED),
        (S256, VERIFIER + "=", 403, FAILED),
        (S256, VERIFIER.swapcase(), 403, FAILED),
        (S256, "ü" * 43, 403, FAILED),
        (S256, "\x00", 403, FAILED),
        (PLAIN, CHALLENGE, 403, FAILED),
        (PLAIN, VERIFIER + " ", 403, FAILED),
        ({}, None, 200, None),
        ({}, "", 200, None),
        ({}, VERIFIER, 403, FAILED),
        ({"code_challenge": ""}, VERIFIER, 403, FAILED),
    ],
)
@pytest.mark.parametrize("client_id", ["spa", "web"])
def test_the_verifier_must_fit_the_challenge(
    world: World,
    client_id: str,
    challenge: dict[str, str],
    verifier: str | None,
    status: int,
    expected: tuple[str, str] | None,
) -> None:
    """S256 and plain; a verifier without a challenge is a downgrade (RFC 9700 §2.1.1)."""
    code = world.code(client_id=client_id, **challenge)
    secret = {"client_secret": None if client_id == "spa" else "web-secret"}
    response = world.redeem(code, client_id=client_id, code_verifier=verifier, **secret)
    assert response.status_code == status
    assert expected is None or error(response) == expected


def test_a_wrong_verifier_uses_the_code_up(world: World) -> None:
    """It cannot be guessed by trying."""
    code = world.code(**S256)
    world.redeem(code, code_verifier="x" * 43)
    assert error(world.redeem(code, code_verifier=VERIFIER)) == (
        "invalid_grant",
        "Invalid authorization code",
    )


def test_a_missing_verifier_does_not(world: World) -> None:
    """The client can mend that."""
    code = world.code(**S256)
    world.redeem(code)
    assert world.redeem(code, code_verifier=VERIFIER).status_code == 200


@pytest.mark.parametrize(
    "params",
    [
        {"code_challenge": CHALLENGE, "code_challenge_method": "s256"},
        {"code_challenge": CHALLENGE, "code_challenge_method": "none"},
        {"code_challenge": CHALLENGE, "code_challenge_method": "S256 plain"},
        {"code_challenge_method": "S256"},
        {"code_challenge": "", "code_challenge_method": "S256"},
        {"code_challenge": "x" * 42},
        {"code_challenge": "x" * 129},
        {"code_challenge": "x" * 43 + "\n"},
        {"code_challenge": "é" * 43},
        {"code_challenge": CHALLENGE + "="},
    ],
)
def test_a_bad_challenge_is_refused_at_once(world: World, params: dict[str, str]) -> None:
    """43 to 128 unreserved characters, and one of two methods."""
    response = world.authorize(**params)
    assert error(response)[0] == "invalid_request"
    assert answer(response)["state"] == "S"


@pytest.mark.parametrize("length", [43, 128])
def test_a_challenge_may_be_short_or_long(world: World, length: int) -> None:
    """RFC 7636 §4.1."""
    text = "a~._-Z9" * 20
    code = world.code(code_challenge=text[:length], code_challenge_method="plain")
    assert world.redeem(code, code_verifier=text[:length]).status_code == 200


def test_the_challenge_cannot_be_changed_by_the_page(world: World) -> None:
    """What /authorize was asked holds, whatever comes back to the dispatcher."""
    page = world.authorize(**S256)
    state = page.location.partition("state=")[2]
    response = world.get(
        f"/authorize/resume?state={state}&code_challenge={VERIFIER}&code_challenge_method=plain"
    )
    assert response.location == page.location
    code = answer(world.answer_login(page, "alice@example.com"))["code"]
    assert error(world.redeem(code, code_verifier=CHALLENGE)) == FAILED
