"""Invariants of linking, over the wire: identities are conserved, and what is refused changes nothing."""

from __future__ import annotations

from collections import Counter
from urllib.parse import quote

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from werkzeug.test import Client as Browser

from mockidp.app import Application
from mockidp.model.connection import Connection, put_connection
from mockidp.model.credentials import Authorization
from mockidp.model.tenant import Tenant
from mockidp.model.user import USERS, User, check_password, create_user
from mockidp.tokens.issuer import issue_access_token

ISSUER = "http://localhost/"
CONNECTIONS = {
    "first": "auth0",
    "second": "auth0",
    "google-oauth2": "google-oauth2",
    "acme": "samlp",
    "email": "email",
}
PEOPLE = ("ada", "bob|x", "c/d")
IDENTITIES = [
    f"{strategy}|{name}|{person}" if strategy == "samlp" else f"{strategy}|{name}-{person}"
    for name, strategy in CONNECTIONS.items()
    for person in PEOPLE
]
# Whoever is asked for may be an account, an identity linked to another one, or nobody.
someone = st.sampled_from([*IDENTITIES, "auth0|nobody", "github|1"])


class Linking(RuleBasedStateMachine):
    """Any sequence of links and unlinks among accounts of all sorts of connections."""

    @initialize()
    def begin(self) -> None:
        """Make fifteen accounts: three people, each in five connections."""
        self.tenant = Tenant()
        self.browser = Browser(Application(self.tenant))
        for name, strategy in CONNECTIONS.items():
            connection = Connection.of({"id": f"con_{name}", "name": name, "strategy": strategy})
            put_connection(self.tenant, connection)
            for number, person in enumerate(PEOPLE):
                bare = person if strategy == "samlp" else f"{name}-{person}"
                profile = {"email": f"{number}@example.com", "name": person}
                password = f"{name}{number}" if strategy == "auth0" else None
                create_user(self.tenant, connection, profile, bare_id=bare, password=password)
        authorization = Authorization(
            id="a", client_id="m2m", scope=("update:users",), audience=f"{ISSUER}api/v2/"
        )
        token = issue_access_token(self.tenant, ISSUER, authorization)[0]
        self.headers = {"Authorization": f"Bearer {token}"}
        self.identities = self.counted()
        self.profiles = self.profiles_now()
        assert sorted(self.identities) == sorted(IDENTITIES)

    def accounts(self) -> dict[str, User]:
        """Return all accounts by id."""
        return {user.user_id: user for user in self.tenant.store.all(USERS)}

    def counted(self) -> Counter[str]:
        """Return how often each identity exists."""
        return Counter(identity.key for user in self.accounts().values() for identity in user.identities)

    def profiles_now(self) -> dict[str, object]:
        """Return the attributes of each identity, wherever it is."""
        users = self.accounts().values()
        return {identity.key: user.profile_of(identity) for user in users for identity in user.identities}

    def send(self, method: str, path: str, body: object = None) -> int:
        """Send a request and return its status; a refusal must have changed nothing."""
        before = self.accounts()
        response = self.browser.open(f"/api/v2/users/{path}", method=method, headers=self.headers, json=body)
        if response.status_code >= 400:
            assert self.accounts() == before
        return response.status_code

    @rule(primary=someone, secondary=someone, prefixed=st.booleans())
    def link(self, primary: str, secondary: str, prefixed: bool) -> None:
        """Linking succeeds exactly between two different accounts that exist."""
        before = self.accounts()
        provider, _, bare = secondary.partition("|")
        body = {"provider": provider, "user_id": secondary if prefixed else bare}
        status = self.send("POST", f"{quote(primary, safe='')}/identities", body)
        possible = primary in before and secondary in before and primary != secondary
        assert (status == 201) is possible
        if possible:
            expected = [*before[primary].identities, *before[secondary].identities]
            keys = [identity.key for identity in self.accounts()[primary].identities]
            assert keys == [identity.key for identity in expected]
            assert secondary not in self.accounts()

    @rule(primary=someone, identity=someone)
    def unlink(self, primary: str, identity: str) -> None:
        """Unlinking makes an account of a linked identity, and otherwise does nothing."""
        before = self.accounts()
        provider, _, bare = identity.partition("|")
        path = f"{quote(primary, safe='')}/identities/{provider}/{quote(bare, safe='')}"
        status = self.send("DELETE", path)
        if primary not in before:
            assert status == 404
        elif identity == primary:
            assert status == 400
        elif before[primary].identity(identity) is None:
            assert (status, self.accounts()) == (200, before)
        else:
            assert status == 200
            assert [one.key for one in self.accounts()[identity].identities] == [identity]

    @invariant()
    def identities_are_conserved(self) -> None:
        """None is lost, and none is in two accounts."""
        assert self.counted() == self.identities

    @invariant()
    def accounts_are_called_as_their_first_identity(self) -> None:
        """And the attributes of an identity go where it goes."""
        assert all(id == user.main.key == user.user_id for id, user in self.accounts().items())
        assert self.profiles_now() == self.profiles

    @invariant()
    def everybody_can_still_log_in(self) -> None:
        """A password opens the account that has the identity, whichever that is now."""
        for name in ("first", "second"):
            for number, person in enumerate(PEOPLE):
                found = check_password(self.tenant, name, f"{number}@example.com", f"{name}{number}")
                assert found is not None
                assert found[1].key == f"auth0|{name}-{person}"


Linking.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestLinking = Linking.TestCase
