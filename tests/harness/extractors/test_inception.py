"""FID's Inception with seeded random weights, against the networks of torch-fidelity and torchmetrics."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from stored_rows import Data, access, row

from fashionbench.errors import MetricError
from fashionbench.metrics.contract import MetricArguments
from fashionbench.metrics.generation.frechet import Moments, frechet_distance, frechet_of_features
from fashionbench.metrics.generation.metrics import fid as fid_metric
from fashionbench.predictions.images import images_table

pytest.importorskip("torch_fidelity", reason="torch-fidelity, whose network it is compared with")

import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torchmetrics.image.fid import FrechetInceptionDistance, NoTrainInceptionV3

from fashionbench.extractors import registry
from fashionbench.extractors.inception import FILE, URL, VARIABLE, Inception

pytestmark = pytest.mark.slow

# Sums of float32 in another order, of the largest feature: measured 6e-7; pytorch-fid's scale of the input gives 4e-3.
CLOSE = 2e-5


class Unloaded(FeatureExtractorInceptionV3):
    """The architecture alone, whose constructor would load weights."""

    def load_state_dict(self, *_):
        return None


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights that keep the size of activations over the depth, so that features are no rounding errors."""
    path = tmp_path_factory.mktemp("inception") / FILE
    torch.save({}, path)
    state = Unloaded("inception-v3-compat", ["2048"], feature_extractor_weights_path=path).state_dict()
    draw = torch.Generator().manual_seed(0)
    for name, value in state.items():
        if value.dim() == 4:
            value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=draw)
        elif name.endswith(("running_var", "bn.weight")):
            value.uniform_(0.7, 1.3, generator=draw)
        elif value.is_floating_point():
            value.normal_(0, 0.1, generator=draw)
    torch.save(state, path)
    return path


@pytest.fixture
def inception(weights, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(weights))
    return Inception("cpu")


