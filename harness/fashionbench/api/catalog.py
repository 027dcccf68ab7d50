"""What plugins have registered: lists by kind, and every fact about one thing."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any, Literal, TypeAlias

from fashionbench.errors import UnknownNameError
from fashionbench.plugins.manager import Plugins
from fashionbench.specs import ReferenceValue, Resources

Kind: TypeAlias = Literal[
    "tasks", "datasets", "backends", "metrics", "trainers", "studies", "boards", "references", "executors"
]
KINDS: tuple[Kind, ...] = (
    "tasks",
    "datasets",
    "backends",
    "metrics",
    "trainers",
    "studies",
    "boards",
    "references",
    "executors",
)


def list_specs(kind: Kind, plugins: Plugins | None = None) -> list[dict[str, Any]]:
    """List what is registered of one kind: id, what matters of the kind, summary, and where it comes from."""
    registry = getattr(plugins or Plugins(), kind)
    return [
        {"id": spec.id, **_columns(kind, spec), "summary": spec.summary, "from": str(registry.origin(spec.id))}
        for spec in registry
    ]


def describe(name: str, plugins: Plugins | None = None) -> list[dict[str, Any]]:
    """Return every fact about the task, data set, metric, board or other thing of a name; several may share one.

    :raises UnknownNameError: where nothing has the name.
    """
    loaded = plugins or Plugins()
    registries = [getattr(loaded, kind) for kind in KINDS]
    having = [registry for registry in registries if name in registry]
    if not having:
        raise UnknownNameError("name", name, [n for registry in registries for n in registry.names()])
    return [_facts(registry.kind, registry[name], str(registry.origin(name))) for registry in having]


def _columns(kind: Kind, spec: Any) -> dict[str, Any]:
    match kind:
        case "tasks":
            return {"kind": spec.kind, "dataset": spec.dataset, "main metric": spec.main_metric}
        case "datasets":
            return {"licence": spec.licence.id, "access": spec.access}
        case "backends":
            return {"capabilities": ", ".join(sorted(spec.capabilities)), "extra": spec.extra}
        case "metrics":
            return {"unit": spec.unit, "better": "higher" if spec.higher_is_better else "lower"}
        case "trainers":
            return {"phases": ", ".join(spec.phases), "extra": spec.extra}
        case "studies":
            return {}
        case "executors":
            return {"options": ", ".join(sorted(spec.options)), "extra": spec.extra}
        case "boards":
            return {"columns": len(spec.columns)}
        case "references":
            return {"systems": len({value.system for value in spec.values}), "values": len(spec.values)}


def _facts(kind: str, spec: Any, origin: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"kind of thing": kind, "from": origin}
    for item in fields(spec):
        value = getattr(spec, item.name)
        if item.name == "protocol":
            facts["protocol hash"] = value.hash
            facts["protocol card"] = value.fields
        elif item.name == "licence" and not isinstance(value, str):
            facts["licence"] = {"id": value.id, "source": value.source, "usage": value.usage}
        elif item.name == "options":
            facts["options"] = dict(value)
        else:
            facts[item.name.replace("_", " ")] = _plain(value)
    return facts


def _plain(value: Any) -> Any:
    if isinstance(value, Resources):
        return asdict(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, ReferenceValue):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)} | {"known": dict(value.known)}
    if hasattr(value, "__dataclass_fields__"):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    return value
