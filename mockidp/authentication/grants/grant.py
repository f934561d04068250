"""What a grant is: its name, and what redeeming one gives."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mockidp.http.params import Params
from mockidp.http.routing import Call
from mockidp.model.client import Client
from mockidp.model.credentials import Authorization, RefreshToken


class Redeemed(msgspec.Struct, frozen=True):
    """An authorization ready to be signed.

    `new_refresh_token` asks for one beside it; `predecessor` is the token that it replaces.
    """

    authorization: Authorization
    new_refresh_token: bool = False
    predecessor: RefreshToken | None = None


class Grant(msgspec.Struct, frozen=True):
    """A grant type; `allowed_by` names another of the client's `grant_types` that allows it too."""

    grant_type: str
    redeem: Callable[[Call, Client, Params], Redeemed]
    allowed_by: str | None = None

    def is_allowed(self, client: Client) -> bool:
        """Whether the client may use it."""
        return bool({self.grant_type, self.allowed_by} & set(client.grant_types))
