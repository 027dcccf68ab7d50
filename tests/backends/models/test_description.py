"""What a model folder is described as, what is refused, and what decides the identity of a cell."""

from __future__ import annotations

import json
import shutil

import pytest

import fashionbench
from fashionbench.errors import ConfigError
from fashionbench.plugins.manager import Plugins
from fashionbench_models.families import FAMILIES, family_of

PAIR = {"encode-image", "encode-text"}
COMPOSING = PAIR | {"encode-composed"}


@pytest.fixture(scope="module")
def plugins():
    return Plugins(strict=True)


@pytest.mark.parametrize(
    ("kind", "family", "capabilities"),
    [
        ("clip", "two-towers", COMPOSING),
        ("chinese_clip", "two-towers", COMPOSING),
        ("siglip2", "siglip", COMPOSING),
        ("blip2_itm", "blip2-itm", PAIR | {"score-pairs"}),
        ("dinov2", "vision-tower", {"encode-image"}),
        ("open_clip", "open-clip", COMPOSING),
        ("sentence_transformers", "sentence-transformers", COMPOSING),
        ("blip2_captioner", "image-text-to-text", {"caption"}),
        ("llava", "image-text-to-text", {"caption"}),
    ],
)
def test_the_family_is_told_by_the_files(kind, family, capabilities, folder_of, plugins):
    assert family_of(folder_of(kind)).name == family
    spec = plugins.describe_backend(f"hf:{folder_of(kind)}", {})
    assert spec.capabilities == capabilities
    assert spec.id == f"hf/{kind}"
    assert not spec.training_data[0].disclosed


def test_a_language_model_embeds_where_a_pooling_is_given(folder_of, plugins):
    spec = plugins.describe_backend(f"hf:{folder_of('llava')}", {"pooling": "last"})
    assert spec.capabilities == COMPOSING


@pytest.mark.parametrize(("name", "label"), [("model", "run-3/model"), ("checkpoint-40", "run-3/checkpoint-40"), ("Mein CLIP", "mein-clip")])  # fmt: skip
def test_a_folder_whose_name_says_nothing_is_called_by_its_parent_too(name, label, folder_of, plugins, tmp_path):
    folder = tmp_path / "run-3" / name
    shutil.copytree(folder_of("clip"), folder)
    assert plugins.describe_backend(f"hf:{folder}", {}).id == f"hf/{label}"


def test_a_model_that_is_not_here_says_what_to_download(plugins):
    with pytest.raises(ConfigError, match="nothing is downloaded") as caught:
        plugins.describe_backend("hf:acme/no-such-clip", {"revision": "v2"})
    assert "hf download acme/no-such-clip --revision v2" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("answers/ranking.csv", "answers in a file are for 'fashionbench score'"),
        ("answers/model.py", "a class in a file is named without hf: answers/model.py:CLASS"),
        ("clip/model.safetensors", "give the folder that it lies in: hf:clip"),
        ("clip/config.json", "give the folder that it lies in: hf:clip"),
    ],
)
def test_a_file_is_no_model_and_is_never_told_to_be_downloaded(name, remedy, folder_of, tmp_path, plugins, monkeypatch):
    shutil.copytree(folder_of("clip"), tmp_path / "clip")
    (tmp_path / "answers").mkdir()
    for file in ("ranking.csv", "model.py"):
        (tmp_path / "answers" / file).write_text("a,b\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        plugins.describe_backend(f"hf:{name}", {})
    assert caught.value.message == f"hf:{name} is a file, and a model is a folder"
    assert remedy in caught.value.remedy


def test_a_path_that_may_be_a_hub_id_says_what_folder_is_here(tmp_path, plugins, monkeypatch):
    (tmp_path / "models").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="models is a folder here, and holds no clop"):
        plugins.describe_backend("hf:models/clop", {})


def test_a_hub_id_is_found_in_the_cache_at_its_revision(folder_of, plugins, tmp_path, monkeypatch):
    from huggingface_hub import constants

    commit = "0123456789" * 4
    repository = tmp_path / "models--acme--clip"
    shutil.copytree(folder_of("clip"), repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "v2").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    spec = plugins.describe_backend("hf:acme/clip", {"revision": "v2"})
    assert spec.id == "hf/acme/clip"
    assert spec.options["model"] == str(repository / "snapshots" / commit)
    with pytest.raises(ConfigError, match="neither a folder here nor in the cache"):
        plugins.describe_backend("hf:acme/clip", {})


