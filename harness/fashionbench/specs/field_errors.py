"""Says in plain words what is wrong with the fields of a file: where it is, what it is, and what it may be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from fashionbench.errors import did_you_mean

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

#: What a field of a kind takes, by the beginning of pydantic's name of the error.
_KINDS = {
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "dict": "a mapping of fields",
    "mapping": "a mapping of fields",
    "model": "a mapping of fields",
    "path": "a path",
    "none_required": "nothing",
}
_LIMITS = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most", "multiple_of": "a multiple of"}
_SHOWN = 60  # characters of a value


def faults_in_words(error: ValidationError, model: type[BaseModel], fields: Mapping[str, Any]) -> dict[str, str]:
    """Say what is wrong with each field, by its dotted name; kinds that one field may have stand together."""
    said: dict[str, list[str]] = {}
    allowed: dict[str, tuple[Any, list[str]]] = {}
    for one in error.errors():
        path, held = _place(one, fields)
        where = ".".join(map(str, path)) or "top level"
        texts = said.setdefault(where, [])
        kind = _kind(one)
        if kind:
            allowed.setdefault(where, (held, []))[1].append(kind)
        elif (text := _fault(one, path, held, model)) not in texts:
            texts.append(text)
    faults: dict[str, str] = {}
    for where, texts in said.items():
        found = texts
        if where in allowed and not texts:
            held, kinds = allowed[where]
            words = [word for kind in kinds for word in kind.split(", ")]
            near = did_you_mean(held, words) if isinstance(held, str) else ""
            found = [f"is {_value(held)}, and must be {_either(dict.fromkeys(words))}{near}"]
        faults[where] = ", and ".join(found)
    return faults


def _place(one: ErrorDetails, fields: Mapping[str, Any]) -> tuple[list[str | int], Any]:
    """Return the keys that lead to a fault in the file, and what stands there.

    Pydantic puts the alternatives of a union between the keys; these are no keys of the file.
    """
    path: list[str | int] = []
    at: Any = fields
    for number, part in enumerate(one["loc"]):
        last = number == len(one["loc"]) - 1
        if isinstance(at, Mapping) and (part in at or (last and one["type"] == "missing")):
            path.append(part)
            at = at.get(part)
        elif isinstance(at, Sequence) and not isinstance(at, str) and isinstance(part, int) and part < len(at):
            path.append(part)
            at = at[part]
    return path, at


def _kind(one: ErrorDetails) -> str:
    """Return what a field takes, where a value is something else; several words with commas between."""
    name, context = one["type"], one.get("ctx", {})
    if name in {"literal_error", "enum"}:
        return str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
    if name == "finite_number":
        return "a finite number"
    limit = next((key for key in _LIMITS if key in context), None)
    if limit is not None:
        return f"{_LIMITS[limit]} {context[limit]}"
    if not name.endswith(("_type", "_parsing", "_from_float", "_required", "_attributes_type")):
        return ""
    return next((said for start, said in _KINDS.items() if name.startswith(start)), "")


def _either(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _fault(one: ErrorDetails, path: Sequence[str | int], held: Any, model: type[BaseModel]) -> str:
    name, context = one["type"], one.get("ctx", {})
    if name == "missing":
        return "is missing"
    if name == "extra_forbidden":
        known = list(dict.fromkeys(field for one in _models_at(model, path[:-1]) for field in one.model_fields))
        return f"is no field here{did_you_mean(str(path[-1]), known)}; fields: {', '.join(known)}"
    if name == "too_short":
        return f"has {context.get('actual_length')} entries, and needs at least {context.get('min_length')}"
    if name == "value_error":
        return f"is wrong: {context.get('error', one['msg'])}" if path else str(context.get("error", one["msg"]))
    return f"is {_value(held)}: {one['msg'][:1].lower()}{one['msg'][1:]}"


def _value(held: Any) -> str:
    if held is None:
        return "empty"
    text = repr(held)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _models_at(model: type[BaseModel], path: Sequence[str | int]) -> list[type[BaseModel]]:
    """Return the kinds of mapping that may stand at a place; entries of lists and mappings count as theirs."""
    at: list[type[BaseModel]] = [model]
    for part in path:
        fields = [one.model_fields[part] for one in at if isinstance(part, str) and part in one.model_fields]
        if fields:
            at = [found for field in fields for found in _models_in(field.annotation)]
    return at


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]
