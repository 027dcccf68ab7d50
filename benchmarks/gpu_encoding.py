"""Images a second: two encoders through a backend and bare, and the Inception network of FID."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from gpu_images import image_members
from gpu_models import BareLoop, model_folder, session_of, timed
from gpu_parts import said

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gpu_parts import PartRun

MOST = 20_000
#: Seconds that the backend and the bare loop are measured each.
MEASURED = 8.0


def clip(run: PartRun) -> dict[str, Any]:
    """CLIP ViT-L/14."""
    return encoding(run, "clip")


def siglip(run: PartRun) -> dict[str, Any]:
    """SigLIP so400m, patches of 14 at 384 pixels."""
    return encoding(run, "siglip")


def encoding(run: PartRun, kind: str) -> dict[str, Any]:
    """Encode in bf16: the backend, a bare loop of the same batches, and what bounds both; two rounds in turn."""
    import numpy as np

    from fashionbench.data.ground_truth import Truth

    members = image_members(run, MOST)
    folder, made = timed(lambda: model_folder(run, kind), run.device)
    bare, loaded = timed(lambda: BareLoop(folder, run.device, "bfloat16"), run.device)
    found: dict[str, Any] = {
        "seconds to make the model": made,
        "seconds to load it": loaded,
        "parameters of the vision tower": sum(p.numel() for p in bare.model.vision_model.parameters()),
        "image": f"JPEG of {members[0].size // 1000} kB, the pixels {bare.pixels(members[:1]).shape[-1]} squared",
        "ways": {},
    }
    ways = found["ways"]
    session = session_of(folder, run.device, "bfloat16", None if run.size == "real" else 4)
    with session.fold(None, Truth()) as backend:
        backend.embed(members[-1:], "candidate")
        batch = found["batch"] = session.batch_sizes["encode-image"] if run.size == "real" else 4
        few = bare.pixels(members[:4])
        bare.features(few.repeat(batch // 4, 1, 1, 1))  # what the first call of a shape sets up is not measured
        _, seconds = timed(lambda: bare.embed(members[:batch], batch), run.device)
        rounds = 2 if run.size == "real" else 1
        batches = max(1, min(int(MEASURED / rounds / seconds), MOST // batch // rounds)) if run.size == "real" else 2
        took = {"backend": 0.0, "bare": 0.0}
        same = True
        for turn in range(rounds):
            part = members[turn * batches * batch :][: batches * batch]
            ours, one = timed(partial(backend.embed, part, "candidate"), run.device)
            theirs, two = timed(partial(bare.embed, part, batch), run.device)
            took["backend"] += one
            took["bare"] += two
            same &= bool(np.array_equal(ours, theirs))
            count = (turn + 1) * len(part)
            ways["hf:FOLDER through a session"] = way(count, took["backend"], took["bare"])
            ways["bare loop, same loader"] = way(count, took["bare"], took["bare"])
            found["same bytes as the bare loop"] = same
            run.keep(found)
    each = took["bare"] / count
    for name, measure in parts_of(bare, members, batch, each, run).items():
        done, seconds = measure()
        ways[name] = way(done, seconds, each * done)
        run.keep(found)
    print(f"{kind}: {said(found)}")
    return found


def way(count: int, seconds: float, bare: float) -> dict[str, Any]:
    return {"images": count, "images/s": count / seconds, "time / bare loop": seconds / bare}


def parts_of(
    bare: BareLoop, members: Any, batch: int, each: float, run: PartRun
) -> dict[str, Callable[[], tuple[int, float]]]:
    """What the bare loop is made of, each by itself, and how fast it is with images prepared by threads."""
    import torch

    cores = os.cpu_count() or 1
    few = members[: 256 if run.size == "real" else 4]
    images = [member.open().image for member in few[:64]]
    pixels = bare.pixels(few[: min(batch, len(few))]).to(run.device)

    def network() -> tuple[int, float]:
        turns = 10 if run.size == "real" else 1
        bare.features(pixels)
        return turns * len(pixels), timed(lambda: [bare.features(pixels) for _ in range(turns)], run.device)[1]

    def threads() -> tuple[int, float]:
        """Decode and prepare in threads, in pieces of 16, two batches ahead of the network."""
        # As long as the bare loop took, if threads gain nothing.
        count = min(max(int(MEASURED / each / batch), 2), 16) * batch if run.size == "real" else len(few)
        step = 16 if run.size == "real" else 2
        pieces = [members[at : at + step] for at in range(0, count, step)]
        with ThreadPoolExecutor(cores, initializer=partial(torch.set_num_threads, 1)) as pool:

            def work() -> None:
                ahead = [pool.submit(bare.pixels, piece) for piece in pieces[: 2 * batch // step]]
                rest = iter(pieces[len(ahead) :])
                while ahead:
                    wave, ahead = ahead[: max(batch // step, 1)], ahead[max(batch // step, 1) :]
                    whole = torch.cat([piece.result() for piece in wave])
                    ahead += [pool.submit(bare.pixels, piece) for _, piece in zip(wave, rest, strict=False)]
                    bare.features(whole).float().cpu()

            return count, timed(work, run.device)[1]

    return {
        "network alone": network,
        "read and decode alone, one thread": lambda: (len(few), timed(lambda: [m.open() for m in few], "cpu")[1]),
        "processor alone": lambda: (
            len(images),
            timed(lambda: bare.processor(images=images, return_tensors="pt"), "cpu")[1],
        ),
        f"bare loop, {cores} threads prepare": threads,
    }


def inception(run: PartRun) -> dict[str, Any]:
    """Features of FID: as metrics ask for them, one image at a time, in batches, and the network alone."""
    import numpy as np
    import torch

    from fashionbench.plugins.manager import Plugins
    from fashionbench.runner.extractor_loader import ExtractorLoader
    from fashionbench.runner.image_features import ImageFeatures

    os.environ["FASHIONBENCH_INCEPTION"] = str(inception_weights(run))
    loader = ExtractorLoader(Plugins(), run.device)
    extractor: Any = loader("inception-v3-fid")
    count, batch = (512, 64) if run.size == "real" else (2, 2)
    members = image_members(run, count)
    arrays = [np.asarray(member.open().image) for member in members]
    names = [hashlib.sha256(array).hexdigest() for array in arrays]
    if run.size == "real":  # what the first call of a shape sets up is not measured
        extractor.features(arrays[:1])
        extractor.features(arrays[:batch])
    found: dict[str, Any] = {"image": f"{arrays[0].shape[1]} x {arrays[0].shape[0]}, decoded before", "ways": {}}
    single, each = timed(
        lambda: ImageFeatures(loader, None).of("inception-v3-fid", names, lambda at: arrays[at]), run.device
    )
    found["ways"]["as metrics ask: one at a time"] = way(count, each, each)
    cuts = range(0, count, batch)
    batched, seconds = timed(
        lambda: np.concatenate([extractor.features(arrays[at : at + batch]) for at in cuts]), run.device
    )
    found["ways"][f"the extractor, batches of {batch}"] = way(count, seconds, each)
    found["largest difference of batches, relative"] = float(np.abs(batched - single).max() / np.abs(single).max())
    run.keep(found)
    from fashionbench.extractors.inception import resize

    few = arrays[: 64 if run.size == "real" else 2]
    _, seconds = timed(lambda: [resize(array) for array in few], "cpu")
    found["ways"]["resize alone, one thread"] = way(len(few), seconds, each / count * len(few))
    pixels = torch.rand((batch, 3, 299, 299), device=run.device)
    turns = 10 if run.size == "real" else 1
    with torch.inference_mode():
        _, seconds = timed(lambda: [extractor._network(pixels) for _ in range(turns)], run.device)
    found["ways"]["network alone, float32"] = way(turns * batch, seconds, each / count * turns * batch)
    found["ways"] = {
        name: {"images": row["images"], "images/s": row["images/s"], "time / one at a time": row["time / bare loop"]}
        for name, row in found["ways"].items()
    }
    print(f"inception: {said(found)}")
    return found


def inception_weights(run: PartRun) -> Path:
    """Write random weights for the network of FID, scaled so that activations neither vanish nor overflow."""
    import torch

    from fashionbench.extractors.inception_network import fid_inception

    def write(path: Path) -> None:
        generator = torch.Generator().manual_seed(0)
        state = {}
        for name, value in fid_inception().state_dict().items():
            if value.ndim > 1:
                state[name] = torch.randn(value.shape, generator=generator) * (2 / value[0].numel()) ** 0.5
            else:
                state[name] = torch.full(
                    value.shape, float(name.endswith(("weight", "running_var"))), dtype=value.dtype
                )
        torch.save(state, path)

    return run.shared_once("inception.pth", write)
