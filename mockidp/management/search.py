"""The `q` of `GET /api/v2/users`: Auth0's user search v3, a subset of the Lucene query syntax.

Source: https://auth0.com/docs/manage-users/user-search/user-search-query-syntax and the v2 to v3 migration.

Written by hand: luqum 1.0 takes `&&`, `||` and `!` for words, and would leave all matching to us for two more
packages. What the real service does with a query that is not Lucene is not documented; here it is refused.

A query compiles once into nested functions over the user document; nothing is parsed per document.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from mockidp.json import Json

Predicate = Callable[[Mapping[str, Json]], bool]
Test = Callable[[Json], bool]
Fold = Callable[[str], str]
MakeTest = Callable[[Fold], Test]
Compare = Callable[[Any, Any], bool]

CASE_INSENSITIVE = frozenset({"email", "email.domain", "name", "given_name", "family_name", "nickname"})
DATES = frozenset(
    {"created_at", "updated_at", "last_login", "last_password_reset", "multifactor_last_modified"}
)
MAX_DEPTH = 50
MIN_SUFFIX = 3
LATEST = "~"  # sorts after every character of an ISO date, so that "2024-12~" is the end of December

_QUOTED = r'"(?:\\.|[^"\\])*"'
_BOUND = rf"(?:{_QUOTED}|[^\s\]}}\"]+)"
_TOKEN = re.compile(
    rf"""(?P<space>\s+)
    | (?P<open>\() | (?P<close>\)) | (?P<colon>:)
    | (?P<phrase>{_QUOTED})
    | (?P<range>[\[{{] \s* {_BOUND} \s+ TO \s+ {_BOUND} \s* [\]}}])
    | (?P<and>AND(?=[\s()]|$) | &&) | (?P<or>OR(?=[\s()]|$) | \|\|)
    | (?P<not>NOT(?=[\s()]|$) | [!-]) | (?P<must>\+)
    | (?P<word>(?:\\. | [^\s()\[\]{{}}":\\])+)""",
    re.VERBOSE | re.DOTALL,
)
_RANGE = re.compile(rf"([\[{{])\s*({_BOUND})\s+TO\s+({_BOUND})\s*([\]}}])", re.DOTALL)
_PIECE = re.compile(r"\\.|[*?]|[^\\*?]+", re.DOTALL)
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?(Z|[+-]\d\d:\d\d)?)?)?)?")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_WILD = {"*": ".*", "?": "."}
_FUZZY_OR_BOOST = re.compile(r".*(?<!\\)(~\d*\.?\d*|\^\d+\.?\d*)", re.DOTALL)


class QueryError(ValueError):
    """`q` is not a query that user search understands."""


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def compile_query(q: str) -> Predicate:
    """Return the predicate over user documents that `q` stands for; raise `QueryError` when it is none.

    The document is the user as the Management API shows it. To make `organization_id:` work, the caller adds
    that member (a string or a list). An empty query matches every user (unverified).
    """
    if not q.strip():
        return _everything
    parser = _Parser(_tokens(q))
    predicate = parser.sequence(None)
    parser.expect("end")
    return predicate


def leaf_values(value: Json | Mapping[str, Json], path: tuple[str, ...]) -> Iterator[Json]:
    """Yield the scalars at `path`, seeing through lists; null and what is empty is not there."""
    return (node for node in _nodes(value, path) if not isinstance(node, Mapping) and node is not None)


# -- reading -------------------------------------------------------------------------------------------


