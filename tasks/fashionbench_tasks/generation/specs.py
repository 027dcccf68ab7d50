"""Try-on and design tasks as specifications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.specs import DatasetSpec, Licence, TaskKind, TaskSpec
from fashionbench.specs.protocol import ProtocolCard
from fashionbench_tasks.dataset_root import BESIDE
from fashionbench_tasks.datasets import dress_code, mgd, openvton, viton_hd
from fashionbench_tasks.image_reading import IMAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.specs.capabilities import Capability


VERSION = "1.1.0"

VITON_HD = DatasetSpec(
    id="viton-hd",
    summary="13,679 persons and garments, 1024x768, with parse maps, poses and agnostic images",
    target="fashionbench_tasks.datasets.viton_hd:VitonHD",
    revision="1",
    licence=Licence(id="CC-BY-NC-4.0", source="https://github.com/shadow2496/VITON-HD", usage="non-commercial"),
    access="public-url",
    splits=viton_hd.SPLITS,
    expected=viton_hd.EXPECTED,
    how_to_get="Follow the link in shadow2496/VITON-HD (zalando-hd-resized).",
)
DRESS_CODE = DatasetSpec(
    id="dress-code",
    summary="53,792 garments in three categories with full-body persons, 1024x768",
    target="fashionbench_tasks.datasets.dress_code:DressCode",
    revision="1",
    licence=Licence(
        id="research only, for institutions", source="https://github.com/aimagelab/dress-code", usage="research"
    ),
    access="request",
    splits=("train", "test"),
    expected=dress_code.EXPECTED,
    how_to_get="Ask aimagelab with an institution's address; requests are read by hand.",
)
OPENVTON = DatasetSpec(
    id="openvton",
    summary="99,925 triplets of a garment, its mask and its wearer, with captions and categories, in Parquet files",
    target="fashionbench_tasks.datasets.openvton:OpenVTON",
    revision="1",
    licence=Licence(
        id="CC-BY-NC-4.0",
        source="https://huggingface.co/datasets/RenxingIntelligence/OpenVTON",
        usage="non-commercial",
    ),
    access="public-hub",
    splits=openvton.SPLITS,
    expected=openvton.EXPECTED,
    how_to_get="Fetch the folder test of RenxingIntelligence/OpenVTON (train alone has 46 GB), or MiniOpenVTON for the "
    "review set. Images are unpacked beside the results the first time, as many bytes again.",
)
MGD = DatasetSpec(
    id="mgd",
    summary="noun chunks and sketches for VITON-HD garments (VITON-HD Multimodal)",
    target="fashionbench_tasks.datasets.mgd:MGD",
    revision="f51e94e",
    licence=Licence(
        id="CC-BY-NC-4.0", source="https://github.com/aimagelab/multimodal-garment-designer", usage="non-commercial"
    ),
    access="public-url",
    splits=("test",),
    expected=mgd.EXPECTED,
    beside=BESIDE["mgd"],
    how_to_get="Put captions.json, test/im_sketch and test/im_sketch_unpaired of MGD into the VITON-HD folder.",
)

#: Metrics that need the truth of each pairing, over the whole image.
WHOLE = ("ssim", "lpips-alex", "psnr", "mse")
#: Those within the mask.
GARMENT = (
    "ssim-garment",
    "mse-garment",
    "garment-colour-correlation-red",
    "garment-colour-correlation-green",
    "garment-colour-correlation-blue",
)
PAIRED = (*WHOLE, *GARMENT)
#: Metrics that compare two sets of images.
SETS = ("kid-off-diagonal", "kid", "fid", "fd-dinov2-large", "cmmd-clip-vit-base-patch32")
SUBSTITUTE = ("kd-off-diagonal-efficientnet-lite0", "kd-efficientnet-lite0", "fd-efficientnet-lite0")
EXTRACTORS = ("inception-v3-fid", "dinov2-large", "clip-vit-base-patch32")
#: How like its photo the garment is that is worn: of try-on alone, for a design has no photo.
CONSISTENCY = (
    "garment-consistency-dinov2-large",
    "garment-consistency-clip-vit-base-patch32",
    "garment-retrieval-dinov2-large",
    "garment-retrieval-clip-vit-base-patch32",
)
SUBSTITUTE_CONSISTENCY = ("garment-consistency-efficientnet-lite0", "garment-retrieval-efficientnet-lite0")


def generation_spec(
    task: str,
    target: str,
    dataset: str,
    summary: str,
    *,
    paired: bool,
    kind: TaskKind = "virtual-try-on",
    repaint: bool = False,
    size: tuple[int, int] = (384, 512),
    fields: Mapping[str, Any] | None = None,
    options: Mapping[str, str] | None = None,
) -> TaskSpec:
    """Make a try-on, try-off or design task.

    :param target: ``"module:attribute"`` below ``fashionbench_tasks``.
    :param paired: whether the photo that should come out is known.
    :param repaint: whether the person is pasted back outside the mask before anything is measured.
    :param size: width and height in pixels.
    :param fields: fields of the protocol card beside, or instead of, those of every task.
    :param options: what the target is told beside pairs, size and repaint.
    """
    design, off = kind == "fashion-design", kind == "virtual-try-off"
    extra = ("clip-s",) if design else () if off else CONSISTENCY
    metrics = (*(WHOLE if off else PAIRED), *SETS, *extra) if paired else (*SETS, *extra)
    card = {
        "split": "test",
        "pairs": "each person in its own garment" if paired else "the published unpaired list",
        "image": IMAGE,
        "width": size[0],
        "height": size[1],
        "resize_side": "photos and what goes into the backend; what it returns is measured as it is",
        "resize_filter": "lanczos",
        "codec": "PNG, what the backend returns is not compressed; photos as published",
        "repaint": repaint,
        "mask_source": "the data set's own; its folder is in the record",
        "mask_reading": "two values, the lighter inside, or the alpha where that varies; others are refused",
        "real_side": "the person photos of the test pairs; garment photos never",
        "extractors": EXTRACTORS,
        "kid": "over all images, cubic polynomial kernel; off the diagonal without the pairs of one person",
        "cmmd": "CLIP ViT-B/32 features of length one, Gaussian kernel of sigma 10, x 1000",
        "average": "queries",
        "metrics": metrics,
        **({} if design or off else {"garment_consistency": "photo against the box of the mask, white outside it"}),
        **(fields or {}),
    }
    capability: Capability = "design" if design else "try-off" if off else "try-on"
    return TaskSpec(
        id=task,
        summary=summary,
        target=f"fashionbench_tasks.{target}",
        version=VERSION,
        kind=kind,
        dataset=dataset,
        protocol=ProtocolCard.of(task, VERSION, card),
        needs=(frozenset({capability}),),
        metrics=metrics,
        main_metric="ssim" if paired else "kid-off-diagonal",
        trains=frozenset() if off else frozenset({"tryon_examples"}),
        options={
            "paired": paired,
            "width": size[0],
            "height": size[1],
            "filter": "lanczos",
            "repaint": repaint,
            **(options or {}),
        },
    )


_OPENVTON = {
    "mask_source": "the data set's own segmentation of the garment, taken to lie over the person's photo",
    "resize_side": "every photo is brought to this size, whatever its own shape, of which the publisher says nothing; "
    "what the backend returns is measured as it is",
    "pairs": "each person in its own garment; no unpaired list is published",
    "not_here": "the publisher's own measures, by a vision-language model and SAM 3",
}
TRY_ON_TASKS = (
    generation_spec(
        "viton-hd/paired", "generation.try_on:viton", "viton-hd", "VITON-HD, own garment, 512x384", paired=True
    ),
    generation_spec(
        "viton-hd/unpaired", "generation.try_on:viton", "viton-hd", "VITON-HD, another garment, 512x384", paired=False
    ),
    generation_spec(
        "viton-hd/paired-repaint",
        "generation.try_on:viton",
        "viton-hd",
        "VITON-HD, own garment, 512x384, the person pasted back outside the mask",
        paired=True,
        repaint=True,
    ),
    generation_spec(
        "viton-hd/unpaired-repaint",
        "generation.try_on:viton",
        "viton-hd",
        "VITON-HD, another garment, 512x384, the person pasted back outside the mask",
        paired=False,
        repaint=True,
    ),
    generation_spec(
        "viton-hd/paired-1024",
        "generation.try_on:viton",
        "viton-hd",
        "VITON-HD, own garment, 1024x768",
        paired=True,
        size=(768, 1024),
    ),
    generation_spec(
        "viton-hd/unpaired-1024",
        "generation.try_on:viton",
        "viton-hd",
        "VITON-HD, another garment, 1024x768",
        paired=False,
        size=(768, 1024),
    ),
    generation_spec(
        "dress-code/paired",
        "generation.try_on:dresscode",
        "dress-code",
        "Dress Code, own garment, 512x384",
        paired=True,
    ),
    generation_spec(
        "dress-code/unpaired",
        "generation.try_on:dresscode",
        "dress-code",
        "Dress Code, another garment, 512x384",
        paired=False,
    ),
    generation_spec(
        "openvton/paired",
        "generation.try_on:of_openvton",
        "openvton",
        "OpenVTON, own garment, test split, 512x384",
        paired=True,
        fields=_OPENVTON,
        options={"split": "test"},
    ),
    generation_spec(
        "openvton/review-mini",
        "generation.try_on:of_openvton",
        "openvton",
        "OpenVTON, own garment, the review set of 100, 512x384",
        paired=True,
        fields={**_OPENVTON, "split": openvton.REVIEW},
        options={"split": openvton.REVIEW},
    ),
)
_OFF = {
    "pairs": "each person and the garment that it wears",
    "input": "the person's photo, the category of the garment, and what lies over the person; no mask of the answer",
    "real_side": "the shop's photos of the garments of the test pairs",
    "kid": "over all images, cubic polynomial kernel; off the diagonal without the pairs of one garment",
    "not_here": "DISTS, which papers give beside these",
}
TRY_OFF_TASKS = (
    generation_spec(
        "viton-hd/try-off",
        "generation.try_off:viton",
        "viton-hd",
        "VITON-HD, the shop's photo of what a person wears, 512x384",
        paired=True,
        kind="virtual-try-off",
        fields=_OFF,
    ),
    generation_spec(
        "dress-code/try-off",
        "generation.try_off:dresscode",
        "dress-code",
        "Dress Code, the shop's photo of what a person wears, 512x384",
        paired=True,
        kind="virtual-try-off",
        fields=_OFF,
    ),
)
_CHUNKS = {"text": 'the garment\'s noun chunks, joined by ", "', "sketch": "MGD's own"}
DESIGN_TASKS = (
    generation_spec(
        "mgd/paired",
        "generation.design:mgd",
        "mgd",
        "MGD, own garment by words and sketch",
        paired=True,
        kind="fashion-design",
        fields=_CHUNKS,
    ),
    generation_spec(
        "mgd/unpaired",
        "generation.design:mgd",
        "mgd",
        "MGD, another garment by words and sketch",
        paired=False,
        kind="fashion-design",
        fields=_CHUNKS,
    ),
)

DATASETS = (VITON_HD, DRESS_CODE, OPENVTON, MGD)
TASKS = (*TRY_ON_TASKS, *TRY_OFF_TASKS, *DESIGN_TASKS)
