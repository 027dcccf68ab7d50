"""The same small CLIP on the same image-text pairs by FashionBench, mteb and CLIP_benchmark: CPU and wall, in turn.

2,000 JPEG images with a text each, both directions of a full-gallery retrieval, one thread. The model is a folder that
save_pretrained wrote; every tool calls the same processor and the same two functions of it. FashionBench runs it as a
user would, ``hf:FOLDER`` in a fresh store with intervals, record and predictions. Each run is a process of its own; what
it imports, and making the data, is not counted. The recalls must be equal.

CLIP_benchmark brings torch's dependencies again, so it is put into a folder of its own, without them:

    python benchmarks/peers.py               2,000 pairs, each tool twice
    python benchmarks/peers.py --quick       100 pairs once, to see that it runs
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1", "MTEB_TELEMETRY": "0"}

import argparse
import csv
import json
import string
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

BATCH, CUTOFF = 32, 10
PEER = "clip-benchmark==1.6.2"
TOOLS = ("bare", "clip_benchmark", "mteb", "fashionbench")


def make_model(folder: Path) -> None:
    """Write a CLIP of six layers at 224 pixels with random weights, its processor and a tokenizer of letters."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

    letters = string.ascii_lowercase + string.digits
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[])
    sizes = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 6, "num_attention_heads": 4}
    torch.manual_seed(0)
    model = CLIPModel(
        CLIPConfig(
            vision_config={**sizes, "image_size": 224, "patch_size": 16},
            text_config={**sizes, "vocab_size": len(tokens), "max_position_embeddings": 77, "eos_token_id": len(tokens) - 1, "bos_token_id": len(tokens) - 2, "pad_token_id": len(tokens) - 1},
            projection_dim=256,
        )
    )  # fmt: skip
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "embedding" in name or "projection" in name:
                weight.normal_(0, 0.3)
    model.save_pretrained(folder)
    CLIPProcessor(CLIPImageProcessor(), tokenizer).save_pretrained(folder)


def make_data(root: Path, count: int) -> None:
    """Write a manifest of pairs; the images have the detail of photos."""
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    with (root / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "text"])
        for number in range(count):
            coarse = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
            image = Image.fromarray(coarse).resize((256, 256), Image.Resampling.BICUBIC)
            image.save(root / "images" / f"{number}.jpg", quality=92)
            writer.writerow([f"images/{number}.jpg", f"garment number {number} in shade {number % 17}"])


def rows_of(root: Path) -> list[dict[str, str]]:
    with (root / "manifest.csv").open() as file:
        return list(csv.DictReader(file))


