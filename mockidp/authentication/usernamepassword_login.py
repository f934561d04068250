"""`POST /usernamepassword/login`: a password login of the classic login page, Lock 9 and 10 (reference §6.7).

The answer is a form; the page posts it to `/login/callback`, and there the authorization request goes on. What
the form carries, the browser may change: `wresult` is signed, and `wctx` is checked anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup
from werkzeug.wrappers import Response

from mockidp import json
from mockidp.errors import Refusal
from mockidp.http.params import json_object
from mockidp.http.routing import Call, Route
from mockidp.http.scripts import callback_of, jsonp
from mockidp.json import Json, JsonObject
from mockidp.model.client import CLIENTS, Client
from mockidp.model.connection import Connection, find_connection
from mockidp.model.login_ticket import LIFETIME, LoginTicket, issue_login_ticket
from mockidp.model.user import User, check_password
from mockidp.tokens.issuer import sign_claims

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict
