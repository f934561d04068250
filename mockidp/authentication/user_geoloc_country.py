"""`GET /user/geoloc/country`: where the browser is, for the country code of Lock's phone number field."""

from __future__ import annotations

from mockidp.http.routing import Answer, Call, Route
from mockidp.http.scripts import callback_of, jsonp
from mockidp.json import Json


def country(call: Call) -> Answer:
    """Say that the browser is in the United States."""
    # unverified: the other members; auth0.js reads this one
    body: dict[str, Json] = {"country_code": "US"}
    callback = callback_of(call)
    return body if callback is None else jsonp(callback, body)


ROUTES = (Route("GET", "/user/geoloc/country", country, cors="any"),)
