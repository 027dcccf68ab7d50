"""Models of this project's trainers pass the checks of conformance; they are named by their folders alone."""

from __future__ import annotations

import pytest

from fashionbench.conformance.checks import CHECKS
from fashionbench.conformance.subject import Subject
from fashionbench.plugins.manager import Plugins

pytest.importorskip("torch")

#: What each can do, and options that make it quick.
KINDS = {"captioner": ("caption", {"max_new_tokens": 6}), "inpainting": ("try-on", {"steps": 2})}


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """Write a model and describe it, once."""
    import small_models

    plugins, made = Plugins(strict=True), {}

    def of(kind):
        if kind not in made:
            folder = tmp_path_factory.mktemp("small") / kind
            getattr(small_models, kind)(folder)
            options = KINDS[kind][1]
            spec = plugins.describe_backend(f"hf:{folder}", options)
            assert spec.capabilities == {KINDS[kind][0]}
            made[kind] = Subject(spec, plugins, tmp_path_factory.mktemp("cache"), options)
        return made[kind]

    return of


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
@pytest.mark.parametrize("kind", KINDS)
def test_it_conforms(kind, check, subject):
    one = subject(kind)
    if check.applies(one.spec, KINDS[kind][0]):
        check.run(one, KINDS[kind][0])
