from __future__ import annotations

import json

import pytest

from fashionbench.data.dataset import status
from fashionbench.errors import DataError
from fashionbench_atelier.layouts.polyvore import SEMANTIC_CATEGORIES, SPLITS, item_id, outfits, set_id
from fashionbench_atelier.world.outfits import CHOICES, compatible
from fashionbench_tasks.datasets.polyvore import Polyvore, repeated_items, repetitions


@pytest.fixture
def data(twin):
    return Polyvore(twin / "polyvore")


@pytest.fixture
def products(source):
    return {item_id(product.id): product for product in source.world.products}


@pytest.mark.parametrize("split", SPLITS)
def test_outfits_are_those_of_the_world(data, source, split):
    assert data.outfits(split) == {set_id(o.id): tuple(map(item_id, o.items)) for o in outfits(source, split)}


def test_splits_share_no_outfit_and_leave_none_out(data, source):
    names = [name for split in SPLITS for name in data.outfits(split)]
    assert len(set(names)) == len(names) == len(source.world.ensembles)


def test_the_answer_of_a_question_is_the_only_item_that_goes_with_the_rest(data, products):
    questions = data.questions()
    assert len(questions) >= 20
    for question in questions:
        rest = [products[item] for item in question.items]
        matching = [name for name in question.candidates if compatible([*rest, products[name]])]
        assert matching == [question.answer]
        assert len(set(question.candidates)) == CHOICES
        assert len({products[name].category for name in question.candidates}) == 1


def test_answers_stand_at_every_place(data):
    assert {q.candidates.index(q.answer) for q in data.questions()} == set(range(CHOICES))


def test_labels_say_whether_items_go_together(data, products, source):
    labelled = data.compatibility()
    assert sum(one.compatible for one in labelled) == len(outfits(source, "test"))
    assert sum(not one.compatible for one in labelled) > 10
    for one in labelled:
        assert compatible([products[item] for item in one.items]) == one.compatible


def test_every_photo_is_there(data, twin, source):
    found = status("polyvore", data, twin / "polyvore", {}, verify=True)
    assert (found.missing, found.extra, dict(found.unreadable), found.synthetic) == ((), (), {}, True)
    assert found.counts["questions/test"][0] == len(data.questions())
    assert found.images == len({item for one in source.world.ensembles for item in one.items})


def test_the_folder_of_the_published_archive_is_read(copied, tmp_path):
    root = copied("polyvore")
    (tmp_path / "outer" / "polyvore_outfits").parent.mkdir()
    root.rename(tmp_path / "outer" / "polyvore_outfits")
    data = Polyvore(tmp_path / "outer")
    assert not status("polyvore", data, tmp_path / "outer", {}).missing
    with pytest.raises(DataError, match="folder disjoint"):
        Polyvore(tmp_path / "outer", "disjoint")


def rewrite(root, name, change):
    path = root / "nondisjoint" / name
    loaded = json.loads(path.read_text())
    change(loaded)
    path.write_text(json.dumps(loaded))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda e: e[1]["answers"].append(e[1]["answers"][0]), "entry 1 has .* right answers"),
        (lambda e: e[0].update(answers=[]), "entry 0 has 0 right answers"),
        (lambda e: e[0].update(question=["1_1"]), "entry 0 names '1_1'"),
        (lambda e: e[0].update(question=[]), "entry 0 has no items"),
        (lambda e: e[0].update(answers=[7]), "entry 0 names 7"),
        (lambda e: e[0].pop("answers"), "entry 0: 'answers' is nothing"),
        (lambda e: e.append(e[1]), r"entry \d+ is the question of entry 1 again"),
        (lambda e: e.insert(2, {**e[1], "answers": e[1]["answers"][::-1]}), "entry 2 is the question of entry 1 again"),
        (
            lambda e: e[1].update(blank_position=9),
            "entry 1: blank_position is 9, and the outfit has the positions 1, 2",
        ),
        (lambda e: e[1].update(blank_position=0), "entry 1: blank_position is 0,"),
        (lambda e: e[1].update(blank_position=-1), "entry 1: blank_position is -1,"),
        (lambda e: e[1].update(blank_position="one"), "entry 1: blank_position is 'one',"),
    ],
)
def test_a_malformed_question_is_named(copied, change, said):
    root = copied("polyvore")
    own = Polyvore(root).questions()[1]

    def apply(entries):
        # The right answer first, so that a change of the first answer is a change of the right one.
        for entry in entries:
            set_ = entry["question"][0].rpartition("_")[0]
            entry["answers"].sort(key=lambda name: not name.startswith(set_))
        change(entries)

    rewrite(root, "fill_in_blank_test.json", apply)
    with pytest.raises(DataError, match=said) as caught:
        Polyvore(root).questions()
    assert "fill_in_blank_test.json" in str(caught.value)
    assert own.answer in own.candidates


