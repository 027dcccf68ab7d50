"""How far the numbers of a device are from a processor's: embeddings in float32, features of FID, and ranks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from gpu_encoding import inception_weights
from gpu_images import image_members
from gpu_models import model_folder, session_of, timed
from gpu_parts import said
from gpu_ranking import count_ranks, problem

if TYPE_CHECKING:
    from gpu_images import TarMember
    from gpu_parts import PartRun
    from numpy.typing import NDArray

#: How far a component of a row of unit length may be from the processor's, without TF32.
TOLERANCE = 2e-5
#: Images by size and network; a SigLIP takes a processor eight times as long as a CLIP.
IMAGES = {"real": {"clip": 64, "siglip": 16, "inception": 64}, "nano": {"clip": 4, "siglip": 4, "inception": 1}}


def equality(run: PartRun) -> dict[str, Any]:
    """Compare rows by their largest difference, with TF32 as torch sets it and without it; and compare ranks exactly."""
    found: dict[str, Any] = {"tolerance": TOLERANCE, "ranks": ranks(run), "ways": {}}
    run.keep(found)
    os.environ["FASHIONBENCH_INCEPTION"] = str(inception_weights(run))
    for name, count in IMAGES[run.size].items():
        members = image_members(run, count)
        truth, seconds = timed(lambda: rows(run, name, members, "cpu"), "cpu")  # noqa: B023
        found["ways"][name] = {"images": count, "s on the processor": seconds}
        settings = {"TF32 as torch sets it": None, "without TF32": False}
        for setting in settings if run.device != "cpu" else ["without TF32"]:
            apart = farthest(rows(run, name, members, run.device, tf32=settings[setting]), truth)
            found["ways"][name] |= {f"largest difference, {setting}": apart, "within": apart <= TOLERANCE}
        run.keep(found)
    print(f"equality: {said(found)}")
    return found


def rows(run: PartRun, name: str, members: list[TarMember], device: str, *, tf32: bool | None = None) -> NDArray[Any]:
    """Embed images, or take their features, as the project does; rows of unit length."""
    import numpy as np
    import torch

    from fashionbench.data.ground_truth import Truth
    from fashionbench.extractors.inception import Inception

    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    if tf32 is not None:
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
    try:
        if name == "inception":
            network = Inception(device)
            found = np.concatenate([network.features([np.asarray(member.open().image)]) for member in members])
        else:
            with session_of(model_folder(run, name), device, "float32").fold(None, Truth()) as backend:
                found = backend.embed(members, "candidate")
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def farthest(one: NDArray[Any], two: NDArray[Any]) -> float:
    import numpy as np

    return float(np.abs(one - two).max())


def ranks(run: PartRun) -> dict[str, Any]:
    """Count 1,000 ranks in 10,000 on the device and by the project on the processor; every tenth item is there twice."""
    import numpy as np
    import torch

    from fashionbench.metrics.retrieval import rank_counting

    few, many = (1_000, 10_000) if run.size == "real" else (40, 400)
    queries, gallery = problem(few, many, run.device)
    gallery[many // 2 :: 10] = gallery[: len(gallery[many // 2 :: 10])]  # ties of the first positives
    better, tied = count_ranks(queries, gallery, torch.arange(few, device=run.device), (few // 4, many // 3))
    truth = rank_counting.count_ranks(
        queries.cpu().numpy(), gallery.cpu().numpy(), np.arange(few)[:, None], normalise=False
    )
    return {
        "problem": f"{few:,} x {many:,}",
        "equal": bool((better.cpu().numpy() == truth.better).all() and (tied.cpu().numpy() == truth.tied).all()),
        "queries with a tie": int((truth.tied > 0).sum()),
    }
