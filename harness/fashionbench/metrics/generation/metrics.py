"""Distances between sets of images, and similarities to a truth or a text, as metric targets on ``images/2``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fashionbench.errors import MetricError, first_names
from fashionbench.metrics.contract import MetricArguments, Outcome
from fashionbench.metrics.generation.pairwise import CLIP, clip_score, compare, lpips, lpips_weights
from fashionbench.metrics.generation.specs import AMONG, FEW
from fashionbench.statistics.bootstrap import NoInterval
from fashionbench.statistics.jackknife import error_of, jackknife_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from fashionbench.metrics.image_access import ImageAccess

    Target = Callable[[pa.Table, MetricArguments], Outcome]


def _fid(extractor: str) -> Target:
    def compute(table: pa.Table, arguments: MetricArguments) -> Outcome:
        from fashionbench.metrics.generation.frechet import frechet_of_features, person_influences  # noqa: PLC0415
        from fashionbench.metrics.generation.persons import persons_of  # noqa: PLC0415

        images = arguments.require_images()
        weights = images.extractor(extractor).fingerprint
        made, real = images.features(extractor, "generated"), images.features(extractor, "real")
        value = frechet_of_features(made, real)
        persons = persons_of(table)
        influences = person_influences(made, real, persons)
        said, error, moved = "delta method over persons", None, {}
        if isinstance(influences, NoInterval):
            said = influences.method
        else:
            error, moved = error_of(influences), dict(zip(persons.names, influences.tolist(), strict=True))
        warning = f"; n below {FEW:,} biases it upwards, compare equal n alone" if len(made) < FEW else ""
        return Outcome(
            value=value,
            standard_error=error,
            influences=moved,
            method=f"{said}, {len(made)} against {len(real)}{warning}",
            n=len(made),
            weights=weights,
        )

    return compute


def _kid(extractor: str) -> Target:
    def compute(table: pa.Table, arguments: MetricArguments) -> Outcome:
        from fashionbench.metrics.generation.kernel_mmd import kernel_distance  # noqa: PLC0415
        from fashionbench.metrics.generation.persons import persons_of  # noqa: PLC0415

        images = arguments.require_images()
        weights = images.extractor(extractor).fingerprint
        made, real = images.features(extractor, "generated"), images.features(extractor, "real")
        both = persons_of(table).on_both_sides
        said = f"none: biased by {both} persons on both sides" if both else "none: that off the diagonal has one"
        method = f"{said}, {len(made)} against {len(real)}"
        return Outcome(value=kernel_distance(made, real).value, method=method, n=len(made), weights=weights)

    return compute


def _kid_off_diagonal(extractor: str) -> Target:
    def compute(table: pa.Table, arguments: MetricArguments) -> Outcome:
        from fashionbench.metrics.generation.kernel_mmd import off_diagonal_influences  # noqa: PLC0415
        from fashionbench.metrics.generation.persons import persons_of  # noqa: PLC0415

        images = arguments.require_images()
        weights = images.extractor(extractor).fingerprint
        made, real = images.features(extractor, "generated"), images.features(extractor, "real")
        persons = persons_of(table)
        value, influences = off_diagonal_influences(made, real, persons)
        error = error_of(influences)
        interval = jackknife_interval(value, error, persons.count)
        return Outcome(
            value=value,
            interval=interval.bounds,
            standard_error=error or None,
            influences=dict(zip(persons.names, influences.tolist(), strict=True)) if error else {},
            method=f"{interval.method}, {len(made)} against {len(real)}, {persons.on_both_sides} on both sides",
            n=len(made),
            weights=weights,
        )

    return compute


def _error(name: str) -> Target:
    """Make a metric of one of the errors that :func:`compare` finds; all of a cell are found in one pass."""

    def compute(table: pa.Table, arguments: MetricArguments) -> Outcome:
        images = arguments.require_images()
        _require(table, "truth", name)
        if name.endswith("-garment"):
            _require(table, "mask", name)
        found = images.shared("fashionbench/compare", lambda: _compare_all(table, images))
        empty = [item for item, errors in found.items() if name not in errors]
        if empty:
            raise MetricError(f"the mask of {first_names(empty)} covers no pixel at the size of the task")
        return _by_row(table, name, {item: errors[name] for item, errors in found.items() if name in errors})

    return compute


def _compare_all(table: pa.Table, images: ImageAccess) -> dict[str, dict[str, float]]:
    masks = _generated(table, "mask")
    return {
        item: compare(images.generated(item), images.truth(item), images.mask(item) if masks[item] else None)
        for item in images.items()
    }


def lpips_alex(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compare each image with its truth by LPIPS."""
    weights, published = lpips_weights()
    images = arguments.require_images()
    _require(table, "truth", "lpips-alex")
    values = {item: lpips(images.generated(item), images.truth(item)) for item in images.items()}
    return replace(_by_row(table, "lpips-alex", values, weights), published=published)


