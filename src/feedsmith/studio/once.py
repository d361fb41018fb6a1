"""Once: questions to the database that are put into SQL once in a process, and then asked with other values.

Django builds the SQL of a question anew each time, which takes as long as asking it: a page of a post with eight
questions was a third of that. Only for those that every page asks, whose SQL is the same for all values.
"""

import copy
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import QuerySet

FIRST = 1_900_000_001
"""Numbers from here on stand for values while the SQL is made; every column of numbers takes them."""


LEAST, MOST = -(2**63), 2**63 - 1
"""Numbers that a column can hold. SQLite refuses to be asked for others, which Django knows and we pass by."""


class Once:
    """A function of whole numbers that returns a query; called with numbers (or their digits, as an address may have
    them) it returns the query's rows: none where a number is outside of LEAST to MOST."""

    def __init__(self, question: Callable[..., QuerySet]) -> None:
        self._question = question
        self._ready: tuple[QuerySet, Any, str, tuple[Any, ...]] | None = None
        update_wrapper(self, question)

    def __call__(self, *given: int | str) -> list[Any]:
        values = [int(value) for value in given]
        if not all(LEAST <= value <= MOST for value in values):
            return []
        if self._ready is None:
            self._ready = self._made(len(values))
        like, compiler, sql, places = self._ready
        own = copy.copy(compiler)
        own.connection = connections[DEFAULT_DB_ALIAS]  # this thread's
        own.said = sql, tuple(values[p] if isinstance(p, int) else p[0] for p in places)
        rows: Any = QuerySet(like.model, _Query(like.query, own))
        rows._iterable_class, rows._fields = like._iterable_class, like._fields
        return list(rows._iterable_class(rows))

    def _made(self, count: int) -> tuple[QuerySet, Any, str, tuple[Any, ...]]:
        """The query, its compiler and SQL, and for each place in it the number of its value, or (what stands
        there always,)."""
        marks = [FIRST + number for number in range(count)]
        like = self._question(*marks)
        compiler = like.query.get_compiler(DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        compiler.__class__ = type("Said", (_Said, type(compiler)), {})
        places = tuple(marks.index(p) if p in marks else (p,) for p in params)
        assert {p for p in places if isinstance(p, int)} == set(range(count)), self._question
        return like, compiler, sql, places


class _Said:
    said: tuple[str, tuple[Any, ...]]

    def as_sql(self, *_: object, **__: object) -> tuple[str, tuple[Any, ...]]:
        return self.said


class _Query:
    """A query that has its compiler already."""

    def __init__(self, query: Any, compiler: Any) -> None:
        self._query, self._compiler = query, compiler

    def __getattr__(self, name: str) -> Any:
        return getattr(self._query, name)

    def get_compiler(self, *_: object, **__: object) -> Any:
        return self._compiler
