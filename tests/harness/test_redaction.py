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
    "lin_api_", "figd_", "hvs.", "tskey-", "glsa_", "whsec_", "hf_oauth_", "ATBB", "LTAI5t", "AKID", "jina_", "pa-", "rf_", "sb_secret_",
    "pscale_tkn_", "glc_", "dp.pt.", "nfp_", "CCIPAT_", "bkua_", "fm2_", "abcdefghijklmn.atlasv1.", "access_token$production$",
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
    ("machine example.org login me password {}", "machine example.org login me password ***"),
    ("[('X-Api-Key', '{}'), ('a', 'b')]", "[('X-Api-Key', '***'), ('a', 'b')]"),
    ("(b'authorization', b'Bearer {}')", "(b'authorization', b'Bearer ***')"),
    ("run --pat {} again", "run --pat *** again"),
    ("api_key: |\n  {}\nmodel: m", "api_key: |\n  ***\nmodel: m"),
    ("<a><password>{}</password></a>", "<a><password>***</password></a>"),
    ('<input name="token" value="{}">', '<input name="token" value="***">'),
    ("secret := {}", "secret := ***"),
    ("ENV API_KEY {}", "ENV API_KEY ***"),
    ('\\\\\\"token\\\\\\":\\\\\\"{}\\\\\\"', '\\\\\\"token\\\\\\":\\\\\\"***\\\\\\"'),
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
    assert redacted('{"username": "me", "key": "' + "0f" * 16 + '"}') == '{"username": "me", "key": "***"}'
    for token in ("MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs", "0f" * 16 + "-us12", "sk_" + "0f" * 20,
                  "ms-12345678-1234-1234-1234-123456789012", "pat0123456789abcd." + "0f" * 20, "lsv2_pt_" + "0f" * 16 + "_0f"):  # fmt: skip
        assert redacted(f"with {token} it failed") == "with *** it failed"
    assert redacted("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_1") == "***"
    assert json.loads(redacted('{"a": {"password": "x \\u00e9 y"}, "b": [1]}')) == {"a": {"password": "***"}, "b": [1]}


@pytest.mark.parametrize(
    "text",
    ["wardrobe/image-to-text × baseline/colour-histogram", "hit@10 and recall_subset@1", "max_new_tokens=32", "tokens=64",
     "num_key_value_heads=4", "keypoints=3", "the key 'a' stands twice", "unknown token: foo", "git@github.com:o/r.git",
     "http://host:8080/path/a@b", "mailto:me@example.org", "file.py:Class", "--passes 3", "the secret is out",
     "key_variable=OPENAI_API_KEY", "sha256:" + "ab" * 32, "model:sk-learn-pipeline", "tokenizer: ptb", "num_tokens: 77",
     "bos_token_id=12", "eos_token_id: 102312345", "pad_token=[PAD]", "token_type_ids=0", "my/hf_siglip_base", "hf_hub_download",
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


@pytest.mark.parametrize("part", ['"', '\\"', "a.", "a-", "a@", "<token ", "token: ", "ENV ", "login ", "1", "AA.A"])
def test_a_long_text_of_one_sign_is_looked_through_once(part):
    """Where each beginning is tried anew with all that follows, this takes minutes."""
    text = part * (20_000 // len(part))
    assert redacted(f"{text} api_key=0123456789abcdef") == f"{text} api_key=***"
