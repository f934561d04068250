"""What the real Authentication API has besides: 501, never made up."""

from __future__ import annotations

import re

import pytest
from authentication_world import World

from mockidp.authentication.not_emulated import OPERATIONS


@pytest.mark.parametrize("operation", [name for names in OPERATIONS.values() for name in names])
def test_it_says_that_it_is_not_emulated(world: World, operation: str) -> None:
    """And names the operation as the documentation does."""
    method, template = operation.split(" ")
    response = world.open(method, re.sub(r"\{\w+\}", "x", template))
    assert (response.status_code, response.json["errorCode"]) == (501, "not_emulated")
    assert response.json["message"].startswith(f"{operation} is a real operation")