class Clip:
    """The model and its processor, as every tool calls them."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModel, AutoProcessor

        torch.set_num_threads(1)
        self.torch = torch
        self.model = AutoModel.from_pretrained(folder).eval()
        self.processor = AutoProcessor.from_pretrained(folder)

    def pixels(self, images):
        return self.processor(images=images, return_tensors="pt")["pixel_values"]

    def tokens(self, texts):
        return self.processor(text=texts, padding=True, truncation=True, return_tensors="pt")

    def encode_image(self, pixels):
        with self.torch.inference_mode():
            return self.model.get_image_features(pixel_values=pixels).pooler_output

    def encode_text(self, tokens):
        with self.torch.inference_mode():
            return self.model.get_text_features(**tokens).pooler_output


def bare(root: Path, folder: Path, _: Path):
    """Embed each image and each text once, and rank by a matrix product."""
    clip, rows = Clip(folder), rows_of(root)
    yield None
    sides = [[], []]
    for at in range(0, len(rows), BATCH):
        part = rows[at : at + BATCH]
        sides[0].append(
            clip.encode_image(clip.pixels([Image.open(root / r["image"]).convert("RGB") for r in part])).numpy()
        )
        sides[1].append(clip.encode_text(clip.tokens([r["text"] for r in part])).numpy())
    images, texts = (np.concatenate(side) for side in sides)
    images, texts = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (images, texts))
    scores = images @ texts.T
    yield [float(np.mean((s > np.diag(s)[:, None]).sum(axis=1) < CUTOFF)) for s in (scores, scores.T)]


def clip_benchmark(root: Path, folder: Path, _: Path):
    """Call its zero-shot retrieval with a loader of the same images."""
    from clip_benchmark.metrics.zeroshot_retrieval import evaluate
    from torch.utils.data import DataLoader, Dataset

    clip, rows = Clip(folder), rows_of(root)

    class Pairs(Dataset):
        def __len__(self):
            return len(rows)

        def __getitem__(self, at):
            return clip.pixels(Image.open(root / rows[at]["image"]).convert("RGB"))[0], [rows[at]["text"]]

    def collate(batch):
        return clip.torch.stack([pixels for pixels, _ in batch]), [texts for _, texts in batch]

    yield None
    loader = DataLoader(Pairs(), batch_size=BATCH, collate_fn=collate)
    found = evaluate(clip, loader, clip.tokens, "cpu", amp=False, recall_k_list=[CUTOFF])
    # It names a recall by what is retrieved.
    yield [found[f"{what}_retrieval_recall@{CUTOFF}"] for what in ("text", "image")]


def mteb(root: Path, folder: Path, _: Path):
    """Run two retrieval tasks over the same files with the same model as an encoder."""
    import datasets
    import mteb as library
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.models.model_meta import ModelMeta

    clip, rows = Clip(folder), rows_of(root)
    names = [str(root / row["image"]) for row in rows]

    def side(what):
        ids = [f"{what}{at}" for at in range(len(rows))]
        if what == "text":
            return datasets.Dataset.from_dict({"id": ids, "text": [row["text"] for row in rows]})
        images = datasets.Dataset.from_dict({"id": ids, "image": names})
        return images.cast_column("image", datasets.Image())

    def task_of(query, candidate):
        class Task(AbsTaskRetrieval):
            metadata = TaskMetadata(
                name=f"Pairs{query.title()}", description="pairs", dataset={"path": "none/none", "revision": "0"},
                type="Any2AnyRetrieval", category=f"{query[0]}2{candidate[0]}", modalities=["text", "image"],
                eval_splits=["test"], eval_langs=["eng-Latn"], main_score="hit_rate_at_10", date=None, domains=None,
                task_subtypes=None, license=None, annotations_creators=None, dialect=None, sample_creation=None,
                bibtex_citation=None, reference=None,
            )  # fmt: skip

            def load_data(self, **_):
                relevant = {f"{query}{at}": {f"{candidate}{at}": 1} for at in range(len(rows))}
                split = {
                    "corpus": side(candidate),
                    "queries": side(query),
                    "relevant_docs": relevant,
                    "top_ranked": None,
                }
                self.dataset = {"default": {"test": split}}
                self.data_loaded = True

        return Task()

    class Encoder:
        mteb_model_meta = ModelMeta.create_empty(
            {"name": "bench/clip", "revision": "0", "modalities": ["image", "text"]}
        )

        def encode(self, inputs, **_):
            found = []
            for batch in inputs:
                if batch.get("image"):
                    images = [image.convert("RGB") for image in batch["image"]]
                    found.append(clip.encode_image(clip.pixels(images)).numpy())
                else:
                    found.append(clip.encode_text(clip.tokens(list(batch["text"]))).numpy())
            return np.concatenate(found)

        def similarity(self, one, other):
            one, other = (clip.torch.nn.functional.normalize(clip.torch.as_tensor(x), dim=-1) for x in (one, other))
            return one @ other.T

        def similarity_pairwise(self, one, other):
            return self.similarity(one, other).diag()

    yield None
    result = library.evaluate(
        Encoder(), [task_of("image", "text"), task_of("text", "image")], cache=None, co2_tracker=False,
        encode_kwargs={"batch_size": BATCH}, show_progress_bar=False,
    )  # fmt: skip
    yield [one.scores["test"][0][f"recall_at_{CUTOFF}"] for one in result.task_results]


def fashionbench(root: Path, folder: Path, work: Path):
    """Run both directions by the folder of the model, in a fresh store."""
    import torch
    import transformers  # noqa: F401

    import fashionbench as library

    torch.set_num_threads(1)

    def records(data: Path, store: Path):
        run = {"tasks": "manifest/pairs", "backends": [f"hf:{folder}"], "data": {"manifest": data}, "device": "cpu"}
        return library.run({**run, "batch_size": BATCH}, store=store)

    # What is imported when it is first needed is imported before, as it is for the others.
    make_data(work / "few", BATCH)
    records(work / "few", work / "other")
    yield None
    (record,) = records(root, work / "store")
    if record.error:
        raise SystemExit(record.error.message)
    yield [record.metric(f"hit@{CUTOFF}", way).value for way in ("image-to-text", "text-to-image")]


def seconds() -> tuple[float, float]:
    """Return CPU seconds of this process and of those that it has ended, and the clock."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system, time.perf_counter()


def measure(tool: str, root: Path, folder: Path) -> None:
    """Run one tool in this process, and print what it took as JSON."""
    with tempfile.TemporaryDirectory() as work:
        run = globals()[tool](root, folder, Path(work))
        next(run)  # imports, and the model where a tool is given it
        before = seconds()
        recalls = next(run)
        after = seconds()
    print(json.dumps({"recalls": recalls, "cpu": after[0] - before[0], "wall": after[1] - before[1]}))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 pairs once")
    parser.add_argument("--rounds", type=int, default=2, help="how often each tool is run")
    parser.add_argument("--measure", nargs=3, metavar=("TOOL", "DATA", "MODEL"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        measure(chosen.measure[0], Path(chosen.measure[1]), Path(chosen.measure[2]))
        return 0
    count, rounds = (100, 1) if chosen.quick else (2000, chosen.rounds)
    with tempfile.TemporaryDirectory() as place:
        base = Path(place)
        make_data(base / "data", count)
        make_model(base / "model")
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(base / "peer"), PEER]
        subprocess.run(install, check=True)
        found = {tool: [] for tool in TOOLS}
        for _ in range(rounds):
            for tool in TOOLS:
                path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH", ""), str(base / "peer")]))
                command = [sys.executable, __file__, "--measure", tool, str(base / "data"), str(base / "model")]
                done = subprocess.run(
                    command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
                )
                if done.returncode:
                    print(f"{tool} failed: {done.stderr.strip().splitlines()[-1:]}")
                    return 1
                found[tool].append(json.loads(done.stdout.splitlines()[-1]))
    print(f"{count} pairs, batches of {BATCH}, one thread; best of {rounds}")
    best = {tool: min(run["cpu"] for run in runs) for tool, runs in found.items()}
    for tool, runs in found.items():
        recalls = " / ".join(f"{100 * value:.2f}" for value in runs[0]["recalls"])
        wall = min(run["wall"] for run in runs)
        print(
            f"{tool:15} CPU {best[tool]:6.1f} s  x{best[tool] / best['bare']:.2f}  wall {wall:6.1f} s  hit@{CUTOFF} {recalls}"
        )
    equal = all(np.allclose(runs[0]["recalls"], found["bare"][0]["recalls"], atol=0.0015) for runs in found.values())
    print("values are equal" if equal else "values DIFFER")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
