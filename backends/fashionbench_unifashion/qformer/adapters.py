"""Task-specific adapters: from the Q-Former's outputs to the width of the language model or of the diffusion model."""

from __future__ import annotations

from typing import Literal, TypeAlias, cast, get_args

import torch
from torch import Tensor, nn

from fashionbench.errors import ConfigError, UnknownNameError

AdapterKind: TypeAlias = Literal["linear", "mlp", "projlayer"]
KINDS: tuple[str, ...] = get_args(AdapterKind)
#: The least that states, whose layer norm leaves them with values about 1, are divided by: what hardly differs between
#: images is mostly rounding.
SMALLEST = 1e-2


class Adapter(nn.Module):
    """Maps each of the Q-Former's outputs by itself: float [B, Q, width_in] to float [B, Q, width_out].

    ``linear`` is the paper's (UniFashion, section 3.1: queries are "linearly" projected) and that of ``llm_proj`` in
    the released code. ``mlp`` is LLaVA-1.5's projector, two linear layers with GELU between them (Liu et al., "Improved
    Baselines with Visual Instruction Tuning", 2023). ``projlayer`` is what the released code puts before the diffusion
    model, after BLIP-Diffusion (Li et al., 2023): the input plus a normed bottleneck of four times its width.

    :param width_in: of the Q-Former, 768 in the paper.
    :param width_out: of the language model or of the diffusion model's cross-attention.
    :param dropout: only of ``projlayer``, whose released value is 0.1.
    :param normalised: Q, the number of the Q-Former's outputs, to centre and scale each value of each of them by its
        mean and standard deviation over training examples (:meth:`measure`) before it is mapped; ``None``, as in the
        paper, maps them as they are. What most images share then does not drown what tells them apart.
    :raises UnknownNameError: on another kind.
    :raises ConfigError: where ``projlayer`` would have to change the width: its input is added to its output.
    """

    mean: Tensor | None
    scale: Tensor | None

    def __init__(
        self,
        width_in: int,
        width_out: int,
        kind: str = "linear",
        *,
        dropout: float = 0.1,
        normalised: int | None = None,
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise UnknownNameError("adapter", kind, KINDS)
        if kind == "projlayer" and width_in != width_out:
            raise ConfigError(
                f"the adapter projlayer cannot map {width_in} to {width_out}: it adds its input to its output",
                remedy="use linear or mlp, or equal widths",
            )
        self.kind: AdapterKind = cast("AdapterKind", kind)
        self.body = _body(kind, width_in, width_out, dropout)
        self.register_buffer("mean", None if normalised is None else torch.zeros(normalised, width_in))
        self.register_buffer("scale", None if normalised is None else torch.ones(normalised, width_in))

    @torch.no_grad()
    def measure(self, queries: Tensor) -> None:
        """Take mean and standard deviation from the outputs of training examples, float [N, Q, width_in].

        Does nothing without normalisation.
        """
        if self.mean is None or self.scale is None:
            return
        self.mean.copy_(queries.mean(dim=0))
        self.scale.copy_(queries.std(dim=0, correction=0).clamp(min=SMALLEST))

    def statistics(self) -> dict[str, Tensor]:
        """Return what was measured, by name; nothing without normalisation."""
        return {} if self.mean is None or self.scale is None else {"mean": self.mean, "scale": self.scale}

    def forward(self, queries: Tensor) -> Tensor:
        """Map float [B, Q, width_in] to float [B, Q, width_out]."""
        if self.mean is not None and self.scale is not None:
            queries = (queries - self.mean) / self.scale
        mapped: Tensor = self.body(queries)
        return queries + mapped if self.kind == "projlayer" else mapped


class QuickGELU(nn.Module):
    """The approximation x * sigmoid(1.702 x) of GELU (Hendrycks and Gimpel, arXiv 1606.08415, section 2)."""

    def forward(self, values: Tensor) -> Tensor:
        """Apply it to each value."""
        return values * torch.sigmoid(1.702 * values)


def _body(kind: str, width_in: int, width_out: int, dropout: float) -> nn.Module:
    if kind == "linear":
        return nn.Linear(width_in, width_out)
    if kind == "mlp":
        return nn.Sequential(nn.Linear(width_in, width_out), nn.GELU(), nn.Linear(width_out, width_out))
    return nn.Sequential(
        nn.LayerNorm(width_in, eps=1e-12),
        nn.Linear(width_in, 4 * width_in),
        QuickGELU(),
        nn.Linear(4 * width_in, width_out),
        nn.Dropout(dropout),
    )
