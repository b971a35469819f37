"""Explore a trained generator by its latents: pure functions, of which most return a `Sheet`.

from gankit.exploring import interpolate, write_sheet

gan = gankit.load("runs/digits")
write_sheet(gan, interpolate(gan, gan.latents(4, seed=0), 10), "ways.png")
"""

from gankit.exploring.covering import Covering, cover
from gankit.exploring.directions import Directions, factorise, principal
from gankit.exploring.exemplars import read_exemplars
from gankit.exploring.filtering import Best, best, metropolis_hastings
from gankit.exploring.forgetting import Maps, forget, learn_maps
from gankit.exploring.inversion import Inversion, invert
from gankit.exploring.neighbours import Nearest, find_neighbours
from gankit.exploring.paths import along_code, along_labels, interpolate
from gankit.exploring.sheets import Sheet, draw, write_images, write_sheet
from gankit.exploring.sweeps import sweep
from gankit.exploring.truncation import truncate
from gankit.exploring.vectors import arithmetic, arithmetic_picture, mean, turn, walk

__all__ = [
    "Best",
    "Covering",
    "Directions",
    "Inversion",
    "Maps",
    "Nearest",
    "Sheet",
    "along_code",
    "along_labels",
    "arithmetic",
    "arithmetic_picture",
    "best",
    "cover",
    "draw",
    "factorise",
    "find_neighbours",
    "forget",
    "interpolate",
    "invert",
    "learn_maps",
    "mean",
    "metropolis_hastings",
    "principal",
    "read_exemplars",
    "sweep",
    "truncate",
    "turn",
    "walk",
    "write_images",
    "write_sheet",
]
