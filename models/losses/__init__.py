"""Loss terms, each a function of one ``models.records.Step``.

A new term is one module in this package with a function marked ``@loss_term("name")``, and one line in the
configuration.  Terms are raw: their weights and schedules are the trainer's.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeVar

from torch import Tensor

from scene.errors import UserError

LossTerm = Callable[..., Tensor]  # (step: Step, **options) -> scalar
T = TypeVar("T", bound=LossTerm)

_TERMS: dict[str, LossTerm] = {}


def loss_term(name: str) -> Callable[[T], T]:
    """Register a loss: ``(step, *, option=default, ...) -> scalar``.  Two terms of one name are a programming error."""

    def register(term: T) -> T:
        known = _TERMS.get(name)
        if known is not None and known.__module__ != term.__module__:
            raise ValueError(f"loss {name!r} is defined in {known.__module__} and in {term.__module__}")
        _TERMS[name] = term
        return term

    return register


def all_losses() -> dict[str, LossTerm]:
    """Every term by name, from all modules of this package."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(_TERMS)


def find_losses(
    names: Iterable[str], options: Mapping[str, Mapping[str, float]] | None = None
) -> dict[str, Callable[..., Tensor]]:
    """The terms called ``names``, in that order, with ``options`` ({name: {option: value}}) bound to them.

    Raises UserError for a name or an option that is not known, with the nearest that is.
    """
    terms = all_losses()
    found = {}
    for name in names:
        term = terms.get(name)
        if term is None:
            raise UserError(f"losses: there is no loss called {name!r}; {_nearest(name, terms)}")
        defaults = {p.name: p.default for p in inspect.signature(term).parameters.values() if p.kind is p.KEYWORD_ONLY}
        given = {}
        for option, value in (options or {}).get(name, {}).items():
            if option not in defaults:
                raise UserError(f"losses: {name} has no option called {option!r}; {_nearest(option, defaults)}")
            given[option] = type(defaults[option])(value)  # a configuration holds floats; a count is an integer
        found[name] = partial(term, **given) if given else term
    return found


def _nearest(name: str, known: Iterable[str]) -> str:
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known) or 'none'}"
