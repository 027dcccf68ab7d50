"""The backends behind an endpoint as specifications."""

from __future__ import annotations

from dataclasses import fields

from fashionbench.specs import BackendSpec
from fashionbench_models.endpoint.options import ChatOptions, EditOptions
from fashionbench_models.named import UNDISCLOSED

CAPTIONER = BackendSpec(
    id="endpoint/captioner",
    summary="a model behind an OpenAI-compatible endpoint; options url, model, and a budget",
    target="fashionbench_models.endpoint.captioner:EndpointCaptioner",
    revision="1",
    capabilities=frozenset({"caption"}),
    extra="endpoint",
    packages=("openai",),
    licence="that of the endpoint",
    training_data=(UNDISCLOSED,),
    options={field.name: field.default for field in fields(ChatOptions)},
)
IMAGE_EDITOR = BackendSpec(
    id="endpoint/image-editor",
    summary="an image-editing model behind an OpenAI-compatible endpoint; options url, model, size, and a budget",
    target="fashionbench_models.endpoint.image_editor:ImageEditor",
    revision="1",
    capabilities=frozenset({"try-on", "design"}),
    extra="endpoint",
    packages=("openai",),
    licence="that of the endpoint",
    training_data=(UNDISCLOSED,),
    options={field.name: field.default for field in fields(EditOptions)},
)
BACKENDS = (CAPTIONER, IMAGE_EDITOR)
