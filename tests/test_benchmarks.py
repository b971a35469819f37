"""The benchmarks run, in a tiny form, and print the line of JSON that the page of speed is from."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import gankit
from gankit.nn.convolutions import WIDE, FastConv2d

ROOT = Path(__file__).parent.parent


@pytest.fixture
def told(monkeypatch, capsys):
    """Run a benchmark's `main` in this process, and return what its line says.

    The page of speed can be written from the line.
    """
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    sections = importlib.import_module("write_speed").EACH

    def run(module, *arguments):
        monkeypatch.setattr(sys, "argv", [module.__file__, *arguments])
        module.main()
        line = json.loads(capsys.readouterr().out)
        assert line["benchmark"] == module.__name__
        assert line["torch"]
        assert line["gankit"]
        _, section = sections[module.__name__]
        assert f"python benchmarks/{module.__name__}.py" in "\n".join(section(line))
        return line

    return run


def test_a_steps_cost_is_told_beside_the_tutorials_and_by_family(told, monkeypatch):
    module = importlib.import_module("training_step")
    monkeypatch.setattr(module, "CASES", {"tiny": (16, 1, 4, 4, 2, False)})
    monkeypatch.setattr(module, "SHAPES", ((16, 16, 1),))
    monkeypatch.setattr(module, "limit", lambda: 2e9)
    few = ("--rounds", "2", "--seconds", "0", "--threads", "1")
    line = told(module, *few, "--families", "began,gan")  # gan's penalty is of some steps alone
    (case,) = line["against_tutorial"]
    assert case["ratio"]["least"] <= case["ratio"]["median"] <= case["ratio"]["most"]
    assert case["gankit_images_per_s"] > 0
    assert 0 < case["operations_left_out"] < 0.25  # of the three passes through D, part of one
    assert line["limit_gflops"] == 2
    assert [family["family"] for family in line["families"]] == ["began", "gan"]
    for family in line["families"]:
        assert family["shape"] == "16x16x1"
        assert family["ms"]["median"] > 0
        assert family["gflops"] > 0


def test_operations_are_those_counted_by_hand(told):
    module = importlib.import_module("training_step")
    x = torch.randn(2, 4, 8, 8, requires_grad=True)
    layer = nn.Conv2d(4, 6, 3, 2, 1, bias=False)
    # Each of N x C x h x w outputs is a product with a kernel.
    one = 2 * (2 * 6 * 4 * 4) * (4 * 3 * 3)
    assert module.flops(lambda: layer(x)) == one
    assert module.flops(lambda: layer(x).sum().backward()) == 3 * one  # x's and the weight's too
    assert module.flops(lambda: layer(x.detach()).sum().backward(), each=2) == 2 * one
    product = nn.Linear(5, 7)
    assert module.flops(lambda: product(torch.randn(3, 5))) == 2 * 3 * 5 * 7


def test_the_tutorials_step_counts_as_by_hand(told):
    module, batch = importlib.import_module("training_step"), 4
    d = [64 * 4 * 16, 16 * 8 * 4 * 16, 8 * 16]  # products of each layer for an image of 16x16
    g = [100 * 8 * 16, 16 * 8 * 4 * 16, 64 * 4 * 16]
    d_steps = 2 * (2 * sum(d) + sum(d[1:]))  # the pass, gradients of weights, of all but the image
    g_step = 3 * sum(d) + 2 * sum(g) + sum(g[1:])  # all of D's too
    networks = module.tutorial_networks(16, 1, 4, 2, norm=True)
    step = module.tutorial_step(networks)
    real = torch.rand(batch, 1, 16, 16)
    assert module.flops(lambda: step(real)) == 2 * batch * (d_steps + g_step)


def test_every_step_of_a_family_counts_alike(told):
    module = importlib.import_module("training_step")
    data = module.noise(16, 16, 1)
    config = module.like_the_tutorial(data, 4, 4, 2, norm=False)
    with module.stepping(config, data, 1) as step:
        assert module.flops(step) == module.flops(step, each=2)


def test_a_fast_convolution_counts_as_torchs_own(told):
    module = importlib.import_module("training_step")
    sides = (2, WIDE // 64 + 1, 4, 4)
    for own in (FastConv2d, nn.Conv2d):
        layer = own(sides[1], 64, 4, 2, 1, bias=False)
        x = torch.randn(sides, requires_grad=True)
        counted = module.flops(lambda: layer(x).sum().backward())  # noqa: B023
        assert counted == 3 * 2 * (2 * 64 * 2 * 2) * (sides[1] * 4 * 4)


def test_the_limit_is_the_best_turn_of_the_fastest_convolution(told, monkeypatch):
    module = importlib.import_module("training_step")
    seconds = iter([0.0, 0.0, 2.0, 2.5, 2.5, 3.0, 9.0])  # turns of 2 and of .5 seconds
    monkeypatch.setattr(module, "clock", lambda: next(seconds))
    assert module.rate(1, 2, 4, 8, 3, 1, seconds=3) == 2 * (4 * 8 * 8) * (2 * 3 * 3) / 0.5
    rates = {shape: float(i) for i, shape in enumerate(module.FASTEST)}
    monkeypatch.setattr(module, "rate", lambda *given: rates[given[:-1]])
    assert module.limit() == max(rates.values())


def test_a_family_that_refuses_a_shape_says_why(told, monkeypatch):
    module = importlib.import_module("training_step")
    asked = argparse.Namespace(threads=1, seconds=0.0, rounds=1)
    assert "16 to 256" in module.of_family("began", (8, 8, 1), asked)["refused"]


def test_memory_and_time_are_told_for_every_point(told, monkeypatch):
    module = importlib.import_module("scaling")
    monkeypatch.setattr(module, "BASE", {"size": 16, "batch": 4, "width": 4, "images": 20})
    monkeypatch.setattr(module, "POINTS", {"batch": (2, 4), "images_on_disk": (20, 40)})
    monkeypatch.setattr(
        module, "in_own_process", lambda point, asked: module.measure(point, 1, asked.seconds)
    )
    line = told(module, "--points", "batch,images_on_disk", "--seconds", "0")
    assert [point["value"] for point in line["points"]["batch"]] == [2, 4]
    for points in line["points"].values():
        assert all(point["ms"]["median"] > 0 for point in points)
        assert all(point["peak_mb"] >= point["grown_mb"] >= 0 for point in points)


@pytest.mark.slow
def test_a_run_of_processes_is_timed_by_its_log(told, monkeypatch):
    module = importlib.import_module("scaling")
    monkeypatch.setattr(module, "BASE", {"size": 16, "batch": 4, "width": 4, "images": 20})
    monkeypatch.setattr(module, "PROCESS_STEPS", 4)
    line = told(module, "--points", "processes", "--most", "1")
    assert line["points"]["processes"][0]["ms"] > 0


def test_a_start_is_timed_until_its_file_holds_something(told, tmp_path):
    module = importlib.import_module("startup")
    code = "import sys, time; open(sys.argv[1], 'w').write('1'); time.sleep(600)"
    seconds, cpu = module.run([sys.executable, "-c", code, str(tmp_path / "log")], tmp_path / "log")
    assert 0 < cpu < seconds < 300
    with pytest.raises(SystemExit, match="no budget"):
        module.run([sys.executable, "-c", "raise SystemExit('no budget')"], tmp_path / "none")
    line = told(module, "--rounds", "1", "--only", "help")
    assert line["clock_s"]["help"]["median"] >= line["cpu_s"]["help"]["median"] / 2 > 0


@pytest.mark.parametrize("name", ["gpu_step", "serving", "time_to_quality"])
def test_every_benchmark_tells_its_machine_in_one_way(told, name):
    module, telling = importlib.import_module(name), importlib.import_module("telling")
    assert module.machine is telling.machine


def test_a_measurement_is_not_made_again_on_the_same_machine(told, tmp_path):
    """Lines of earlier versions hold the machine and its instruction set in one."""
    module = importlib.import_module("time_to_quality")
    data = gankit.load_dataset("toy:ring8")
    asked = argparse.Namespace(
        n=8, seed=0, set=[], out=tmp_path / "lines.jsonl", features="pixels", family=None
    )
    real = module.Real(data, data, data)
    line = module.Table(asked, real, 60.0)
    about = line.about | line.machine
    earlier = about | {"machine": f"{about['machine']}, {about['isa']}"}
    for key in ("isa", "load", "cpus", "onednn", "python", "family"):
        del earlier[key]
    lines = [about | {"load": 99.0, "seconds": 1.0}, earlier | {"seconds": 2.0}]
    lines.append(about | {"isa": "another", "seconds": 3.0})
    lines.append(about | {"family": "dcgan", "seconds": 4.0})
    asked.out.write_text("".join(json.dumps({"contender": "x"} | one) + "\n" for one in lines))
    table = module.Table(asked, real, 60.0)
    measured = [table.has("x", seconds) for seconds in (1.0, 2.0, 3.0, 4.0)]
    assert measured == [True, True, False, False]
    asked.family = "dcgan"
    assert module.Table(asked, real, 60.0).has("x", 4.0)
