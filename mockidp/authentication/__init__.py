from __future__ import annotations

from mockidp.http.routing import Route

ROUTES: tuple[Route, ...] = ()
