"""The endpoint captioner against a local server that times out, refuses, fails, and answers rubbish."""

from __future__ import annotations

import hashlib
import json
import time

import pytest
from hostile_server import FAULTS, HostileServer
from PIL import Image

from fashionbench.data.items import ImageItem
from fashionbench.errors import BackendError, ConfigError
from fashionbench.specs.capabilities import BackendContext

pytest.importorskip("openai")
from fashionbench_models.endpoint.captioner import EndpointCaptioner

KEY = "sk-a-key-that-nobody-may-see"


@pytest.fixture
def server():
    server = HostileServer()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def captioner(server, tmp_path, monkeypatch):
    """Make a captioner that keeps its answers in one folder."""
    monkeypatch.setenv("ENDPOINT_KEY", KEY)

    def make(**options):
        defaults = {"url": server.url, "model": "m", "key_variable": "ENDPOINT_KEY", "timeout": 0.3, "backoff": 0.001}
        return EndpointCaptioner(BackendContext({**defaults, **options}, 0, "cpu", tmp_path / "cache"))

    return make


def items(count):
    return [ImageItem(f"image-{at}", Image.new("RGB", (20, 12), (at, 0, 0))) for at in range(count)]


def test_every_answer_comes_in_its_place_in_spite_of_every_fault(server, captioner):
    server.faults = FAULTS
    made = captioner(attempts=len(FAULTS) + 1)
    assert made.caption(items(3), "Describe it.") == ["red 0", "red 1", "red 2"]
    assert server.attempts == dict.fromkeys(range(3), len(FAULTS) + 1)
    assert {text for *_, text in server.seen} == {"Describe it."}
    assert {key for *_, key, _ in server.seen} == {f"Bearer {KEY}"}
    # The good answer and the empty one of each image were counted; broken ones say no tokens.
    assert made.preprocessing["answers"].startswith("6 asked for, 0 kept from earlier, 21 asked for again")
    assert made.preprocessing["tokens"] == "600 sent, 60 received"


def test_a_run_that_stops_in_the_middle_asks_for_the_rest_alone(server, captioner):
    server.refuse_after = 5
    with pytest.raises(BackendError, match="no answer for image-. in 2 attempts: InternalServerError") as caught:
        captioner(attempts=2, concurrency=1).caption(items(9), "x")
    assert "is kept and not asked again" in caught.value.remedy
    server.refuse_after, server.seen = None, []
    again = captioner(timeout=30)  # a slow answer would be asked for again
    assert again.caption(items(9), "x") == [f"red {at}" for at in range(9)]
    assert sorted(red for red, *_ in server.seen) == [5, 6, 7, 8]
    assert again.preprocessing["answers"] == "4 asked for, 5 kept from earlier, 0 asked for again"
    server.seen = []
    assert captioner(timeout=30).caption(items(9), "another question") == [f"red {at}" for at in range(9)]
    assert len(server.seen) == 9


def test_an_answer_that_is_refused_for_good_is_asked_for_once(server, captioner):
    server.faults = ("401",) * 9
    with pytest.raises(BackendError, match="the endpoint refuses image-0: AuthenticationError"):
        captioner(concurrency=1).caption(items(1), "x")
    assert len(server.seen) == 1


def test_a_key_that_the_server_repeats_is_not_in_the_message(server, captioner):
    server.faults = ("repeats the key",)
    with pytest.raises(BackendError, match=r"no such key: Bearer \$ENDPOINT_KEY") as caught:
        captioner().caption(items(1), "Describe it.")
    assert KEY not in str(caught.value)


def test_an_answer_in_parts_is_their_text_and_what_is_no_text_is_asked_for_again(server, captioner):
    server.faults = ("number", "image part", "parts")
    assert captioner().caption(items(1), "Describe it.") == ["red 0"]
    assert server.attempts == {0: 3}


@pytest.mark.parametrize("fault", ["no usage", "odd usage"])
def test_an_answer_that_does_not_say_what_it_cost_is_kept_and_ends_a_budget(server, captioner, fault):
    server.faults = [fault]
    without = captioner(concurrency=1)
    assert without.caption(items(2), "x") == ["red 0", "red 1"]
    assert without.preprocessing["tokens"].endswith("2 answers do not say")
    server.attempts.clear()
    prices = {"price_in": 10.0, "price_out": 50.0, "concurrency": 1}
    made = captioner(**prices, budget=1.0)
    with pytest.raises(BackendError, match="1 answers do not say how many tokens they cost"):
        made.caption(items(4), "x")
    asked = len(server.seen)
    assert captioner(**prices).caption(items(3), "x") == ["red 0", "red 1", "red 2"]
    assert len(server.seen) == asked, "what was answered is not asked again"


