"""State dictionaries: read from a folder, a file or the hub, loaded into a module strictly, and hashed."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from fashionbench.errors import BackendError, FashionBenchError, first_names, reason_of
from fashionbench.files import expanded, regular_text
from fashionbench.json_reader import loads
from fashionbench_unifashion.weights.download import fetch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

#: What a folder is searched for, in this order: the format that cannot hold code comes first.
_NAMES = (
    "model.safetensors.index.json",
    "model.safetensors",
    "diffusion_pytorch_model.safetensors.index.json",
    "diffusion_pytorch_model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
    "diffusion_pytorch_model.bin",
)
#: The configuration of an adapter of peft.
ADAPTER = "adapter_config.json"
_MODEL_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_NAMED = 10
_HEADERS_ALONE: ContextVar[bool] = ContextVar("headers_alone", default=False)
#: The types of safetensors.
_TYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip


@contextmanager
def headers_alone() -> Iterator[None]:
    """Let :func:`read` give tensors of the meta device: names, shapes and types without values."""
    before = _HEADERS_ALONE.set(True)
    try:
        yield
    finally:
        _HEADERS_ALONE.reset(before)


def read(
    source: str | Path, *, only: str = "", skip: Sequence[str] = (), revision: str | None = None
) -> dict[str, Tensor]:
    """Read weights by name.

    Safetensors come before PyTorch's own format, of which only tensors are unpickled.

    :param source: a folder, a file (``.safetensors``, ``.bin``, ``.pth`` or ``.pt``), or a model id of the hub.
    :param only: read the names that start so; the start is cut off.
    :param skip: leave out names that start with one of these.
    :param revision: of the hub: a branch, tag or commit.
    :raises BackendError: where there are no weights, or they cannot be read.
    """
    state: dict[str, Tensor] = {}
    for path in files(source, revision=revision):
        for name, value in _tensors(path, only, tuple(skip)):
            state[name.removeprefix(only)] = value
    if not state:
        kind = f" that start with {only!r}" if only else ""
        raise BackendError(f"{source} holds no weights{kind}", remedy="name the folder of another model")
    return state


def files(source: str | Path, *, revision: str | None = None) -> list[Path]:
    """Find the files that hold a model's weights; one, or the parts that an index lists.

    :raises BackendError: where there is no such file, folder or model, or the files are not there.
    """
    path = locate(source, revision=revision)
    if path.is_file():
        return [path]
    weights_file = next((path / name for name in _NAMES if (path / name).is_file()), None)
    if weights_file is None:
        named = sorted(other for pattern in ("*.pth", "*.pt") for other in path.glob(pattern))
        if len(named) != 1:
            msg = f"{path} has no weights: none of {', '.join(_NAMES)}, and {len(named)} files .pth or .pt"
            raise BackendError(msg, remedy="name the file itself")
        return named
    if weights_file.name.endswith(".index.json"):
        with reading(weights_file):
            parts = sorted(set(loads(regular_text(weights_file))["weight_map"].values()))
        absent = [part for part in parts if not (path / part).is_file()]
        if absent:
            raise BackendError(
                f"{weights_file} lists {absent}, which are not there", remedy="copy or download the whole folder"
            )
        return [path / part for part in parts]
    return [weights_file]


def locate(source: str | Path, *, revision: str | None = None, subfolder: str = "", adapter: bool = False) -> Path:
    """Find a folder or file, or the local copy of a model of the hub, downloading what is missing.

    :param revision: of the hub: a branch, tag or commit.
    :param subfolder: where the model lies below the source.
    :param adapter: whether the folder may hold an adapter of peft in place of a model.
    :raises BackendError: where there is none, or it holds an adapter. What looks like a path is never asked of the hub.
    """
    path = _located(source, revision, subfolder)
    if subfolder and not path.is_dir():
        raise BackendError(f"{source} has no folder {subfolder}", remedy="name the folder of the whole pipeline")
    if is_adapter(path):
        weights = [name for name in _NAMES if (path / name).is_file()]
        if weights:
            msg = f"{path} holds a model, {weights[0]}, and an adapter, {ADAPTER}; a library would drop one of them"
            raise BackendError(msg, remedy="put them into folders of their own")
        if not adapter:
            msg = f"{path} holds an adapter and no model"
            raise BackendError(msg, remedy="merge it into its base model, and name the folder of the result")
    return path


def is_adapter(path: Path) -> bool:
    """Tell whether a folder holds an adapter of peft."""
    return (path / ADAPTER).is_file()


def _located(source: str | Path, revision: str | None, subfolder: str) -> Path:
    path = expanded(source)
    if path.exists():
        return path / subfolder
    if not isinstance(source, str) or not _MODEL_ID.fullmatch(source):
        raise BackendError(f"there is no file or folder {source}", remedy="check the path")
    return fetch(source, revision=revision, subfolder=subfolder)


def load_strict(
    module: nn.Module,
    state: Mapping[str, Tensor],
    *,
    allowed_missing: Sequence[str],
    allowed_unexpected: Sequence[str],
    source: str = "the weights",
) -> None:
    """Give a module its weights by name; values are copied into the module's type and device.

    A module on the meta device takes the tensors themselves.

    :param allowed_missing: regular expressions of names that may be absent and keep their first values.
    :param allowed_unexpected: regular expressions of names that may be there and are left out.
    :param source: what the weights were read from, for the error.
    :raises BackendError: on any other missing or unexpected name, on a shape that differs, and on values that are not
        finite, naming up to ten.
    """
    expected = module.state_dict()
    missing = unlisted(expected.keys() - state.keys(), allowed_missing)
    unexpected = unlisted(state.keys() - expected.keys(), allowed_unexpected)
    shared = expected.keys() & state.keys()
    shapes = [
        f"{name} {list(state[name].shape)} for {list(expected[name].shape)}"
        for name in sorted(shared)
        if state[name].shape != expected[name].shape
    ]
    kinds = {"missing": missing, "unexpected": unexpected, "of another shape": shapes}
    wrong = [f"{kind}: {first_names(names, _NAMED)}" for kind, names in kinds.items() if names]
    if wrong:
        msg = f"{source} does not fit {type(module).__name__}; {'; '.join(wrong)}"
        raise BackendError(msg, remedy="the configuration must describe the model that the weights were saved from")
    require_finite({name: state[name] for name in shared}, source)
    on_meta = any(value.is_meta for value in expected.values())
    module.load_state_dict({name: state[name] for name in shared}, strict=False, assign=on_meta)
    empty = sorted(name for name, value in (*module.named_parameters(), *module.named_buffers()) if value.is_meta)
    if on_meta and empty and not _HEADERS_ALONE.get():
        msg = (
            f"{type(module).__name__} was built without memory, and {source} does not fill {first_names(empty, _NAMED)}"
        )
        raise BackendError(msg, remedy="build it on a real device, so that what is not loaded has its first values")


def require_finite(state: Mapping[str, Tensor], source: str | Path) -> None:
    """Look for weights that are not numbers, or not finite.

    :raises BackendError: naming them.
    """
    broken = sorted(
        name
        for name, value in state.items()
        if value.is_floating_point() and not value.is_meta and not bool(torch.isfinite(value).all())
    )
    if broken:
        msg = f"{source} holds weights that are not finite: {first_names(broken, _NAMED)}"
        raise BackendError(msg, remedy="copy or download it again, or take a checkpoint from before they broke")


@contextmanager
def reading(source: str | Path) -> Iterator[None]:
    """Name the source where a library cannot read it, whatever it raises.

    :raises BackendError: for any error that does not say so itself.
    """
    try:
        yield
    except FashionBenchError:
        raise
    except Exception as error:
        msg = f"{source} cannot be read, {type(error).__name__}: {reason_of(error)}"
        raise BackendError(msg, remedy="copy or download it again, or check its configuration") from error


def unlisted(names: Iterable[str], allowed: Sequence[str]) -> list[str]:
    """Find the names that no pattern matches as a whole, sorted."""
    return sorted(name for name in names if not any(re.fullmatch(pattern, name) for pattern in allowed))


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """Hash weights, as ``sha256:`` and 64 hexadecimal digits: their names in order, types, shapes and bytes."""
    total = hashlib.sha256()
    for name in sorted(state):
        value = state[name].detach().cpu().contiguous()
        header = json.dumps([name, str(value.dtype), list(value.shape)])
        total.update(f"{len(header)}:{header}".encode())
        # NumPy knows no bfloat16, so that every type is read as bytes.
        total.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return f"sha256:{total.hexdigest()}"


def _tensors(path: Path, only: str, skip: tuple[str, ...]) -> Iterable[tuple[str, Tensor]]:
    def wanted(name: str) -> bool:
        return name.startswith(only) and not name.startswith(skip)

    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as stored:
                take = _header if _HEADERS_ALONE.get() else _value
                yield from ((name, take(stored, name)) for name in stored.keys() if wanted(name))  # noqa: SIM118
            return
        content = (
            _names_alone(path) if _HEADERS_ALONE.get() else torch.load(path, map_location="cpu", weights_only=True)
        )
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError) as error:
        raise BackendError(
            f"{path} cannot be read as weights: {reason_of(error)}", remedy="copy or download it again"
        ) from error
    except Exception as error:
        if type(error).__name__ != "UnpicklingError":
            msg = f"{path} cannot be read as weights, {type(error).__name__}: {reason_of(error)}"
            raise BackendError(msg, remedy="copy or download it again") from error
        msg = f"{path} holds more than tensors, which might be a program"
        raise BackendError(msg, remedy="convert it to safetensors where you trust it") from error
    yield from ((name, value) for name, value in _state(content, path).items() if wanted(name))


def _value(stored: Any, name: str) -> Tensor:
    value: Tensor = stored.get_tensor(name)
    return value


def _names_alone(path: Path) -> Any:
    """Read a file of PyTorch's own format but for the values of its tensors, which are of the meta device."""
    with torch.serialization.skip_data():
        return torch.load(path, map_location="meta", weights_only=True)


def _header(stored: Any, name: str) -> Tensor:
    part = stored.get_slice(name)
    return torch.empty(part.get_shape(), dtype=_TYPES.get(part.get_dtype(), torch.float32), device="meta")


def _state(content: object, path: Path) -> dict[str, Tensor]:
    """Take the state dictionary, or the one under the key ``model`` where training scripts put it."""
    if isinstance(content, dict) and isinstance(content.get("model"), dict):
        content = content["model"]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        keys = list(content)[:_NAMED] if isinstance(content, dict) else type(content).__name__
        msg = f"{path} is no dictionary of tensors, nor has it one under 'model': {keys}"
        raise BackendError(msg, remedy="save the state dictionary alone")
    return content
