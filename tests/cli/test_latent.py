"""What `gankit latent` writes and says, by its commands."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

import gankit
from gankit.cli import main
from gankit.fitting import fit


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    from tests.conftest import SMALL, THREADS

    folder = tmp_path_factory.mktemp("runs")
    for family, data in (("cgan", "digits"), ("infogan", "digits"), ("gan", "toy:ring8")):
        settings = {"training.steps": 2, "training.batch": 8, "runtime.threads": THREADS}
        tiny = SMALL[family] if data == "digits" else {}
        fit(gankit.override(gankit.configure(family, data), tiny | settings), folder / family)
    return folder


@pytest.fixture
def command(runs, monkeypatch, capfd, tmp_path):
    """command("interpolate", "cgan", ...) -> exit code, stdout, stderr; run inside tmp_path."""
    monkeypatch.chdir(tmp_path)
    for family in ("cgan", "infogan", "gan"):
        (tmp_path / family).symlink_to(runs / family)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gankit", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, *capfd.readouterr()

    return run


def size(path):
    with Image.open(path) as picture:
        return picture.size, getattr(picture, "n_frames", 1)


def tiles(columns, rows):
    """The size of a grid of digits."""
    return columns * 58 + 2, rows * 58 + 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["interpolate", "cgan", "--steps", "4"], (tiles(4, 4), 1)),
        (["interpolate", "cgan", "--between", "0:1,1:7", "-o", "x.gif"], (tiles(1, 1), 20)),
        (["interpolate", "cgan", "--label", "3,8,1", "-o", "x.webp"], (tiles(1, 1), 30)),
        (["interpolate", "infogan", "--code", "1", "--way", "linear"], (tiles(10, 1), 1)),
        (["sweep", "cgan", "--rows", "3", "--steps", "4"], (tiles(4, 3), 1)),
        (["sweep", "cgan", "--from", "zero", "--dimension", "5"], (tiles(10, 1), 1)),
        (["sweep", "cgan", "--dimension", "all", "--steps", "3", "-o", "x.gif"], (tiles(8, 8), 4)),
        (["sweep", "infogan", "--code", "2", "--from", "0:3,1"], (tiles(10, 2), 1)),
        (["turn", "cgan", "--from", "0:1-2", "--to", "0:3,0:4"], (tiles(9, 6), 1)),
        (["truncate", "cgan", "--psi", "1,0.5", "--rows", "4"], (tiles(2, 4), 1)),
        (["directions", "cgan", "--count", "2", "--label", "3"], ((120 + 9 * 58 + 2, 120), 1)),
    ],
    ids=lambda part: " ".join(map(str, part))[:40],
)
def test_a_sheet_is_written_and_named(command, arguments, wanted):
    code, out, err = command("latent", *arguments, "--save-latents", "kept.npz")
    assert (code, err) == (0, "")
    target, kept = out.split()
    assert size(target) == wanted
    assert target == (arguments[arguments.index("-o") + 1] if "-o" in arguments else
                      f"{arguments[0]}.png")  # fmt: skip
    assert len(gankit.load(arguments[1]).sample(latents=gankit.Latents.load(kept)))


@pytest.mark.slow
def test_the_short_command_is_the_same(command, tmp_path):
    assert command("sweep", "cgan", "--dimension", "2", "--rows", "2", "-o", "a.png")[0] == 0
    asked = ["--dimension", "2", "--rows", "2", "-o", "b.png"]
    assert command("latent", "sweep", "cgan", *asked)[0] == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.slow
def test_samples_of_latents_that_were_kept(command, tmp_path):
    first = ["-n", "20", "--seed", "4", "--save-latents", "z.npz", "-o", "a.npz"]
    assert command("sample", "cgan", *first) == (0, "a.npz\nz.npz\n", "")
    assert command("sample", "cgan", "--latents", "z.npz", "-o", "b.npz") == (0, "b.npz\n", "")
    a, b = np.load(tmp_path / "a.npz"), np.load(tmp_path / "b.npz")
    assert np.array_equal(a["images"], b["images"])
    assert np.array_equal(a["labels"], b["labels"])
    for name in ("a.png", "b.png"):
        which = ["--latents", "z.npz"] if name == "b.png" else ["-n", "20", "--seed", "4"]
        assert command("sample", "cgan", *which, "-o", name)[0] == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    asked = ["--latents", "z.npz", "--label", "7", "-o", "c.npz", "--save-latents", "y.npz"]
    assert command("sample", "cgan", *asked)[0] == 0
    assert set(np.load(tmp_path / "c.npz")["labels"]) == {7}
    assert set(gankit.Latents.load("y.npz").labels) == {7}
    assert command("sample", "gan", "-n", "5", "--save-latents", "p.npz", "-o", "p.png")[0] == 0
    assert command("sample", "gan", "--latents", "p.npz", "-o", "q.npz")[0] == 0
    assert np.load(tmp_path / "q.npz")["points"].shape == (5, 2)


@pytest.mark.slow
def test_latents_of_other_weights_are_used_and_it_is_said(command):
    latents = gankit.load("cgan").latents(3)
    gankit.Latents(latents.noise, latents.labels, "cgan", "other").save("z.npz")
    code, out, err = command("sample", "cgan", "--latents", "z.npz")
    assert (code, out) == (0, "samples.png\n")
    assert err == "gankit: the latents in z.npz were drawn for other weights\n"
    _, out, err = command("latent", "truncate", "cgan", "--from", "z.npz:1", "-o", "t.png")
    assert (out, err.count("drawn for other weights")) == ("t.png\n", 1)


@pytest.mark.slow
def test_arithmetic_neighbours_and_inversion(command):
    terms = ["--of", "0:3,0:13", "--minus", "0:23", "--plus", "0:8,0:18"]
    assert command("latent", "arithmetic", "cgan", *terms) == (0, "arithmetic.png\n", "")
    code, out, err = command("latent", "neighbours", "cgan", "-n", "3", "--features", "pixels")
    assert (code, err) == (0, "")
    assert out.startswith("in pixels: samples are ")
    asked = ["-n", "2", "--steps", "3", "--pool", "20", "--save-latents", "found.npz"]
    code, out, err = command("latent", "invert", "cgan", "digits", *asked)
    assert (code, err) == (0, "")
    assert "2 images: error " in out
    ways = ["--between", "found.npz", "-o", "morph.gif"]
    assert command("latent", "interpolate", "cgan", *ways) == (0, "morph.gif\n", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["interpolate", "gan"], "latents are shown as images; this run makes points"),
        (["neighbours", "gan"], "this run makes points"),
        (["invert", "gan", "digits"], "this run makes points"),
        (["arithmetic", "gan", "--of", "0", "--minus", "1", "--plus", "2"], "makes points"),
        (["interpolate", "cgan", "-o", "x.jpg"], "target must be name.png, or a film"),
        (["arithmetic", "cgan", "--of", "0", "--minus", "1", "--plus", "2", "-o", "x.gif"],
         "target must be name.png, got x.gif (--out)"),
        (["interpolate", "cgan", "--between", "0:1"], "a way has two ends or more"),
        (["interpolate", "cgan", "--between", "y.npz,0:1"], "no latents at 'y.npz'"),
        (["interpolate", "cgan", "--between", "0;1"], "points at no latent"),
        (["interpolate", "cgan", "--label", "3,x"], "label 'x' is outside the 10 classes"),
        (["interpolate", "cgan", "--code", "1"], "has 0 codes"),
        (["interpolate", "infogan", "--way", "spherical"], "drawn from a cube"),
        (["interpolate", "cgan", "--steps", "1"], "--steps must be in 2 to 100"),
        (["sweep", "cgan", "--dimension", "64"], "dimension must be in 0 to 63"),
        (["sweep", "cgan", "--dimension", "all", "--rows", "3"], "leave it out"),
        (["sweep", "cgan", "--dimension", "all", "--from", "0:1,0:2"], "from one latent, got 2"),
        (["truncate", "cgan", "--psi", "2"], "psi must be in 0 to 1, got 2 (--psi)"),
        (["truncate", "cgan", "--psi", "a"], "psi must be numbers joined by commas"),
        (["directions", "cgan", "--count", "65"], "count must be in 1 to 64"),
        (["directions", "cgan", "--method", "pca", "--layer", "99"], "layer must be in 1 to"),
        (["turn", "cgan", "--from", "0:1", "--to", "0:1"], "there is nowhere to turn"),
        (["truncate", "cgan", "--save-latents", "x.png"], "kept in a file name.npz, got x.png"),
        (["arithmetic", "cgan", "--of", "0:0-99999", "--minus", "1", "--plus", "2"],
         "300,000 images are too many to look at"),
        (["invert", "cgan", "nowhere"], "data 'nowhere' is no known data set"),
        (["best", "gan/model.safetensors", "-n", "0"], "n times proposals must be in 1"),
        (["best", "cgan", "--among", "9"], "--among have no meaning with --by d"),
        (["forget", "cgan"], "mark the object on samples, by --box or by --masks"),
        (["forget", "cgan", "--box", "0:1,2,3"], "a box is typed as N:x0,y0,x1,y1"),
        (["arithmetic", "cgan", "--of", "0:1", "--minus", "0:1"], "give --plus or --with"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)  # fmt: skip
def test_what_cannot_be_done_is_one_line(command, tmp_path, arguments, said):
    before = sorted(path.name for path in tmp_path.iterdir())
    code, out, err = command("latent", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.slow
def test_best_says_how_d_was_calibrated(command):
    code, out, err = command("latent", "best", "cgan", "-n", "10", "--proposals", "5")
    assert (code, err) == (0, "")
    assert out.startswith("D of the checkpoint of step 2")
    assert out.endswith("best.png\n")


@pytest.mark.slow
def test_what_is_found_by_a_class_is_said(command):
    asked = ["--of", "0:3", "--without", "3", "--with", "8", "--exemplars", "2"]
    code, out, err = command("latent", "arithmetic", "cgan", *asked)
    assert (code, err) == (0, "")
    assert out == "3: 2 latents with the label 3\n8: 2 latents with the label 8\narithmetic.png\n"
    assert command("latent", "arithmetic", "cgan", *asked[:4], "--with", "x")[0] == 2


@pytest.mark.slow
def test_forgetting_is_shown_and_said(command):
    boxes = ["--box", "0:3,3,9,9", "--box", "1:3,3,9,9", "--most", "1"]
    code, out, err = command("latent", "forget", "cgan", "--label", "7", "-n", "3", *boxes)
    assert (code, err) == (0, "")
    assert "on 2 samples" in out
    assert "1 of " in out
    assert out.endswith("forget.png\n")
    assert size("forget.png")[0] == (120 + 3 * 58 + 2, 120)


@pytest.mark.slow
def test_best_by_coverage(command):
    asked = ["--by", "coverage", "-n", "4", "--among", "20", "--save-latents", "z.npz"]
    code, out, _ = command("latent", "best", "cgan", *asked, "-o", "x.npz")
    assert code == 0
    assert "4 of 20 samples cover" in out
    kept = gankit.Latents.load("z.npz")
    assert np.array_equal(np.load("x.npz")["images"], gankit.load("cgan").sample(latents=kept))
