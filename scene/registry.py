"""Functions found by name: each lives in a module of one package, and a configuration names those it wants."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from scene.errors import UserError

F = TypeVar("F", bound=Callable[..., Any])


class Registry:
    """The functions of one kind, registered by ``@registry("name")`` in any module of ``package``.

    A function's options are its keyword-only parameters with their defaults.
    """

    def __init__(self, kind: str, package: str) -> None:
        self._kind, self._package = kind, package
        self._known: dict[str, Callable[..., Any]] = {}

    def __call__(self, name: str) -> Callable[[F], F]:
        """Register a function.  Two of one name in different modules are a programming error."""

        def register(function: F) -> F:
            known = self._known.get(name)
            if known is not None and known.__module__ != function.__module__:
                raise ValueError(f"{self._kind} {name!r} is in {known.__module__} and in {function.__module__}")
            self._known[name] = function
            return function

        return register

    def forget(self, name: str) -> None:
        """Take a function out again, as a test that adds one must."""
        self._known.pop(name, None)

    def all(self) -> dict[str, Callable[..., Any]]:
        """Every function by name, all modules of the package imported."""
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self._package}.{module.name}")
        return dict(self._known)

    def find(self, wanted: Mapping[str, Mapping[str, Any]]) -> dict[str, Callable[..., Any]]:
        """The functions called for, in that order, with their options bound.

        Raises UserError for a name or an option that is not known, with the nearest that is, and for an option's value
        of another kind than its default.
        """
        known = self.all()
        found: dict[str, Callable[..., Any]] = {}
        for name, options in wanted.items():
            if name not in known:
                raise UserError(f"there is no {self._kind} called {name!r}; {_nearest(name, known)}")
            parameters = inspect.signature(known[name]).parameters.values()
            defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
            given = {}
            for option, value in options.items():
                if option not in defaults:
                    raise UserError(f"{self._kind} {name} has no option {option!r}; {_nearest(option, defaults)}")
                given[option] = _as_kind_of(defaults[option], value, f"{self._kind} {name}: option {option}")
            found[name] = partial(known[name], **given) if given else known[name]
        return found


def _as_kind_of(default: Any, value: Any, name: str) -> Any:
    """``value`` in the type of ``default``, where that loses nothing: a count may be written 2.0, but not 2.7."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, bool):
        fits, wanted = isinstance(value, bool), "true or false"
    elif isinstance(default, int):
        fits, wanted = number and float(value).is_integer(), "a whole number"
    elif isinstance(default, float):
        fits, wanted = number, "a number"
    else:
        fits, wanted = isinstance(value, str), "a word"
    if not fits:
        raise UserError(f"{name} must be {wanted}, not {value!r}; without it, it is {default!r}")
    return type(default)(value)


def _nearest(name: str, known: Iterable[str]) -> str:
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known) or 'none'}"
