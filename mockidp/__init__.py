"""mockidp: an in-memory mock identity provider for tests; it emulates an Auth0 tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mockidp.errors import UsageError as UsageError
    from mockidp.server import MockIdp as MockIdp

__version__ = "0.1.0"
__all__ = ["MockIdp", "UsageError", "__version__"]


def __getattr__(name: str) -> Any:
    # Lazily, so that the command line and the pytest plugin start without the whole house.
    if name == "MockIdp":
        from mockidp.server import MockIdp

        return MockIdp
    if name == "UsageError":
        from mockidp.errors import UsageError

        return UsageError
    raise AttributeError(f"module 'mockidp' has no attribute '{name}'")
