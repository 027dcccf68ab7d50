"""The models that a pipeline is made of, by their folders or behind an endpoint."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from fashionbench.errors import BackendError
from fashionbench.specs import resolve
from fashionbench_models.description import describe
from fashionbench_models.endpoint.options import ChatOptions
from fashionbench_models.pipelines.options import ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.specs import BackendSpec
    from fashionbench.specs.capabilities import BackendContext, Capability
    from fashionbench_models.pipelines.options import PipelineOptions
    from fashionbench_models.question import Question


class Writer(Protocol):
    """A model that answers questions by texts."""

    def write(self, questions: Sequence[Question]) -> list[str]:
        """Answer each question."""
        ...

    def facts(self, prompt: str) -> dict[str, str]:
        """Say how it was asked, for the record."""
        ...


class FolderCaptioner:
    """An image-text-to-text model of transformers by its folder.

    :param instructed: whether it is told what to do, for which it needs a chat template.
    """

    def __init__(self, options: PipelineOptions, context: BackendContext, *, instructed: bool) -> None:
        more = {"max_new_tokens": options.max_new_tokens}
        self._model, spec = open_model(options.captioner, options, context, {"caption"}, "captioner", **more)
        self._name = spec.id
        self.parameters = int(getattr(self._model, "parameters", 0))
        if instructed and not self._model.follows_instructions:
            msg = f"{options.captioner} has no chat template, so that it follows no instruction"
            raise BackendError(msg, remedy="give the folder of a model that was trained to chat, such as Qwen-VL")

    def write(self, questions: Sequence[Question]) -> list[str]:
        """Answer each question; a model without a chat template is shown the image alone."""
        if not self._model.follows_instructions:
            questions = [replace(one, text="") for one in questions]
        texts: list[str] = self._model.write(questions)
        return texts

    def facts(self, prompt: str) -> dict[str, str]:
        """Say how it was asked."""
        told = prompt if self._model.follows_instructions else "none: the model has no chat template"
        return {"model": self._name, **self._model.preprocessing, "prompt": told}


def captioner(
    options: PipelineOptions, context: BackendContext, *, instructed: bool = False, model: str = ""
) -> Writer:
    """Open the captioner that the options name.

    :param model: the endpoint's model, where it is another than that of the options.
    """
    if options.captioner:
        return FolderCaptioner(options, context, instructed=instructed)
    return endpoint(options, context, "captioner", model)


def language_model(folder: str, options: PipelineOptions, context: BackendContext) -> Writer:
    """Open the language model of a folder, or the endpoint where there is none."""
    if not folder:
        return endpoint(options, context, "language_model")
    from fashionbench_models.pipelines.language_model import FolderLanguageModel  # noqa: PLC0415

    return FolderLanguageModel(folder, options, context)


def endpoint(options: PipelineOptions, context: BackendContext, what: str, model: str = "") -> Writer:
    """Open the endpoint that the options name.

    :raises BackendError: where they name neither folder nor model.
    """
    from fashionbench_models.endpoint.completion import ChatClient  # noqa: PLC0415

    given = {name: context.options[name] for name in ENDPOINT if name in context.options}
    given["model"] = model or given.get("model", "")
    if not given["model"]:
        msg = f"there is no {what}: neither a folder nor a model behind an endpoint"
        raise BackendError(msg, remedy=f"give the option {what}=FOLDER, or url=… and model=NAME")
    return ChatClient(ChatOptions(**given, max_tokens=options.max_new_tokens), context.cache)


def open_model(
    folder: str,
    options: PipelineOptions,
    context: BackendContext,
    needs: set[Capability],
    what: str,
    **more: Any,
) -> tuple[Any, BackendSpec]:
    """Open a model by its folder.

    :param needs: what it must be able to do.
    :param what: the option that names the folder.
    :raises BackendError: where there is no folder, or the model cannot do that.
    """
    if not folder:
        raise BackendError(f"there is no {what}", remedy=f"give the option {what}=FOLDER")
    spec = describe(folder, {})
    if not needs <= spec.capabilities:
        able = ", ".join(sorted(spec.capabilities))
        msg = f"{what}={folder} is asked to {' and '.join(sorted(needs))}, and the model can {able}"
        raise BackendError(msg, remedy="give the folder of another model")
    given = {"dtype": options.dtype, "trust_remote_code": options.trust_remote_code, **more}
    if "device_map" in spec.options:
        given["device_map"] = options.device_map
    make: Any = resolve(spec.target)
    return make(replace(context, options={**spec.options, **given})), spec
