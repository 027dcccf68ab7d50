"""The command ``fashionbench export-model``."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLES = """
\b
Examples:
  fashionbench export-model models/tiny/model --out exported
  python -c "from diffusers import UNet2DConditionModel as U; U.from_pretrained('exported/unet')"
"""


@click.command("export-model", epilog=EXAMPLES)
@click.argument("model", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder to write.")
def export_model(*, model: Path, out: Path) -> None:
    """Write the parts of a UniFashion MODEL as folders that transformers and diffusers load.

    The folders are "language" (with LoRA merged in), "unet", "vae" and "qformer" (in BLIP-2's layout).
    """
    from fashionbench_unifashion import export_model as exporting  # noqa: PLC0415  # it imports torch

    for name, kind in exporting.export_model(model, out).items():
        click.echo(f"{out / name}: load it with {kind}.from_pretrained")
