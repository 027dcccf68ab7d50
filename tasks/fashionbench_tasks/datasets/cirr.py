"""CIRR (Liu et al., ICCV 2021): composed queries over NLVR2 images, with a subset of six for each query.

Layouts in use: the folders ``captions`` and ``image_splits`` at the root or below ``cirr``; images where the split
files say, below the root, ``img_raw`` or ``images``. Targets of ``test1`` are not published. Facts from
Cuberick-Orion/CIRR, branch cirr_dataset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench_tasks.datasets.image_folder import EXTENSIONS, ImagePaths
from fashionbench_tasks.datasets.readers import first_of, read_entries, read_json, unwrapped

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

SPLITS = ("train", "val", "test1")
#: Splits that a task is named after.
MEASURED = ("val", "test1")

#: Published counts. The paper's 4,184 validation queries is a typing error; the file holds 4,181.
EXPECTED = {
    "queries/val": 4181,
    "queries/test1": 4148,
    "images/train": 16939,
    "images/val": 2297,
    "images/test1": 2315,
}


@dataclass(frozen=True, slots=True)
class Query:
    """A composed query; ``target`` is empty in ``test1``.

    :param members: the six images of its subset, the reference among them.
    """

    id: str
    reference: str
    caption: str
    target: str
    members: tuple[str, ...]


class CIRR:
    """CIRR below a root folder.

    :raises DataError: where the folders are not those of CIRR.
    """

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError("CIRR needs a root folder", remedy="pass --data cirr=FOLDER")
        self.root = root = unwrapped(root, ("image_splits", "cirr/image_splits"))
        self.files = ImagePaths(root)
        self._captions = first_of(root, ("captions", "cirr/captions"), "folder of captions")
        self._splits = first_of(root, ("image_splits", "cirr/image_splits"), "folder of splits")

    def queries(self, split: str) -> list[Query]:
        """Return the queries of a split in the order of the file."""
        path = self._file(self._captions, "cap", split)
        keys: dict[str, type | tuple[type, ...]] = {"pairid": int, "reference": str, "caption": str, "img_set": dict}
        if split != "test1":
            keys["target_hard"] = str
        queries: list[Query] = []
        for number, entry in enumerate(read_entries(path, keys)):
            members = entry["img_set"].get("members")
            if not isinstance(members, list) or len(members) != 6 or entry["reference"] not in members:
                msg = f"{path}, entry {number}: img_set has not six members with the reference among them"
                raise DataError(msg, remedy="fetch the annotation file again")
            target = entry.get("target_hard", "")
            queries.append(Query(str(entry["pairid"]), entry["reference"], entry["caption"], target, tuple(members)))
        return queries

    def check_subsets(self, queries: Sequence[Query], split: Collection[str], name: str) -> None:
        """Check the queries of a split that is measured: each once, and its subset of six known images with the target.

        :param split: the images of the split.
        :param name: of the split.
        :raises DataError: naming the query and the image.
        """
        path = self._captions / f"cap.rc2.{name}.json"
        seen: set[str] = set()
        for query in queries:
            wrong = _fault(query, split)
            if query.id in seen:
                wrong = "its pairid stands twice"
            if wrong:
                msg = f"{path}, query {query.id}: {wrong}"
                raise DataError(msg, remedy="fetch the annotation file again, or mend the entry")
            seen.add(query.id)

    def split(self, split: str) -> dict[str, Path]:
        """Return the images of a split by name."""
        path = self._file(self._splits, "split", split)
        names = read_json(path)
        if not isinstance(names, dict) or not all(isinstance(place, str) for place in names.values()):
            raise DataError(f"{path} does not map names to files", remedy="fetch the annotation file again")
        return {name: self.files.path(place.removeprefix("./")) for name, place in names.items()}

    def _file(self, folder: Path, kind: str, split: str) -> Path:
        """Return an annotation file of a split.

        :raises DataError: where there is none of this split, and another split is there whole.
        """
        path = folder / f"{kind}.rc2.{split}.json"
        whole = [name for name in self._present() if (self._splits / f"split.rc2.{name}.json").is_file()]
        measured = [f"cirr/{name}" for name in whole if name in MEASURED]
        if path.is_file() or not whole:
            return path
        msg = f"{path} does not exist: {self.root} has no split {split}, and holds {', '.join(whole)}"
        other = f"name the task {' or '.join(measured)}, or " if measured else ""
        raise DataError(msg, remedy=f"{other}fetch the annotation files of {split}")

    def _present(self) -> list[str]:
        return [split for split in SPLITS if (self._captions / f"cap.rc2.{split}.json").is_file()]

    def images(self) -> Mapping[str, Path]:
        """Return every image of every split."""
        images: dict[str, Path] = {}
        for split in self._present():
            images |= self.split(split)
        return images

    def annotations(self) -> Mapping[str, Path]:
        """Return the caption and split files."""
        paths: dict[str, Path] = {}
        for split in self._present():
            paths[f"captions/{split}"] = self._captions / f"cap.rc2.{split}.json"
            paths[f"split/{split}"] = self._splits / f"split.rc2.{split}.json"
        return paths

    def counts(self) -> Mapping[str, int]:
        """Count queries and images."""
        counts: dict[str, int] = {}
        for split in self._present():
            counts[f"queries/{split}"] = len(self.queries(split))
            counts[f"images/{split}"] = len(self.split(split))
        return counts

    def extra(self) -> list[str]:
        """List image files beside the known ones that no split names."""
        known = set(self.images().values())
        folders = {path.parent for path in known if path.parent.is_dir()}
        files = [path for folder in folders for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS]
        return sorted(str(path.relative_to(self.root)) for path in files if path not in known)


def _fault(query: Query, split: Collection[str]) -> str:
    """Say what is wrong with a query; nothing where all is well."""
    twice = [name for at, name in enumerate(query.members) if name in query.members[:at]]
    stray = [name for name in (query.reference, query.target, *query.members) if name and name not in split]
    if twice:
        return f"its subset holds {twice[0]} twice"
    if query.target and query.target == query.reference:
        return f"its target is its reference, {query.target}"
    if query.target and query.target not in query.members:
        return f"its target {query.target} is not among the six of its subset"
    return f"{stray[0]} is not in the split file" if stray else ""
