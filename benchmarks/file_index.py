"""A survey of a folder of many small images: the first time, again, and after a few have changed; seconds and memory.

A plain walk that asks the state of each file is the limit of what an incremental survey can cost.
"""

from __future__ import annotations

import argparse
import io
import resource
import tempfile
import time
from pathlib import Path

from PIL import Image

from fashionbench.data.images import decoded, stamp
from fashionbench.data.integrity import survey

PER_FOLDER = 1000


def write(folder: Path, count: int) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    content = io.BytesIO()
    Image.new("RGB", (2, 2)).save(content, "PNG")
    for at in range(count):
        place = folder / f"{at // PER_FOLDER:05d}"
        if at % PER_FOLDER == 0:
            place.mkdir()
        path = place / f"{at % PER_FOLDER:04d}.png"
        path.write_bytes(content.getvalue())
        paths[f"{place.name}/{path.name}"] = path
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 files")
    parser.add_argument("--count", type=int, default=200_000)
    options = parser.parse_args()
    count = 2000 if options.quick else options.count
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write(folder, count)
        index = folder / "files.sqlite"
        begun = time.perf_counter()
        for path in paths.values():
            stamp(path)
        walk = time.perf_counter() - begun
        print(f"{count:,} images; to ask the state of each: {walk:.2f} s, {1e6 * walk / count:.1f} us a file")
        fingerprints = set()
        for stage in ("first", "again", "a hundredth changed"):
            if stage.startswith("a"):
                decoded.clear()
            if "changed" in stage:
                for path in list(paths.values())[::100]:
                    path.write_bytes(path.read_bytes())
            begun = time.perf_counter()
            found = survey(paths, cache=index)
            took = time.perf_counter() - begun
            fingerprints.add(found.fingerprint)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{stage:22}{took:8.2f} s {1e6 * took / count:8.1f} us a file {took / walk:7.1f} walks {peak:7.0f} MB"
            )
        size = sum(path.stat().st_size for path in folder.glob("files.sqlite*"))
        print(f"index: {size / 1e6:.1f} MB; fingerprints: {len(fingerprints)}")


if __name__ == "__main__":
    main()