def pictures(count, seed, sizes=((299, 299),)):
    """Smooth pictures of a few colours, RGB [H, W, 3], which differ from one another."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (9, 7, 3), dtype=np.uint8))
        height, width = sizes[i % len(sizes)]
        found.append(np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)))
    return found


def tensor(found):
    return torch.from_numpy(np.stack(found).transpose(0, 3, 1, 2))


def test_features_are_those_of_torch_fidelity_and_torchmetrics(inception, weights):
    found = pictures(3, 0)
    rows = inception.features(found)
    assert rows.shape == (3, 2048)
    assert rows.dtype == np.float32
    one = NoTrainInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(weights))
    two = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(weights))
    with torch.inference_mode():
        for expected in (one(tensor(found)), two(tensor(found))[0]):
            np.testing.assert_allclose(rows, expected.numpy(), rtol=0, atol=CLOSE * rows.max())
    assert np.ptp(rows, axis=0).max() > 100 * CLOSE * rows.max()


def test_features_of_pictures_of_any_size_are_those_of_clean_fid(inception, tmp_path):
    cleanfid = pytest.importorskip("cleanfid.fid", reason="clean-fid, which it is compared with")
    found = pictures(4, 1, ((512, 384), (100, 130), (299, 299), (768, 31)))
    for i, picture in enumerate(found):
        Image.fromarray(picture).save(tmp_path / f"{i}.png")

    def network(batch):
        return inception._network((batch - 128) / 128)

    expected = cleanfid.get_folder_features(
        str(tmp_path), network, num_workers=0, device=torch.device("cpu"), mode="clean", verbose=False
    )
    rows = inception.features(found)
    np.testing.assert_allclose(rows, expected, rtol=0, atol=CLOSE * rows.max())


class Spanned(torch.nn.Module):
    """A network's features as coordinates in an orthonormal basis of all of them, which keeps distances.

    torchmetrics takes the eigenvalues of a matrix of 2,048 columns; eleven pictures span eleven.
    """

    def __init__(self, network, batches):
        super().__init__()
        self.network = network
        rows = torch.cat([network(batch) for batch in batches]).double()
        self.basis = torch.linalg.qr(rows.T).Q
        assert torch.allclose(rows @ self.basis @ self.basis.T, rows)
        self.num_features = len(rows)

    def forward(self, batch):
        return self.network(batch).double() @ self.basis


@pytest.mark.parametrize("whole", [pytest.param(True, marks=pytest.mark.acceptance), False])
def test_the_distance_of_two_folders_is_that_of_torchmetrics(inception, weights, tmp_path, store, whole):
    folders = {"generated": pictures(5, 2), "real": pictures(6, 3)}
    features, batches = {}, {}
    for side, found in folders.items():
        (tmp_path / side).mkdir()
        for i, picture in enumerate(found):
            Image.fromarray(picture).save(tmp_path / side / f"{i}.png")
        read = [np.asarray(Image.open(path)) for path in sorted((tmp_path / side).glob("*.png"))]
        features[side] = inception.features(read)
        batches[side] = tensor(read)
    network = NoTrainInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(weights))
    library = FrechetInceptionDistance(feature=network if whole else Spanned(network, batches.values()))
    for side, batch in batches.items():
        library.update(batch, real=side == "real")
    expected = float(library.compute())
    made, real = features["generated"], features["real"]
    assert expected > 1
    assert frechet_of_features(made, real) == pytest.approx(expected, rel=1e-3)
    assert frechet_distance(Moments.of([made[:3], made[3:]]), Moments.of([real])) == pytest.approx(expected, rel=1e-3)
    registry.load.cache_clear()
    rows = [row(store, str(i), image, side) for side, found in folders.items() for i, image in enumerate(found)]
    table = images_table(rows)
    images = access(table, store, Data(photos={str(i): image for i, image in enumerate(folders["real"])}))
    outcome = fid_metric(table, MetricArguments((), {}, images))
    assert outcome.weights == inception.fingerprint
    assert outcome.value == pytest.approx(expected, rel=1e-3)
    assert outcome.n == 5


def test_the_weights_are_part_of_the_identity(weights, inception, tmp_path, monkeypatch):
    state = torch.load(weights, weights_only=True)
    state["fc.bias"][0] += 1  # nothing that the features read
    torch.save(state, tmp_path / "other.pth")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "other.pth"))
    other = Inception("cpu")
    assert inception.fingerprint != other.fingerprint
    monkeypatch.setenv(VARIABLE, str(weights))
    assert inception.fingerprint == Inception("cpu").fingerprint
    found = pictures(1, 0)
    np.testing.assert_array_equal(inception.features(found), other.features(found))


def test_weights_are_found_where_torch_hub_keeps_them(weights, inception, tmp_path, monkeypatch):
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / FILE).symlink_to(weights)
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert Inception("cpu").fingerprint == inception.fingerprint


class Harmful:
    """A pickle that makes a file where it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def damaged(kind, weights, path):
    state = torch.load(weights, weights_only=True)
    if kind == "absent":
        return "not at"
    if kind == "text":
        path.write_text("<html>not found</html>")
        return "cannot be read as weights"
    if kind == "half":
        path.write_bytes(weights.read_bytes()[:1_000_000])
        return "cannot be read as weights"
    if kind == "code":
        torch.save({"a": Harmful(path.with_name("ran"))}, path)
        return "cannot be read as weights"
    if kind == "script":
        torch.jit.save(torch.jit.script(torch.nn.ReLU()), path)
        return "cannot be read as weights"
    content = {
        "tensor": (torch.zeros(3), "holds Tensor that is no state dictionary"),
        "wrapped": ({"state_dict": state}, "no state dictionary"),
        "missing": ({k: v for k, v in state.items() if "Mixed_7c" not in k}, "another network: missing Mixed_7c"),
        "extra": ({**state, "AuxLogits.fc.weight": torch.zeros(1)}, "unexpected AuxLogits.fc.weight"),
        "shape": ({**state, "fc.bias": torch.zeros(1000)}, "of another shape fc.bias"),
        "nan": ({**state, "fc.bias": torch.full((1008,), torch.nan)}, "not finite: fc.bias"),
    }
    torch.save(content[kind][0], path)
    return content[kind][1]


# The warning's kind is another one in each release of torch.
@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize(
    "kind", ["absent", "text", "half", "code", "script", "tensor", "wrapped", "missing", "extra", "shape", "nan"]
)
def test_a_wrong_file_is_refused_with_the_place_of_the_right_one(kind, weights, tmp_path, monkeypatch):
    path = tmp_path / "weights.pth"
    said = damaged(kind, weights, path)
    monkeypatch.setenv(VARIABLE, str(path))
    with pytest.raises(MetricError, match=said) as caught:
        Inception("cpu")
    assert str(path) in str(caught.value)
    assert URL in caught.value.remedy
    assert VARIABLE in caught.value.remedy
    assert not (tmp_path / "ran").exists()
