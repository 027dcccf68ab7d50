"""The endpoint backend as a specification."""

from __future__ import annotations

from dataclasses import fields

from fashionbench.specs import BackendSpec
from fashionbench_models.endpoint.options import EndpointOptions
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
    options={field.name: field.default for field in fields(EndpointOptions)},
)
