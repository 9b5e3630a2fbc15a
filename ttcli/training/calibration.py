"""Confidence that means something: from the height of a peak to how often such a peak is the ball."""

import torch
from torch import Tensor

STEPS = 30
PRIOR = 1e-3
"""Pull towards slope 1 and bias 0, for each answer: it only matters where nearly all answers are right or wrong."""


def fit_calibration(logits: Tensor, right: Tensor) -> dict[str, float]:
    """Return slope and bias with which `sigmoid(slope * logit + bias)` is how often a peak is right.

    Platt scaling (Platt, "Probabilistic Outputs for Support Vector Machines", 1999) by Newton's method.

    Args:
        logits: Logits of the probability at each frame's peak, shape (N,).
        right: Whether the ball is visible and within the distance that counts of the peak, bool, shape (N,).
    """
    features = torch.stack([logits.double(), torch.ones(len(logits), dtype=torch.float64)], 1)
    start = torch.tensor([1.0, 0.0], dtype=torch.float64)
    weights = start.clone()
    pull = PRIOR * max(len(logits), 1) * torch.eye(2, dtype=torch.float64)
    for _ in range(STEPS):
        probability = torch.sigmoid(features @ weights)
        gradient = features.T @ (probability - right.double()) + pull @ (weights - start)
        curvature = (features * (probability * (1 - probability))[:, None]).T @ features + pull
        weights = weights - torch.linalg.solve(curvature, gradient)
    slope, bias = weights.tolist()
    return {"slope": round(slope, 4), "bias": round(bias, 4)}
