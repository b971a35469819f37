"""Training data: named sets, IDX folders, image folders and toy points, read by index."""

from __future__ import annotations

from gankit.data.dataset import ArrayDataset, Dataset
from gankit.data.load import (
    at_shape,
    check_shape,
    decided,
    glance,
    load_configured,
    load_dataset,
    load_of_shape,
    looks_like_path,
    source_name,
    tell_classes,
)
from gankit.data.named import DATASETS
from gankit.data.pixels import as_pictures, as_planes, planes_of

__all__ = [
    "DATASETS",
    "ArrayDataset",
    "Dataset",
    "as_pictures",
    "as_planes",
    "at_shape",
    "check_shape",
    "decided",
    "glance",
    "load_configured",
    "load_dataset",
    "load_of_shape",
    "looks_like_path",
    "planes_of",
    "source_name",
    "tell_classes",
]