def test_a_question_without_a_position_and_two_blanks_of_one_outfit_are_read(copied):
    root = copied("polyvore")
    before = Polyvore(root).questions()

    def another(entries):
        """Swap the answer of a question with one of its items."""
        entries[0].pop("blank_position")
        (item, *rest), answers = entries[0]["question"], entries[0]["answers"]
        right = next(name for name in answers if name.rpartition("_")[0] == item.rpartition("_")[0])
        entries.append({"question": [right, *rest], "answers": [item if name == right else name for name in answers]})

    rewrite(root, "fill_in_blank_test.json", another)
    questions = Polyvore(root).questions()
    assert questions[:-1] == before
    assert questions[-1].answer == before[0].items[0]


@pytest.mark.parametrize("line", ["2 210000001_1", "yes 210000001_1", "1 5_5"])
def test_a_malformed_label_is_named(copied, line):
    root = copied("polyvore")
    path = root / "nondisjoint" / "compatibility_test.txt"
    path.write_text(f"{path.read_text()}{line}\n")
    number = len(path.read_text().splitlines())
    with pytest.raises(DataError, match=rf"compatibility_test\.txt, line {number}"):
        Polyvore(root).compatibility()


@pytest.mark.parametrize(
    "item",
    [
        {"item_id": "1"},
        {"index": 1},
        "x",
        {"item_id": "1", "index": "first"},
        {"item_id": "1", "index": 1.5},
        {"item_id": None, "index": 1},
        {"item_id": "1", "index": True},
    ],
)
def test_a_malformed_item_is_named(copied, item):
    root = copied("polyvore")
    rewrite(root, "test.json", lambda entries: entries[3].update(items=[item]))
    with pytest.raises(DataError, match=r"test\.json, entry 3: an item lacks"):
        Polyvore(root).outfits("test")


def test_an_item_cannot_lead_out_of_the_images(copied):
    root = copied("polyvore")
    item = {"item_id": "../../x", "index": 1}
    rewrite(root, "valid.json", lambda entries: entries[0].update(items=[item]))
    with pytest.raises(DataError, match="leads out"):
        Polyvore(root).images()


def test_items_come_in_the_order_of_their_index(copied, twin):
    root = copied("polyvore")
    rewrite(root, "train.json", lambda entries: [entry["items"].reverse() for entry in entries])
    assert Polyvore(root).outfits("train") == Polyvore(twin / "polyvore").outfits("train")


def test_an_item_that_is_offered_twice_is_named(copied):
    root = copied("polyvore")
    path = next(root.rglob("fill_in_blank_test.json"))
    entries = json.loads(path.read_text())
    outfit = entries[0]["question"][0].rpartition("_")[0]
    wrong = next(answer for answer in entries[0]["answers"] if answer.rpartition("_")[0] != outfit)
    entries[0]["answers"].append(wrong)
    path.write_text(json.dumps(entries))
    with pytest.raises(DataError, match=r"fill_in_blank_test.json, entry 0 offers an item twice"):
        Polyvore(root).questions()


def second_set(entries):
    entries[2]["set_id"] = entries[0]["set_id"]


def second_set_as_a_number(entries):
    entries[2]["set_id"] = int(entries[0]["set_id"])


def second_index(entries):
    entries[1]["items"][1]["index"] = entries[1]["items"][0]["index"]


def second_index_as_text(entries):
    entries[1]["items"][1]["index"] = f"0{entries[1]['items'][0]['index']}"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (second_set, r"test\.json, entry 2 is of the set_id '(\d+)', and so is entry 0"),
        (second_set_as_a_number, r"test\.json, entry 2 is of the set_id '(\d+)', and so is entry 0"),
        (second_index, r"test\.json, entry 1: the outfit of set_id '\d+' has two items of the index 1: \d+ and \d+"),
        (second_index_as_text, r"test\.json, entry 1: the outfit of set_id '\d+' has two items of the index 1"),
    ],
)
@pytest.mark.parametrize("asked", ["questions", "compatibility"])
def test_what_would_overwrite_another_outfit_or_item_is_named(copied, change, said, asked):
    root = copied("polyvore")
    rewrite(root, "test.json", change)
    with pytest.raises(DataError, match=said):
        getattr(Polyvore(root), asked)()


