"""HOCON files into frozen dataclasses; what the dataclass does not know is an error."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from scene.errors import UserError

T = TypeVar("T")


def load(path: Path, schema: type[T], overrides: Sequence[str] = (), section: str = "") -> T:
    """Read a HOCON file (with its includes) into ``schema``; ``overrides`` are ``a.b=value`` strings in HOCON.

    With ``section`` only what stands in that section is read.  Absent keys keep the dataclass's defaults.  Raises
    UserError on a file that does not parse, an unknown key (with the nearest known one) or a value of the wrong type.
    """
    from pyhocon import ConfigFactory, ConfigTree
    from pyhocon.exceptions import ConfigException
    from pyparsing import ParseBaseException

    if not path.is_file():
        raise UserError(f"{path}: there is no such configuration file; see confs/ for those that exist")
    source = str(path)
    try:
        tree = ConfigFactory.parse_file(source)
        for text in overrides:
            source = f"--set {text}"
            key, separator, value = text.partition("=")
            if not separator or not key.strip():
                raise UserError(f"--set {text}: write it as key=value, for example --set mesh.voxel_m=0.005")
            # A parsed value first, so that numbers, lists and booleans come out as such; then a plain string.
            try:
                parsed = ConfigFactory.parse_string(f"value = {value}")["value"]
            except (ConfigException, ParseBaseException):
                parsed = value
            tree.put(key.strip(), parsed)
    except (ConfigException, ParseBaseException, OSError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{source}: cannot be read as HOCON ({str(error).splitlines()[0]})") from error
    if not isinstance(tree, ConfigTree):
        raise UserError(f"{source}: a configuration must be a HOCON object")
    values, source = tree.as_plain_ordered_dict(), f"{path} or --set" if overrides else str(path)
    return (
        from_dict(values.get(section, {}), schema, source, f"{section}.")
        if section
        else from_dict(values, schema, source)
    )


def from_dict(values: Any, schema: type[T], source: str = "settings", prefix: str = "") -> T:
    """Build ``schema`` from nested mappings, checking every key and type.  Raises UserError."""
    if not isinstance(values, dict):
        raise UserError(
            f"{source}: {prefix.rstrip('.') or 'the top level'} must be a section in braces, not {values!r}"
        )
    hints = typing.get_type_hints(schema)
    known = [f.name for f in dataclasses.fields(schema)]  # type: ignore[arg-type]
    arguments = {}
    for raw_key, value in values.items():
        key = str(raw_key).strip('"')
        if key not in hints or key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known here: {', '.join(known)}"
            raise UserError(f"{source}: unknown setting {prefix}{key}; {hint}")
        arguments[key] = _convert(value, hints[key], source, prefix + key)
    try:
        return schema(**arguments)
    except TypeError as error:
        raise UserError(f"{source}: {prefix.rstrip('.') or 'the configuration'} is incomplete ({error})") from error
    except ValueError as error:
        raise UserError(f"{source}: {prefix}{error}") from error


def to_dict(settings: Any) -> dict[str, Any]:
    """The settings as plain nested values, for run.json and fingerprints."""
    return dataclasses.asdict(settings)


def _convert_to_any(value: Any, hints: list[Any], source: str, key: str) -> Any:
    """``value`` as the first of ``hints`` that takes it; a section in braces only as a dataclass, where one is among
    them, so that what is wrong inside it is told."""
    if isinstance(value, dict):
        hints = [h for h in hints if dataclasses.is_dataclass(h)] or hints
    for hint in hints[:-1]:
        try:
            return _convert(value, hint, source, key)
        except UserError:
            continue
    return _convert(value, hints[-1], source, key)


def _convert(value: Any, hint: Any, source: str, key: str) -> Any:
    """``value`` as the type ``hint`` asks for."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if type(None) in arguments and (value is None or value == "none"):
            return None
        return _convert_to_any(value, [a for a in arguments if a is not type(None)], source, key)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_dict(value, hint, source, key + ".")
    if origin is typing.Literal and value in arguments:
        return value
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_convert(v, arguments[0], source, f"{key}[{i}]") for i, v in enumerate(value))
    if origin is dict and isinstance(value, dict):
        return {str(k).strip('"'): _convert(v, arguments[1], source, f"{key}.{k}") for k, v in value.items()}
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if hint in (bool, str) and isinstance(value, hint):
        return value
    if hint is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    wanted = " or ".join(map(repr, arguments)) if origin is typing.Literal else getattr(hint, "__name__", str(hint))
    raise UserError(f"{source}: {key} must be {wanted}, not {value!r}")
