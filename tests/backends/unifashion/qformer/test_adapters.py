"""Adapters against their formulas, written out with plain matrices."""

from __future__ import annotations

import math

import pytest
import torch

from fashionbench.errors import ConfigError, UnknownNameError
from fashionbench_unifashion.qformer.adapters import KINDS, Adapter


@pytest.fixture
def queries():
    return torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(0))


def _weights(adapter):
    return [p.detach() for p in adapter.parameters()]


def test_linear_is_one_matrix_on_each_query(queries):
    adapter = Adapter(12, 7)
    weight, bias = _weights(adapter)
    torch.testing.assert_close(adapter(queries), torch.einsum("bqi,oi->bqo", queries, weight) + bias)


def test_mlp_is_two_matrices_with_gelu_between(queries):
    adapter = Adapter(12, 7, "mlp")
    w1, b1, w2, b2 = _weights(adapter)
    hidden = queries @ w1.T + b1
    hidden = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
    torch.testing.assert_close(adapter(queries), hidden @ w2.T + b2)


def test_projlayer_adds_a_normed_bottleneck_to_its_input(queries):
    adapter = Adapter(12, 12, "projlayer").eval()
    gain, shift, w1, b1, w2, b2 = _weights(adapter)
    normed = (queries - queries.mean(-1, keepdim=True)) / queries.std(-1, correction=0, keepdim=True)
    hidden = (normed * gain + shift) @ w1.T + b1
    hidden = hidden / (1 + torch.exp(-1.702 * hidden))
    torch.testing.assert_close(adapter(queries), queries + hidden @ w2.T + b2)
    assert w1.shape == (48, 12)


def test_the_paper_s_adapter_has_768_times_768_weights_and_768_biases():
    assert sum(p.numel() for p in Adapter(768, 768).parameters()) == 768 * 768 + 768


def test_only_projlayer_drops_out(queries):
    for kind in KINDS:
        adapter = Adapter(12, 12, kind, dropout=0.9).train()
        torch.manual_seed(1)
        first = adapter(queries)
        assert torch.equal(first, adapter(queries)) == (kind != "projlayer")


def test_projlayer_refuses_to_change_the_width():
    with pytest.raises(ConfigError, match="12 to 7"):
        Adapter(12, 7, "projlayer")


def test_an_unknown_kind_is_named_with_the_known_ones():
    with pytest.raises(UnknownNameError, match="projlayer"):
        Adapter(12, 12, "projlayr")


def test_normalised_states_are_centred_and_scaled_by_what_was_measured(queries):
    adapter = Adapter(12, 7, normalised=5)
    weight, bias = _weights(adapter)
    torch.testing.assert_close(adapter(queries), torch.einsum("bqi,oi->bqo", queries, weight) + bias)
    seen = 3 * torch.randn(200, 5, 12, generator=torch.Generator().manual_seed(1)) + 2
    seen[:, 0, 0] = 4.0  # a constant, which is divided by the least that there is
    adapter.measure(seen)
    normed = (queries - seen.mean(0)) / seen.std(0, correction=0).clamp(min=1e-2)
    torch.testing.assert_close(normed[:, 0, 0], (queries[:, 0, 0] - 4.0) * 100)
    torch.testing.assert_close(adapter(queries), torch.einsum("bqi,oi->bqo", normed, weight) + bias)
    assert set(adapter.statistics()) == {"mean", "scale"} <= set(adapter.state_dict())
    plain = Adapter(12, 7)
    plain.measure(seen)
    assert plain.statistics() == {} and set(plain.state_dict()) == {"body.weight", "body.bias"}