def _tokens(q: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(q):
        match = _TOKEN.match(q, at)
        if match is None:
            raise QueryError(f"unexpected {q[at]!r} at position {at} of the search query")
        if match.lastgroup != "space":
            tokens.append(_Token(match.lastgroup or "", match.group(), at))
        at = match.end()
    return [*tokens, _Token("end", "", len(q))]


class _Parser:
    """Recursive descent. AND binds tighter than OR, and OR tighter than plain juxtaposition.

    unverified: Lucene's classic parser has no precedence (`a OR b AND c` is "b and c, a is optional").
    """

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    def take(self) -> _Token:
        token = self.tokens[self.at]
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def skip(self, kind: str) -> bool:
        found = self.tokens[self.at].kind == kind
        self.at += found
        return found

    def expect(self, kind: str) -> None:
        if not self.skip(kind):
            raise self.unexpected()

    def unexpected(self) -> QueryError:
        token = self.tokens[self.at]
        what = repr(token.text) if token.text else "end"
        return QueryError(f"unexpected {what} at position {token.at} of the search query")

    def sequence(self, field: str | None) -> Predicate:
        """Clauses side by side. unverified: the default operator is OR, as in Lucene and Elasticsearch."""
        clauses: dict[str, list[Predicate]] = {"": [], "+": [], "-": []}
        while self.tokens[self.at].kind not in ("close", "end"):
            sign, predicate = self.disjunction(field)
            clauses[sign].append(predicate)
        if not any(clauses.values()):
            raise self.unexpected()
        return _combined(clauses["+"], clauses["-"], clauses[""])

    def disjunction(self, field: str | None) -> tuple[str, Predicate]:
        sign, predicate = self.conjunction(field)
        if self.tokens[self.at].kind != "or":
            return sign, predicate
        parts = [_applied(sign, predicate)]
        while self.skip("or"):
            parts.append(_applied(*self.conjunction(field)))
        return "", _combined([], [], parts)

    def conjunction(self, field: str | None) -> tuple[str, Predicate]:
        sign, predicate = self.clause(field)
        if self.tokens[self.at].kind != "and":
            return sign, predicate
        parts = [_applied(sign, predicate)]
        while self.skip("and"):
            parts.append(_applied(*self.clause(field)))
        return "", _combined(parts, [], [])

    def clause(self, field: str | None) -> tuple[str, Predicate]:
        sign = "-" if self.skip("not") else "+" if self.skip("must") else ""
        name = self.tokens[self.at]
        if name.kind == "word" and self.tokens[self.at + 1].kind == "colon":
            self.at += 2
            return sign, self.value(_unescaped(name.text))
        return sign, self.value(field)

    def value(self, field: str | None) -> Predicate:
        kind = self.tokens[self.at].kind
        if kind == "open":
            return self.group(field)
        if kind not in ("word", "phrase", "range"):
            raise self.unexpected()
        return _predicate(field, self.take())

    def group(self, field: str | None) -> Predicate:
        self.expect("open")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise QueryError("the search query is nested too deeply")
        predicate = self.sequence(field)
        self.expect("close")
        self.depth -= 1
        return predicate


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _unquoted(text: str) -> str:
    return _unescaped(text[1:-1]) if text.startswith('"') else _unescaped(text)


# -- combining -----------------------------------------------------------------------------------------


def _everything(_document: Mapping[str, Json]) -> bool:
    return True


def _nothing(_document: Mapping[str, Json]) -> bool:
    return False


def _applied(sign: str, predicate: Predicate) -> Predicate:
    return (lambda document: not predicate(document)) if sign == "-" else predicate


def _combined(required: list[Predicate], prohibited: list[Predicate], optional: list[Predicate]) -> Predicate:
    """All of `required`, none of `prohibited`, and one of `optional` unless something is required."""
    if len(optional) == 1 and not required and not prohibited:
        return optional[0]

    def match(document: Mapping[str, Json]) -> bool:
        if any(predicate(document) for predicate in prohibited):
            return False
        if required or not optional:
            return all(predicate(document) for predicate in required)
        return any(predicate(document) for predicate in optional)

    return match


# -- one field and one value ---------------------------------------------------------------------------


def _predicate(field: str | None, token: _Token) -> Predicate:
    if field == "_exists_":
        return _exists(_unquoted(token.text))
    if token.kind == "range":
        return _range(field, token)
    if token.kind == "phrase":
        return _equal(field, _unquoted(token.text))
    return _word(field, token)


def _word(field: str | None, token: _Token) -> Predicate:
    if _FUZZY_OR_BOOST.fullmatch(token.text):
        # unverified: user search documents neither `term~` nor `term^2`.
        raise QueryError(f"fuzzy and boosted terms are not supported: {token.text}")
    if token.text == "*":
        return _everything if field in (None, "*") else _exists(field or "")
    pieces = _PIECE.findall(token.text)
    literals = [_unescaped(piece) for piece in pieces if piece not in _WILD]
    if len(literals) == len(pieces):
        return _equal(field, "".join(literals))
    if _in_user_metadata(field):
        return _nothing  # unverified: the documentation says "not available", not how it fails
    if pieces[0] in _WILD and len("".join(literals)) < MIN_SUFFIX:
        raise QueryError(f"a leading wildcard needs at least {MIN_SUFFIX} other characters: {token.text}")
    return _on_field(field, lambda fold: _like(pieces, fold))


def _equal(field: str | None, text: str) -> Predicate:
    # unverified: `blocked:false` does not find users without that member, as nothing is indexed for them.
    if field in DATES:  # a date without a time is the whole day, as in a range
        return _on_field(field, _between(field, text, text, "[]"))
    return _on_field(field, lambda fold: _equals(text, fold))


def _range(field: str | None, token: _Token) -> Predicate:
    match = _RANGE.fullmatch(token.text)
    assert match is not None, token
    start, low, high, end = match.groups()
    if _in_user_metadata(field):
        return _nothing  # unverified: as for wildcards
    return _on_field(field, _between(field, _unquoted(low), _unquoted(high), start + end))


def _exists(field: str) -> Predicate:
    path = tuple(field.split("."))
    return lambda document: any(_is_indexed(node) for node in _nodes(document, path))


def _is_indexed(value: Json | Mapping[str, Json]) -> bool:
    if isinstance(value, Mapping):
        return any(_is_indexed(member) for member in value.values())
    if isinstance(value, list):
        return any(_is_indexed(member) for member in value)
    return value is not None


def _in_user_metadata(field: str | None) -> bool:
    return field is not None and field.partition(".")[0] == "user_metadata"


def _on_field(field: str | None, make: MakeTest) -> Predicate:
    if field is None:
        return _on_profile(make(str.casefold), make(str))
    test = make(str.casefold if field in CASE_INSENSITIVE else str)
    if field == "email.domain":
        return lambda document: any(
            test(str(e).rpartition("@")[2]) for e in leaf_values(document, ("email",))
        )
    path = tuple(field.split("."))
    return lambda document: any(test(value) for value in leaf_values(document, path))


def _on_profile(insensitive: Test, sensitive: Test) -> Predicate:
    """A term without a field: any text at the root. unverified: which fields the real service looks at."""

    def match(document: Mapping[str, Json]) -> bool:
        return any(
            (insensitive if name in CASE_INSENSITIVE else sensitive)(value)
            for name, value in document.items()
            if isinstance(value, str)
        )

    return match


def _nodes(value: Json | Mapping[str, Json], path: tuple[str, ...]) -> Iterator[Json | Mapping[str, Json]]:
    """Yield what is at `path`; a key may itself contain dots (`user_metadata.https://example.com/plan`)."""
    if isinstance(value, list):
        for member in value:
            yield from _nodes(member, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping):
        for length in range(1, len(path) + 1):
            key = ".".join(path[:length])
            if key in value:
                yield from _nodes(value[key], path[length:])


# -- tests of one value --------------------------------------------------------------------------------


def _equals(text: str, fold: Fold) -> Test:
    wanted, number = fold(text), _number(text)
    boolean = {"true": True, "false": False}.get(text)

    def test(value: Json) -> bool:
        if isinstance(value, str):
            return fold(value) == wanted
        if isinstance(value, bool):
            return value is boolean
        return number is not None and value == number

    return test


def _like(pieces: list[str], fold: Fold) -> Test:
    parts = (_WILD.get(piece) or re.escape(fold(_unescaped(piece))) for piece in pieces)
    pattern = re.compile("".join(parts), re.DOTALL)
    return lambda value: isinstance(value, str) and pattern.fullmatch(fold(value)) is not None


def _between(field: str | None, low: str, high: str, brackets: str) -> MakeTest:
    """Test for a range; `brackets` are its two ends, where `[` and `]` include and `{` and `}` exclude."""
    if field in DATES:
        for bound in (low, high):
            if bound != "*" and _date(bound) is None:
                # unverified: Elasticsearch refuses a date that it cannot read.
                raise QueryError(f"{bound!r} is not a date, as {field} needs it")

    def make(fold: Fold) -> Test:
        above = _bound(low, operator.ge if brackets[0] == "[" else operator.gt, fold)
        below = _bound(high, operator.le if brackets[1] == "]" else operator.lt, fold)
        return lambda value: above(value) and below(value)

    return make


def _bound(text: str, compare: Compare, fold: Fold) -> Test:
    """Compare text with text, numbers with numbers, and take a day (month, year) as the whole of it."""
    if text == "*":
        return lambda value: True
    date, number = _date(text), _number(text)
    latest = LATEST if compare in (operator.gt, operator.le) else ""
    edge = fold(text) if date is None else date + latest

    def test(value: Json) -> bool:
        if isinstance(value, str):
            return compare(fold(value), edge)
        return number is not None and not isinstance(value, bool) and compare(value, number)

    return test


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def _date(text: str) -> str | None:
    """Return a date as the start of the texts that it stands for (UTC), or None when it is no date."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    if match[7] in (None, "Z"):
        return text.removesuffix("Z")[:23]
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None
    return moment.isoformat(timespec="milliseconds")[:23]