def small(root, labels=("1 a_1 a_2",), question=("a_1", "a_2"), answers=("a_3", "b_1")):
    """Two outfits that share the item 2, one question, and labelled sets."""
    folder = root / "nondisjoint"
    folder.mkdir()
    outfits = {"a": ["1", "2", "3"], "b": ["4", "2", "5"]}
    listed = [
        {"set_id": n, "items": [{"index": i, "item_id": x} for i, x in enumerate(o, 1)]} for n, o in outfits.items()
    ]
    (folder / "test.json").write_text(json.dumps(listed))
    (folder / "fill_in_blank_test.json").write_text(json.dumps([{"question": question, "answers": answers}]))
    (folder / "compatibility_test.txt").write_text("\n".join(labels))
    return Polyvore(root)


@pytest.mark.parametrize(
    ("question", "answers", "said"),
    [
        (("a_1", "a_1"), ("a_3", "b_1"), "entry 0 shows an item twice among 1, 1"),
        (("a_1", "a_2", "b_2"), ("a_3", "b_1"), "entry 0 shows an item twice among 1, 2, 2"),
        (("a_1", "a_3"), ("a_3", "b_1"), r"entry 0 shows its right answer 'a_3' \(item 3\) among its items"),
        (("a_1", "b_2"), ("a_2", "b_1"), r"entry 0 shows its right answer 'a_2' \(item 2\) among its items"),
    ],
)
def test_a_question_that_shows_an_item_twice_or_its_answer_is_named(tmp_path, question, answers, said):
    with pytest.raises(DataError, match=rf"fill_in_blank_test\.json, {said}"):
        small(tmp_path, question=question, answers=answers).questions()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1", "line 2 has no items"),
        ("0 ", "line 2 has no items"),
        ("1 a_3", "line 2 has one item alone, 3"),
        ("1 a_2 b_2", "line 2 has one item alone, 2"),
        ("0 a_1 a_2", "line 2 labels with 0 the items that line 1 labels with 1"),
        ("0 a_2 a_1", "line 2 labels with 0 the items that line 1 labels with 1"),
        ("0 b_2 a_1", "line 2 labels with 0 the items that line 1 labels with 1"),
    ],
)
def test_a_labelled_set_without_a_pair_or_with_both_labels_is_named(tmp_path, line, said):
    with pytest.raises(DataError, match=rf"compatibility_test\.txt, {said}"):
        small(tmp_path, labels=("1 a_1 a_2", line)).compatibility()


def test_labelled_sets_that_stand_again_are_counted_and_named(tmp_path):
    # Lines 2 to 4 are line 1 again: as it is, in another order, and with item 2 by its name in the other outfit.
    labels = ["1 a_1 a_2", "1 a_1 a_2", "1 a_2 a_1", "1 a_1 b_2", "0 a_1 b_1", "0 a_3 b_2 a_2"]
    read = small(tmp_path, labels).compatibility()
    assert len(read) == 6
    assert repetitions(read) == {
        "labelled sets that stand again": "3 of 6, each counted as it stands: "
        "outfit-00002 (outfit-00001), outfit-00003 (outfit-00001), outfit-00004 (outfit-00001)",
        "labelled sets that name an item twice": "1 of 6, each counted as it stands: outfit-00006",
    }
    assert repetitions([read[0], *read[4:5]]) == {}


def twice_in_an_outfit(root, question, answers, labels=("1 a_1 a_2",)):
    """The outfit a holds the item 1 at two places, and b the item 4."""
    folder = root / "nondisjoint"
    small(root, labels, question, answers)
    outfits = {"a": ["1", "2", "1", "3"], "b": ["4", "4", "5"]}
    listed = [
        {"set_id": n, "items": [{"index": i, "item_id": x} for i, x in enumerate(o, 1)]} for n, o in outfits.items()
    ]
    (folder / "test.json").write_text(json.dumps(listed))
    return Polyvore(root)