def test_what_is_no_model_folder_is_named_with_what_lies_there(plugins, tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ConfigError, match=r"has no config\.json, but notes\.txt"):
        plugins.describe_backend(f"hf:{tmp_path}", {})
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "architectures": ["BertModel"]}))
    with pytest.raises(ConfigError, match=r"'bert' \(BertModel\), which is neither"):
        plugins.describe_backend(f"hf:{tmp_path}", {})
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"config\.json cannot be read as JSON"):
        plugins.describe_backend(f"hf:{tmp_path}", {})
    with pytest.raises(ConfigError, match="a folder has no revision 'main'"):
        plugins.describe_backend(f"hf:{tmp_path}", {"revision": "main"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "float8"}, "the option dtype is 'float8'"),
        ({"batch_size": -1}, "batch_size is less than 0"),
        ({"batch_size": "8"}, "the option batch_size is '8'"),
    ],
)
def test_options_out_of_range(options, message, build):
    with pytest.raises(ConfigError, match=message):
        build("clip", **options)


def test_weights_that_are_missing_are_never_drawn_at_random(folder_of, plugins, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "clip"
    shutil.copytree(folder_of("clip"), folder)
    state = load_file(folder / "model.safetensors")
    save_file({k: v for k, v in state.items() if k != "visual_projection.weight"}, folder / "model.safetensors", {"format": "pt"})  # fmt: skip
    record = _run(folder, tmp_path / "store")
    assert record.status == "error"
    assert "has no weights, or weights of another shape, for visual_projection.weight" in record.error.message


def test_a_tokenizer_without_its_vocabulary_is_refused(folder_of, tmp_path):
    folder = tmp_path / "clip"
    shutil.copytree(folder_of("clip"), folder)
    (folder / "tokenizer.json").unlink()
    record = _run(folder, tmp_path / "store")
    assert record.status == "error"
    assert "tokenizer" in record.error.message
    assert "tokenizer.json" in record.error.remedy or "tokenizer's files" in record.error.remedy


def test_other_weights_in_the_same_folder_are_another_cell(folder_of, tmp_path):
    folder, store = tmp_path / "clip", tmp_path / "store"
    shutil.copytree(folder_of("clip"), folder)
    first = _run(folder, store)
    again = _run(folder, store)
    assert again.record_id == first.record_id
    assert first.status == "ok", first.error
    shutil.copytree(folder_of("clip", seed=1), folder, dirs_exist_ok=True)
    other = _run(folder, store)
    assert other.cell != first.cell
    assert {m.id: m.value for m in other.metrics} != {m.id: m.value for m in first.metrics}


def test_the_record_says_how_inputs_were_prepared_and_holds_no_path(folder_of, tmp_path):
    record = _run(folder_of("clip"), tmp_path / "store")
    assert record.backend.preprocessing["images"] == "CLIPImageProcessor 64x64"
    assert record.backend.parameters > 0
    assert str(tmp_path.parent) not in record.model_dump_json()


def test_named_models_are_of_known_families_and_say_where_to_get_them(plugins):
    named = [spec for spec in plugins.backends if spec.id.startswith("models/")]
    assert len(named) >= 12
    targets = {family.target for family in FAMILIES.values()}
    assert {spec.target for spec in named} <= targets
    with pytest.raises(ConfigError, match="patrickjohncyh/fashion-clip is neither"):
        fashionbench.run({"tasks": ["wardrobe/text-to-image"], "backends": ["models/fashion-clip"]}, plugins=plugins)


def test_a_named_model_takes_a_folder_by_option(folder_of, tmp_path):
    (record,) = fashionbench.run(
        {
            "tasks": ["wardrobe/text-to-image"],
            "backends": [{"id": "models/clip-vit-b32", "options": {"model": str(folder_of("clip"))}}],
            "limit": 8,
        },
        store=tmp_path / "store",
    )
    assert record.status == "partial", record.error


def _run(folder, store):
    config = {"tasks": ["wardrobe/text-to-image"], "backends": [f"hf:{folder}"]}
    (record,) = fashionbench.run(config, store=store)
    return record