def test_the_budget_ends_the_run_and_what_was_paid_for_is_kept(server, captioner):
    # 100 tokens sent at 10 and 10 received at 50, of a million each: 0.0015 an answer.
    prices = {"price_in": 10.0, "price_out": 50.0, "concurrency": 1}
    made = captioner(**prices, budget=0.004)
    with pytest.raises(BackendError, match="the budget of 0.004 is spent, 0.0045 for 3 answers"):
        made.caption(items(6), "x")
    assert made.preprocessing["cost"] == "0.0045"
    assert captioner(**prices, budget=0.1).caption(items(6), "x") == [f"red {at}" for at in range(6)]
    assert len(server.seen) == 6


def test_no_more_requests_at_once_than_allowed(server, captioner):
    captioner(concurrency=3, timeout=10.0).caption(items(24), "x")
    assert 1 < server.most_at_once <= 3


def test_no_more_requests_a_minute_than_allowed(server, captioner):
    begun = time.monotonic()
    captioner(requests_per_minute=600, concurrency=8, timeout=10.0).caption(items(6), "x")
    assert time.monotonic() - begun >= 5 * 60 / 600 - 0.01


def test_images_are_made_smaller_on_request(server, captioner):
    captioner(image_side=5).caption(items(1), "x")
    assert server.seen[0][1] == (5, 3)


def test_a_damaged_kept_answer_is_asked_for_again(server, captioner, tmp_path):
    captioner().caption(items(1), "x")
    (kept,) = (tmp_path / "cache").rglob("*.json")
    whole = kept.read_text()
    for damaged in ('{"text": "red', whole.replace("red 0", "rad 0"), "[]"):
        kept.write_text(damaged)
        before = len(server.seen)
        assert captioner().caption(items(1), "x") == ["red 0"]
        assert len(server.seen) == before + 1
    without = json.loads(whole)
    del without["checksum"]
    kept.write_text(json.dumps(without))  # of an earlier version, and paid for
    assert captioner().caption(items(1), "x") == ["red 0"]
    assert len(server.seen) == before + 1


def test_an_answer_that_was_kept_by_an_older_reading_is_asked_for_again(server, captioner, tmp_path):
    """Such as one of before answers in parts were understood: its name has no number of the reading."""
    captioner().caption(items(1), "x")
    ((images, _),) = server.forms
    (kept,) = (tmp_path / "cache").rglob("*.json")
    url = captioner()._client._data_url(images[0])
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "x"}]
    body = {"model": "m", "messages": [{"role": "user", "content": content}], "max_tokens": 64, "temperature": 0}

    def name(**more):
        return hashlib.sha256(json.dumps({"url": server.url, **more, **body}, sort_keys=True).encode()).hexdigest()

    assert kept.stem == name(reading=2)
    for old in (name(), name(reading=1)):
        path = kept.parents[1] / old[:2] / f"{old}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text('{"text": "[parts]", "content": "[parts]", "tokens_in": 1, "tokens_out": 1}')
    kept.unlink()
    assert captioner().caption(items(1), "x") == ["red 0"]
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "https://user:secret@host/v1"}, "holds a user name, a password or parameters"),
        ({"url": "https://host/v1?key=secret"}, "holds a user name, a password or parameters"),
        ({"url": "host"}, "the option url is 'host'"),
        ({"model": ""}, "the endpoint has no model"),
        ({"budget": 1.0}, "a budget needs prices"),
        ({"concurrency": 0}, "concurrency is 0"),
    ],
)
def test_options_that_cannot_be_right(options, message, captioner):
    with pytest.raises(ConfigError) as caught:
        captioner(**options)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_without_a_key_nothing_is_sent(captioner, server, monkeypatch):
    monkeypatch.delenv("ENDPOINT_KEY")
    with pytest.raises(BackendError, match="ENDPOINT_KEY holds no key"):
        captioner()
    assert not server.seen


@pytest.mark.slow
def test_a_whole_run_keeps_no_key_and_says_what_it_cost(server, tmp_path, monkeypatch):
    import fashionbench

    monkeypatch.setenv("ENDPOINT_KEY", KEY)
    own = tmp_path / "own"
    own.mkdir()
    for at in range(3):
        Image.new("RGB", (8, 8), (at, 0, 0)).save(own / f"{at}.png")
    (own / "manifest.csv").write_text("image,text\n" + "".join(f"{at}.png,red {at}\n" for at in range(3)))
    server.faults = ("500",)
    options = {"url": server.url, "model": "m", "key_variable": "ENDPOINT_KEY", "backoff": 0.001}
    config = {
        "tasks": ["manifest/captioning"],
        "backends": [{"id": "endpoint/captioner", "options": options}],
        "data": {"manifest": str(own)},
    }
    (record,) = fashionbench.run(config, store=tmp_path / "store")
    assert record.status == "ok", record.error
    assert record.metric("bleu-1").value == pytest.approx(1.0)
    assert record.backend.preprocessing["tokens"] == "300 sent, 30 received"
    for path in (tmp_path / "store").rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
