"""idp.outbox: messages that a real tenant would have sent, read like a list."""

from __future__ import annotations

import threading

import pytest

from mockidp.harness.outbox import Outbox
from mockidp.model.outbox import send
from mockidp.model.tenant import Tenant


@pytest.fixture
def tenant() -> Tenant:
    tenant = Tenant()
    send(tenant, "verify_email", "alice@example.com", "Verify", "…", url="http://localhost/u/1")
    send(tenant, "reset_email", "alice@example.com", "Reset", "…")
    send(tenant, "mfa_oob_code", "bob@example.com", "Code", "…", code="123456")
    return tenant


def test_it_reads_like_a_list(tenant: Tenant) -> None:
    """Length, index, slice, iteration and the last one; messages that come later are there."""
    outbox = Outbox(tenant)
    assert [message.kind for message in outbox] == ["verify_email", "reset_email", "mfa_oob_code"]
    assert outbox[0].url == "http://localhost/u/1"
    assert [message.kind for message in outbox[1:]] == ["reset_email", "mfa_oob_code"]
    assert outbox.last.code == "123456"
    assert Outbox(Tenant()) == [] != outbox == list(outbox)
    send(tenant, "welcome_email", "bob@example.com", "Welcome", "…")
    assert len(outbox) == 4


def test_find_returns_the_newest_or_none(tenant: Tenant) -> None:
    """By recipient, whatever the case, and by kind."""
    outbox = Outbox(tenant)
    assert outbox.find(to="Alice@Example.com") == outbox[1]
    assert outbox.find(kind="verify_email") == outbox[0]
    assert outbox.find(to="bob@example.com", kind="verify_email") is None


def test_wait_for_returns_at_once_what_is_there(tenant: Tenant) -> None:
    """No waiting when nothing has to be waited for."""
    assert Outbox(tenant).wait_for(to="bob@example.com", timeout=0).code == "123456"


def test_wait_for_sees_what_another_thread_sends(tenant: Tenant) -> None:
    """An application under test may cause the mail a little later."""
    outbox = Outbox(tenant)
    late = threading.Timer(0.02, send, (tenant, "welcome_email", "carol@example.com", "Welcome", "…"))
    late.start()
    assert outbox.wait_for(to="carol@example.com").kind == "welcome_email"
    late.join()


def test_a_failed_wait_names_what_is_there(tenant: Tenant) -> None:
    """The failure is readable without a debugger."""
    with pytest.raises(AssertionError) as failure:
        Outbox(tenant).wait_for(to="carol@example.com", kind="verify_email", timeout=0)
    assert str(failure.value) == (
        "no verify_email to carol@example.com within 0 s; in the outbox: verify_email to alice@example.com, "
        "reset_email to alice@example.com, mfa_oob_code to bob@example.com"
    )


def test_an_empty_outbox_says_so(tenant: Tenant) -> None:
    """After clear() nothing is left."""
    outbox = Outbox(tenant)
    outbox.clear()
    assert list(outbox) == []
    with pytest.raises(AssertionError, match="the outbox is empty"):
        _ = outbox.last
    with pytest.raises(AssertionError, match="no message within 0 s; in the outbox: empty"):
        outbox.wait_for(timeout=0)