def clip_s(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compare each image with the text that it was asked for by."""
    from fashionbench.extractors.base import JointExtractor  # noqa: PLC0415

    images = arguments.require_images()
    _require(table, "text", "clip-s")
    extractor = images.extractor(CLIP)
    if not isinstance(extractor, JointExtractor):
        raise MetricError(f"{CLIP} reads no texts", remedy="see which plugin provides it with 'fashionbench plugins'")
    rows = images.features(CLIP, "generated")
    items = list(_generated(table, "text"))
    texts = extractor.text_features([images.text(item) for item in items])
    values = {item: clip_score(row, text, item) for item, row, text in zip(items, rows, texts.features, strict=True)}
    cut = int((texts.cut > 0).sum())
    note = f"{cut} of {len(items)} texts are longer than the network reads, and were cut" if cut else ""
    return _by_row(table, "clip-s", values, extractor.fingerprint, note)


def _garment_consistency(extractor: str) -> Target:
    def compute(table: pa.Table, arguments: MetricArguments) -> Outcome:
        from fashionbench.metrics.generation.garment_consistency import cosines  # noqa: PLC0415

        images, name = arguments.require_images(), f"garment-consistency-{extractor}"
        garments, shown, worn = _garments(table, images, extractor, name)
        values = dict(zip(garments, cosines(shown, worn, list(garments)).tolist(), strict=True))
        return _by_row(table, name, values, images.extractor(extractor).fingerprint)

    return compute


def _garment_retrieval(extractor: str) -> Target:
    def compute(table: pa.Table, arguments: MetricArguments) -> Outcome:
        from fashionbench.metrics.generation.garment_consistency import hits_among  # noqa: PLC0415

        images, name = arguments.require_images(), f"garment-retrieval-{extractor}"
        garments, shown, worn = _garments(table, images, extractor, name)
        hits = hits_among(worn, shown, list(garments.values()), list(garments), AMONG)
        values = dict(zip(garments, hits.tolist(), strict=True))
        said = f"exact mean over draws of {AMONG} from {len({*garments.values()})} garments"
        return _by_row(table, name, values, images.extractor(extractor).fingerprint, said)

    return compute


def _garments(
    table: pa.Table, images: ImageAccess, extractor: str, name: str
) -> tuple[dict[str, str], NDArray[np.float32], NDArray[np.float32]]:
    """Return the garment of each generated image, and features of its photo and of where it is worn."""
    from fashionbench.metrics.generation.garment_consistency import on_white_square, worn_region  # noqa: PLC0415

    if "garment" not in table.column_names:
        msg = "the predictions do not say which photos of garments were shown"
        raise MetricError(msg, remedy="run the cell again with --rerun")
    for column in ("garment", "mask"):
        _require(table, column, name)
    garments = _generated(table, "garment")
    items = list(garments)
    shown = images.features_of(extractor, items, lambda item: on_white_square(images.garment(item)))
    worn = images.features_of(
        extractor, items, lambda item: worn_region(images.generated(item), images.mask(item), item)
    )
    return garments, shown, worn


def _garment_colour(channel: int) -> Target:
    def compute(table: pa.Table, arguments: MetricArguments) -> Outcome:
        import numpy as np  # noqa: PLC0415

        from fashionbench.metrics.generation.garment_colour import CHANNELS, correlation  # noqa: PLC0415
        from fashionbench.metrics.generation.persons import persons_of  # noqa: PLC0415

        images, name = arguments.require_images(), f"garment-colour-correlation-{CHANNELS[channel]}"
        for column in ("truth", "mask"):
            _require(table, column, name)
        colours = images.shared("fashionbench/garment-colours", lambda: _colours(images))
        persons = persons_of(table)
        shown, codes = np.unique(persons.made, return_inverse=True)
        made, truth = (np.asarray([both[side][channel] for both in colours.values()]) for side in (0, 1))
        value, influences, interval = correlation(made, truth, codes.tolist())
        names = [persons.names[code] for code in shown]
        return Outcome(
            value=value,
            interval=interval.bounds,
            influences=dict(zip(names, influences.tolist(), strict=True)) if influences.any() else {},
            method=interval.method,
            n=len(made),
        )

    return compute


def _colours(images: ImageAccess) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return the mean colour within the mask of each generated image and of its truth."""
    from fashionbench.metrics.generation.garment_colour import mean_colour  # noqa: PLC0415

    found = {}
    for item in images.items():
        inside = images.mask(item)
        found[item] = mean_colour(images.generated(item), inside, item), mean_colour(images.truth(item), inside, item)
    return found


def silhouette_iou(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compare the silhouette of each image with the mask of the garment."""
    from fashionbench.metrics.generation import style_transfer  # noqa: PLC0415

    images = arguments.require_images()
    _require(table, "mask", "silhouette-iou")
    items = _generated(table, "mask")
    values = {item: style_transfer.silhouette_iou(images.generated(item), images.mask(item), item) for item in items}
    return _by_row(table, "silhouette-iou", values)


def garment_colour_distance(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compare the colours of each image with those of its truth, within the mask of the garment."""
    from fashionbench.metrics.generation import style_transfer  # noqa: PLC0415

    images = arguments.require_images()
    for column in ("truth", "mask"):
        _require(table, column, "garment-colour-distance")
    values = {
        item: style_transfer.colour_distance(images.generated(item), images.truth(item), images.mask(item), item)
        for item in _generated(table, "truth")
    }
    return _by_row(table, "garment-colour-distance", values)


def _truth_similarity(extractor: str) -> Target:
    def compute(table: pa.Table, arguments: MetricArguments) -> Outcome:
        from fashionbench.metrics.generation.garment_consistency import cosines, worn_region  # noqa: PLC0415

        images, name = arguments.require_images(), f"truth-similarity-{extractor}"
        for column in ("truth", "mask"):
            _require(table, column, name)
        items = list(_generated(table, "truth"))
        made = images.features_of(
            extractor, items, lambda item: worn_region(images.generated(item), images.mask(item), item)
        )
        truth = images.features_of(
            extractor, items, lambda item: worn_region(images.truth(item), images.mask(item), item)
        )
        values = dict(zip(items, cosines(made, truth, items).tolist(), strict=True))
        return _by_row(table, name, values, images.extractor(extractor).fingerprint)

    return compute


def _cmmd(extractor: str) -> Target:
    def compute(table: pa.Table, arguments: MetricArguments) -> Outcome:  # noqa: ARG001
        from fashionbench.metrics.generation.rbf_mmd import gaussian_mmd  # noqa: PLC0415

        images = arguments.require_images()
        weights = images.extractor(extractor).fingerprint
        made, real = images.features(extractor, "generated"), images.features(extractor, "real")
        said = f"none: biased upwards by the number of images, {len(made)} against {len(real)}"
        return Outcome(value=gaussian_mmd(made, real), method=said, n=len(made), weights=weights)

    return compute


def _generated(table: pa.Table, column: str) -> dict[str, str]:
    """Return a column of the generated rows by item."""
    columns = (table.column(name).to_pylist() for name in ("item_id", column, "side"))
    return {item: value for item, value, side in zip(*columns, strict=True) if side == "generated"}


def _require(table: pa.Table, column: str, name: str) -> None:
    """Look for generated images without a truth, a mask or a text, before anything is computed."""
    rows = _generated(table, column)
    if not rows:
        raise MetricError(f"{name} needs images, and nothing was generated")
    lacking = [item for item, given in rows.items() if not given]
    if len(lacking) == len(rows):
        raise MetricError(f"{name} needs the {column} of every image, and the data set has none")
    if lacking:
        raise MetricError(f"{name} needs the {column} of every image, and there is none of {first_names(lacking)}")


def _by_row(table: pa.Table, name: str, values: Mapping[str, float], weights: str = "", method: str = "") -> Outcome:
    import numpy as np  # noqa: PLC0415

    lacking = [item for item in _generated(table, "image") if item not in values]
    if lacking or not values:
        raise MetricError(f"{name} was not measured for {first_names(lacking)}" if lacking else "there are no images")
    rows = np.asarray(table.column("side").to_pylist()) == "generated"
    return Outcome(values=np.asarray(list(values.values())), rows=rows, weights=weights, method=method)


fid = _fid("inception-v3-fid")
kid = _kid("inception-v3-fid")
fd_efficientnet_lite0 = _fid("efficientnet-lite0")
kd_efficientnet_lite0 = _kid("efficientnet-lite0")
kid_off_diagonal = _kid_off_diagonal("inception-v3-fid")
kd_off_diagonal_efficientnet_lite0 = _kid_off_diagonal("efficientnet-lite0")
fd_dinov2_large = _fid("dinov2-large")
cmmd_clip_vit_base_patch32 = _cmmd(CLIP)
garment_consistency_dinov2_large = _garment_consistency("dinov2-large")
garment_consistency_clip_vit_base_patch32 = _garment_consistency(CLIP)
garment_consistency_efficientnet_lite0 = _garment_consistency("efficientnet-lite0")
garment_retrieval_dinov2_large = _garment_retrieval("dinov2-large")
garment_retrieval_clip_vit_base_patch32 = _garment_retrieval(CLIP)
garment_retrieval_efficientnet_lite0 = _garment_retrieval("efficientnet-lite0")
truth_similarity_dinov2_large = _truth_similarity("dinov2-large")
truth_similarity_efficientnet_lite0 = _truth_similarity("efficientnet-lite0")
ssim, psnr, mse = _error("ssim"), _error("psnr"), _error("mse")
ssim_garment, mse_garment = _error("ssim-garment"), _error("mse-garment")
garment_colour_correlation_red, garment_colour_correlation_green, garment_colour_correlation_blue = map(
    _garment_colour, range(3)
)
