from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench.redaction import hide, redacted, redacted_words, secret_hash

WORD = st.text("abcdefghijkmnpqrstuvwxyzABCDEFGH0123456789", min_size=36, max_size=44)
#: The beginning of tokens, by provider; what follows is drawn.
PREFIXES = (
    "hf_", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "sk-", "sk-ant-api03-", "sk-proj-", "sk_live_", "rk_live_", "AKIA",
    "AIza", "ya29.", "GOCSPX-", "xoxb-", "xapp-", "npm_", "pypi-", "dckr_pat_", "shpat_", "r8_", "gsk_", "nvapi-", "ATATT3",
    "lin_api_", "figd_", "hvs.", "tskey-", "glsa_", "whsec_",
)  # fmt: skip
#: Places of a secret in a text, and what is left there.
PLACES = (
    ("key={}", "key=***"),
    ("the call ?model=x&sig={}&n=1 failed", "the call ?model=x&sig=***&n=1 failed"),
    ("AccountKey={};Endpoint=x", "AccountKey=***;Endpoint=x"),
    ("Authorization: Bearer {}", "Authorization: Bearer ***"),
    ("proxy-authorization: Basic {}", "proxy-authorization: Basic ***"),
    ("the server said: bearer {} is unknown", "the server said: bearer *** is unknown"),
    ("x-api-key: {}", "x-api-key: ***"),
    ("run --pass {} again", "run --pass *** again"),
    ("run --password={} again", "run --password=*** again"),
    ("curl -u me:{} http://x", "curl -u *** http://x"),
    ('{{"api_key": "{}", "model": "m"}}', '{{"api_key": "***", "model": "m"}}'),
    ("client_secret: {}", "client_secret: ***"),
    ("https://me:{}@example.org/a", "https://***@example.org/a"),
    ("https://{}@example.org/a", "https://***@example.org/a"),
    ("postgres://me:p@{}/w#1@db.example.org:5432/x", "postgres://***@db.example.org:5432/x"),
    ("redis://:{}@localhost:6379/0", "redis://***@localhost:6379/0"),
    ("https%3A%2F%2Fme%3A{}%40example.org", "https%3A%2F%2F***%40example.org"),
    ("me:{}@example.org:/srv", "***@example.org:/srv"),
    ("https://hooks.slack.com/services/T0/B0/{}", "https://hooks.slack.com/services/***"),
    ("https://s3.example.org/b?X-Amz-Credential={}&X-Amz-Signature=0&z=1", "https://s3.example.org/b?X-Amz-Credential=***&X-Amz-Signature=***&z=1"),
)  # fmt: skip


@given(st.sampled_from(PREFIXES), WORD)
def test_the_token_forms_of_providers_are_known(prefix, rest):
    token = prefix + (rest.upper() if prefix == "AKIA" else rest)
    assert redacted(f"refused {token}, said the server") == "refused ***, said the server"


@given(st.sampled_from(PLACES), WORD)
def test_a_secret_is_known_by_its_place(place, secret):
    text, left = place
    assert redacted(text.format(secret)) == left.replace("{{", "{").replace("}}", "}")


@given(st.sampled_from(PLACES), WORD)
def test_what_was_redacted_is_redacted(place, secret):
    once = redacted(place[0].format(secret))
    assert redacted(once) == once


def test_other_shapes():
    assert redacted("-----BEGIN EC PRIVATE KEY-----\nMIIE\n-----END EC PRIVATE KEY-----\nend") == "***\nend"
    assert redacted("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_1") == "***"
    assert json.loads(redacted('{"a": {"password": "x \\u00e9 y"}, "b": [1]}')) == {"a": {"password": "***"}, "b": [1]}


@pytest.mark.parametrize(
    "text",
    ["wardrobe/image-to-text × baseline/colour-histogram", "hit@10 and recall_subset@1", "max_new_tokens=32", "tokens=64",
     "num_key_value_heads=4", "keypoints=3", "the key 'a' stands twice", "unknown token: foo", "git@github.com:o/r.git",
     "http://host:8080/path/a@b", "mailto:me@example.org", "file.py:Class", "--passes 3", "the secret is out",
     "key_variable=OPENAI_API_KEY", "sha256:" + "ab" * 32, "model:sk-learn-pipeline", "tokenizer: ptb", "num_tokens: 77",
     "no such key: Bearer $ENDPOINT_KEY", "api_key=$OPENAI_API_KEY", "--password=${PW}"],
)  # fmt: skip
def test_what_is_no_secret_stays(text):
    assert redacted(text) == text


def test_the_environment_and_what_was_hidden_are_known_wherever_they_stand(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0f" * 20)
    monkeypatch.setenv("ACME_TOKEN_FILE", "/run/secrets/acme")
    hide("swordfish-7")
    assert redacted(f"no run for {'0f' * 20} (swordfish-7), see /run/secrets/acme") == (
        "no run for $WANDB_API_KEY (***), see /run/secrets/acme"
    )


def test_the_word_behind_an_option_of_a_secret_is_one():
    assert redacted_words(["run", "--pass", "x", "--seed", "1", "-o", "api_key=abc", "--key", "y"]) == (
        "run", "--pass", "***", "--seed", "1", "-o", "api_key=***", "--key", "***",
    )  # fmt: skip


def test_a_secret_option_is_one_hash_wherever_it_is_given():
    hashed = secret_hash("tea", "acme/model", "token")
    assert hashed == secret_hash("tea", "acme/model", "token")
    assert len({hashed, secret_hash("tee", "acme/model", "token"), secret_hash("tea", "acme/other", "token")}) == 3
    assert "tea" not in hashed
