"""What the list endpoints of the Management API have in common: paging, `fields`, and `sort` of users.

Source: management-api.md §2.6, §4.4, §4.8; texts are those of real answers unless marked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from mockidp.errors import ApiError
from mockidp.json import Json, JsonObject
from mockidp.management.operations import Schema
from mockidp.management.schema import Problem, check_parameters, validation_error
from mockidp.management.search import CASE_INSENSITIVE, leaf_values

Document = TypeVar("Document", bound=Mapping[str, Json])

# The order is that of the 400 for an unknown field (a real answer).
USER_FIELDS = tuple(
    "phone_number,email,email_verified,picture,username,user_id,name,nickname,created_at,identities,app_metadata,"
    "user_metadata,last_ip,last_login,logins_count,updated_at,blocked,family_name,given_name".split(",")
)

FIELDS_DESCRIPTION = (
    "Comma-separated list of fields to include or exclude (based on value provided for include_fields) in the "
    "result. Leave empty to retrieve all fields"
)
SORT_DESCRIPTION = "Field to sort by. Use field:order where order is 1 for ascending and -1 for descending. e.g. created_at:1"