@pytest.mark.parametrize(
    ("question", "answers", "what"),
    [
        (("a_1", "a_2", "a_3"), ("b_3", "a_4"), "questions that show an item twice"),
        (("a_1", "a_2"), ("a_4", "b_1", "b_2"), "questions that offer a wrong item twice"),
        (("a_1", "a_2"), ("a_3", "b_3"), "questions that show the item that is their answer"),
    ],
)
def test_an_item_at_two_places_of_its_outfit_is_read_and_counted(tmp_path, question, answers, what):
    data = twice_in_an_outfit(tmp_path, question, answers)
    assert data.outfits("test") == {"a": ("1", "2", "1", "3"), "b": ("4", "4", "5")}
    (read,) = data.questions()
    assert (len(read.items), len(read.candidates)) == (len(question), len(answers))
    assert read.answer == {"a_3": "1", "a_4": "3"}[next(name for name in answers if name[0] == "a")]
    assert repeated_items([read]) == {what: "1 of 1, each counted as it stands: blank-00000"}


def test_a_labelled_set_with_an_item_at_two_places_is_counted_and_one_of_it_alone_refused(tmp_path):
    read = twice_in_an_outfit(tmp_path, ("a_1",), ("a_2", "b_1"), ["1 a_1 a_2 a_3", "0 b_1 b_3"]).compatibility()
    told = {"labelled sets that name an item twice": "1 of 2, each counted as it stands: outfit-00001"}
    assert repetitions(read) == told
    (tmp_path / "nondisjoint" / "compatibility_test.txt").write_text("1 a_1 a_3")
    with pytest.raises(DataError, match="line 1 has one item alone, 1"):
        Polyvore(tmp_path).compatibility()


@pytest.mark.parametrize("answers", [("a_4", "b_1", "b_1"), ("a_3", "b_1", "a_1"), ("a_4", "b_3", "c_1")])
def test_an_answer_that_stands_twice_or_is_no_one_is_named(tmp_path, answers):
    with pytest.raises(DataError, match=r"fill_in_blank_test\.json, entry 0"):
        twice_in_an_outfit(tmp_path, ("a_2",), answers).questions()


def test_items_are_described_as_the_world_has_them(data, products):
    items = list(data.images())
    described = data.metadata(items)
    assert list(described) == items
    for name, said in described.items():
        assert said.semantic_category == SEMANTIC_CATEGORIES[products[name].category]
        assert said.title.lower().split()[0] == products[name].colour.split()[0]
    fine = {(said.category_id, products[name].cut) for name, said in described.items()}
    assert len(fine) == len({cut for _, cut in fine}) == len({number for number, _ in fine}) > 5
    assert {said.category("category_id") for said in described.values()} == {number for number, _ in fine}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows, name: rows.pop(name), r"says nothing of 1 of \d+ items: 15"),
        (lambda rows, name: rows[name].pop("semantic_category"), "item '15.*' has no semantic_category"),
        (lambda rows, name: rows[name].update(category_id=None), "item '15.*' has no category_id"),
        (lambda rows, name: rows.update({name: []}), "has no semantic_category"),
    ],
)
def test_an_item_without_categories_is_named(copied, change, said):
    root = copied("polyvore")
    path = root / "polyvore_item_metadata.json"
    items = list(Polyvore(root).images())
    rows = json.loads(path.read_text())
    change(rows, items[0])
    path.write_text(json.dumps(rows))
    with pytest.raises(DataError, match=said) as caught:
        Polyvore(root).metadata(items)
    assert str(path) in str(caught.value)


def test_metadata_that_are_not_there_or_no_object_are_named(copied, tmp_path):
    root = copied("polyvore")
    path = root / "polyvore_item_metadata.json"
    path.write_text("[]")
    with pytest.raises(DataError, match="holds no object by item id"):
        Polyvore(root).metadata(["1"])
    path.unlink()
    with pytest.raises(DataError, match=r"polyvore_item_metadata\.json cannot be read"):
        Polyvore(root).metadata(["1"])
    assert Polyvore(root).annotations() == Polyvore(root).questions_files()
    (tmp_path / "outer").mkdir()
    root.rename(tmp_path / "outer" / "polyvore_outfits")
    below = tmp_path / "outer" / "polyvore_outfits" / path.name
    below.write_text(json.dumps({"1": {"semantic_category": "tops", "category_id": 11}}))
    assert Polyvore(tmp_path / "outer").metadata(["1"])["1"].category_id == "11"
