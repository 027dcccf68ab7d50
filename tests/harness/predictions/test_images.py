"""The schema of image predictions: what was generated and what it is compared with, and nothing that was measured."""

from __future__ import annotations

from fashionbench.predictions.images import ImageRow, image_rows, images_table


def test_rows_survive_a_table_and_hold_nothing_measured():
    size = {"width": 4, "height": 6}
    rows = [
        ImageRow(
            item_id="a", slice="dresses", cluster="a", side="generated", pixels="01", image="02", truth="03", mask="04",
            text="a red dress", garment="06", **size,
        ),
        ImageRow(item_id="a", slice="real", cluster="a", side="real", pixels="05", **size),
    ]  # fmt: skip
    table = images_table(rows)
    assert image_rows(table) == rows
    assert set(table.column_names) == {
        "item_id", "slice", "cluster", "side", "width", "height", "pixels", "image", "truth", "mask", "text",
        "garment",
    }  # fmt: skip


def test_a_table_from_before_garments_were_noted_is_read():
    made = ImageRow(item_id="a", slice="all", cluster="a", side="generated", pixels="01", width=4, height=6)
    stored = images_table([made]).drop_columns(["garment"])
    assert image_rows(stored) == [made]
