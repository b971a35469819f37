"""What G's loss may have besides: entropy, the most real fakes."""

from __future__ import annotations

import torch
from torch import Tensor


def entropy(samples: Tensor) -> Tensor:
    """The differential entropy of the distribution that `samples` [N, ...] come from, in nats,
    up to a constant of N and D: D times the mean log distance to the nearest neighbour
    (Kozachenko & Leonenko 1987), divided by D so that its weight does not depend on the size.
    """
    flat = samples.flatten(1)
    # Not by way of inner products: small distances are what counts.
    distance = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
    distance = distance + torch.diag(torch.full_like(distance[0], float("inf")))
    # A floor on the distance: two equal samples would have an entropy of minus infinity.
    return distance.amin(1).clamp_min(1e-8).log().mean()


def most_real(logits_real: Tensor, logits_fake: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """The `share` of pairs whose fakes D takes for the most real (Sinha 2020, arXiv 2002.06224)."""
    count = max(1, round(share * len(logits_fake)))
    chosen = logits_fake.detach().topk(count).indices
    return logits_real[chosen], logits_fake[chosen]
