"""mockidp: an in-memory mock identity provider for tests; it emulates an Auth0 tenant."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mockidp.errors import UsageError as UsageError
    from mockidp.harness.browser import Browser as Browser
    from mockidp.harness.exchange import Exchange as Exchange
    from mockidp.harness.objects import UserView as UserView
    from mockidp.model.outbox import Message as Message
    from mockidp.remote.idp import RemoteIdp as RemoteIdp
    from mockidp.server import MockIdp as MockIdp

__version__ = "0.1.0"
_MODULES = {
    "Browser": "harness.browser",
    "Exchange": "harness.exchange",
    "Message": "model.outbox",
    "MockIdp": "server",
    "RemoteIdp": "remote.idp",
    "UsageError": "errors",
    "UserView": "harness.objects",
}
__all__ = [*_MODULES, "__version__"]


def __getattr__(name: str) -> Any:
    # Lazily, so that the command line and the pytest plugin start without the whole house.
    if name not in _MODULES:
        raise AttributeError(f"module 'mockidp' has no attribute '{name}'")
    from importlib import import_module

    if name != "UsageError":
        _open_werkzeug()
    return getattr(import_module(f"mockidp.{_MODULES[name]}"), name)


def _open_werkzeug() -> None:
    """Let werkzeug's modules be imported without its `__init__`, which waits until a name of it is used.

    It only gathers names, but from the development server and the test client as well: a tenth of a start
    (docs/decisions/0030).
    """
    from importlib import import_module
    from importlib.util import find_spec, module_from_spec

    spec = None if "werkzeug" in sys.modules else find_spec("werkzeug")
    if spec is None or spec.loader is None:
        return
    package, loader = module_from_spec(spec), spec.loader

    def load(name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        try:
            return import_module(f"werkzeug.{name}")
        except ModuleNotFoundError:
            package.__dict__.pop("__getattr__", None)
            loader.exec_module(package)
            return getattr(package, name)

    package.__dict__["__getattr__"] = load
    sys.modules["werkzeug"] = package
