"""The command ``fashionbench export-model``."""

from __future__ import annotations

from pathlib import Path

import click

from fashionbench.output_files import said_if_made

EXAMPLES = """
\b
Examples:
  fashionbench export-model models/tiny/model --out exported
  python -c "from diffusers import UNet2DConditionModel as U; U.from_pretrained('exported/unet')"
"""


@click.command("export-model", epilog=EXAMPLES)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder to write.")
def export_model(*, model: Path, out: Path) -> None:
    """Write the parts of a UniFashion MODEL as folders that transformers and diffusers load.

    The folders are "language" (with LoRA merged in), "unet", "vae" and "qformer" (in BLIP-2's layout).
    """
    from fashionbench_unifashion import export_model as exporting  # noqa: PLC0415  # it imports torch

    with said_if_made(out, lambda line: click.echo(line, err=True)):
        written = exporting.export_model(model, out)
    for name, kind in written.items():
        click.echo(f"{out / name}: load it with {kind}.from_pretrained")
