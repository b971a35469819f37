"""A run that begins with the weights of a trained one: what it takes and says, how it goes on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import gankit
from gankit.families import Task
from gankit.run import Run, checkpoints
from gankit.storage import read_tensors, write_tensors
from gankit.training.initial import Start, Trained, pair_layers
from gankit.training.state import PLAYERS, build_game

TINY = {"network.generator_hidden": "8,8", "network.discriminator_hidden": "8,8"}
DIGITS = tuple("0123456789")


@pytest.fixture
def config(small):
    """config(**settings) -> a few steps of a tiny perceptron on the ring."""

    def make(**changes):
        return small("gan", "toy:ring8", **TINY, **{"output.keep": 9}, **changes)

    return make


@pytest.fixture
def trained(config, tmp_path):
    """A trained run's folder."""
    gankit.fit(config(**{"training.ema": 0.9}), tmp_path / "old")
    return tmp_path / "old"


def first(folder: Path) -> dict[str, torch.Tensor]:
    """The checkpoint that a run begins with."""
    return read_tensors(folder / "checkpoints/step-00000000.safetensors", "checkpoint")[0]


def last(folder: Path) -> dict[str, torch.Tensor]:
    return read_tensors(checkpoints(Run(folder))[-1], "checkpoint")[0]


def weights(tensors):
    """Of a checkpoint's tensors, those of players and averages."""
    return {k: v for k, v in tensors.items() if not k.startswith(("optimizer/", "game/"))}


def as_trained(game, path="old") -> Trained:
    """The weights of a game, as if a run had ended with them."""
    states = {player: getattr(game, player).state_dict() for player in PLAYERS}
    return Trained(path, 1, "d" * 32, game.config.family, game.task, states, {})


def begun(game, trained: Trained) -> Start:
    """Put what fits into the game itself."""
    start = Start(game, trained)
    start.put({player: getattr(game, player) for player in PLAYERS}, {})
    return start


# Which layer is paired with which

NORM = {"weight": (4,), "bias": (4,)}


def stack(*layers, under="layers"):
    return {
        f"{under}.{i}.{name}": shape
        for i, layer in enumerate(layers)
        for name, shape in layer.items()
    }


def test_the_same_network_is_paired_by_name():
    shapes = stack(NORM, {"weight": (4, 4)}, NORM, {"weight": (2, 4), "bias": (2,)})
    for end in (True, False):
        assert pair_layers(shapes, shapes, core_is_last=end) == {name: name for name in shapes}


@pytest.mark.parametrize(("core_is_last", "places"), [(True, {1: 0, 2: 1}), (False, {0: 0, 1: 1})])
def test_layers_that_are_alike_are_paired_from_the_core(core_is_last, places):
    longer, shorter = stack(NORM, NORM, NORM), stack(NORM, NORM)
    pairs = {f"layers.{a}.{n}": f"layers.{b}.{n}" for a, b in places.items() for n in NORM}
    assert pair_layers(longer, shorter, core_is_last=core_is_last) == pairs
    back = {b: a for a, b in pairs.items()}
    assert pair_layers(shorter, longer, core_is_last=core_is_last) == back


def test_a_layer_is_taken_whole_or_not_at_all():
    mine = stack({"weight": (4, 2), "bias": (4,)}, NORM)
    theirs = stack({"weight": (4, 3), "bias": (4,)}, NORM)
    assert set(pair_layers(mine, theirs, core_is_last=True)) == {
        "layers.1.weight",
        "layers.1.bias",
    }
    normed = {"a.bias": (4,), "a.parametrizations.weight.original": (4, 2)}
    assert pair_layers(normed, {"a.bias": (4,), "a.weight": (4, 2)}, core_is_last=False) == {}
    assert pair_layers(normed, normed, core_is_last=False) == {name: name for name in normed}


def test_layers_of_another_name_are_not_paired():
    assert pair_layers(stack(NORM), stack(NORM, under="others"), core_is_last=True) == {}


# The same networks


def test_it_begins_where_the_other_one_ended(config, trained, tmp_path, equal):
    seeded = config(**{"training.seed": 7, "training.ema": 0.9})
    gankit.fit(seeded, tmp_path / "new", init_from=trained)
    found = first(tmp_path / "new")
    assert equal(weights(found), weights(last(trained)))
    assert not any(name.startswith("optimizer/") for name in found)
    gankit.fit(seeded, tmp_path / "again", init_from=str(trained))
    assert equal(last(tmp_path / "again"), last(tmp_path / "new"))


def test_a_trainer_without_a_folder_begins_so_too(config, trained, equal, tmp_path):
    dataset = gankit.load_dataset("toy:ring8")
    game = gankit.build_game(config(), dataset)
    with gankit.Trainer(game, dataset, init_from=trained) as trainer:
        assert trainer.state.step == 0
        assert trainer.init_from.step == 6
        for _ in range(6):
            trainer.step()
        state = trainer.state.players["generator"].network.state_dict()
    gankit.fit(config(), tmp_path / "new", init_from=trained)
    by_fit = {k.removeprefix("generator/"): v for k, v in last(tmp_path / "new").items()}
    assert equal(state, {k: by_fit[k] for k in state})


@pytest.mark.parametrize("whole", [True, False])
def test_an_average_of_which_nothing_is_new_goes_on(config, trained, tmp_path, whole):
    """One of which a part is new forgets its first weights, as every average does."""
    other = {} if whole else {"latent.size": 9}
    longer = config(**{"training.ema": 0.9, "training.steps": 1, **other})
    gankit.fit(longer, tmp_path / "new", init_from=trained)
    before, after = first(tmp_path / "new"), last(tmp_path / "new")
    decay = 0.9 if whole else 0.1
    names = [name for name in after if name.startswith("generator/")]
    for name in names:
        expected = decay * before[f"average/{name}"] + (1 - decay) * after[name]
        assert torch.allclose(after[f"average/{name}"], expected, atol=1e-6)
    assert any((after[n] - before[n]).abs().max() > 1e-3 for n in names)


def test_another_precision(config, trained, tmp_path):
    gankit.fit(config(**{"runtime.precision": "64"}), tmp_path / "new", init_from=trained)
    found, old = first(tmp_path / "new"), last(trained)
    assert all(torch.equal(found[k], old[k].double()) for k in old if k.startswith("generator/"))


def test_spectral_vectors_go_with_their_weights(small):
    config = small("dcgan", **{"objective.penalty": "spectral_norm"})
    task = Task((1, 16, 16))
    old = build_game(config, task)
    game = build_game(gankit.override(config, {"training.seed": 3}), task)
    assert begun(game, as_trained(old)).origin.shares == {"generator": 1, "discriminator": 1}
    theirs = old.discriminator.state_dict()
    assert any(name.endswith("._u") for name in theirs)
    assert all(torch.equal(v, theirs[k]) for k, v in game.discriminator.state_dict().items())


def test_a_reference_batch_is_of_the_runs_own_data(small):
    config = small("dcgan", **{"stabilise.virtual_batch": 4})
    old, game = build_game(config, Task((1, 16, 16))), build_game(config, Task((1, 16, 16)))
    old.discriminator.get_buffer("inputs").fill_(1.0)
    game.discriminator.get_buffer("inputs").fill_(0.5)
    assert begun(game, as_trained(old)).origin.shares["discriminator"] == 1
    assert (game.discriminator.get_buffer("inputs") == 0.5).all()


# Another size of image

SIZES = [(16, 32), (32, 16), (28, 32)]
NEAREST = {  # the layers at the image: of G, of D
    "dcgan": (("ups.-1", "norms.-1", "norms.-2"), ("trunk.0.0", "trunk.1.0", "trunk.1.1")),
    "cgan": (("ups.-1", "norms.-1.gain"), ("trunk.0.0", "trunk.1.0", "classifier")),
    "modern": (("image", "stages.-1.1.mix", "stages.-2.1.mix"), ("image", "stages.0.0.mix")),
}


@pytest.mark.parametrize(("before", "after"), SIZES)
@pytest.mark.parametrize("family", NEAREST)
def test_layers_nearest_the_image_stay_there(small, family, before, after):
    names = DIGITS[:3]
    old = build_game(small(family), Task((1, before, before), names))
    config = small(family, **{"training.seed": 5})
    drawn = build_game(config, Task((1, after, after), names))
    game = build_game(config, Task((1, after, after), names))
    start = begun(game, as_trained(old))
    for player, layers in zip(PLAYERS, NEAREST[family], strict=True):
        assert 0 < start.origin.shares[player] < 1
        for layer in layers:
            mine, theirs = (module(getattr(g, player), layer) for g in (game, old))
            state = mine.state_dict()
            assert all(torch.equal(v, theirs.state_dict()[k]) for k, v in state.items()), layer
        mine, own = (getattr(g, player).state_dict() for g in (game, drawn))
        kept = [k for k, v in mine.items() if v.numel() > 99 and torch.equal(v, own[k])]
        assert kept, "what does not fit stays as it was drawn"


def module(network: nn.Module, path: str) -> nn.Module:
    """`ups.-1`: the last one of its list."""
    for part in path.split("."):
        network = network[int(part)] if part.lstrip("-").isdigit() else getattr(network, part)
    return network


def test_a_network_that_leaves_a_layer_out_is_not_what_it_was(small):
    """All of it is taken, and its average has to forget how badly the layers fit each other."""
    same = small("dcgan", **{"network.most_channels": 4})
    old, game = (build_game(same, Task((1, size, size))) for size in (32, 16))
    origin = Start(game, as_trained(old)).origin
    assert origin.shares["generator"] == 1
    assert origin.whole == ()


def test_what_is_not_taken_is_said(small):
    old = build_game(small("dcgan"), Task((1, 16, 16)))
    start = Start(build_game(small("dcgan"), Task((1, 32, 32))), as_trained(old, "runs/small"))
    assert len(start.lines) == 3
    assert start.lines[0].startswith("begins with ")
    assert start.lines[0].endswith("% of the discriminator from runs/small at step 1")
    # a core of 4 x 4 and the norm behind it: weight and bias; the norm's also mean and variance
    assert "the generator: 11 of 18 tensors; anew: stem.weight [256, 100]," in start.lines[1]
    assert start.lines[1].endswith(" and 4 more")


# Other classes

CONDITIONED = {
    "projection": ("cgan", {}),
    "concat": ("cgan", {"network.conditioning": "concat"}),
    "embedding": ("cgan", {"network.conditioning": "embedding"}),
    "layers": ("cgan", {"network.conditioning": "layers", "network.generator_units": 8}),
    "branches": (
        "cgan",
        {
            "network.body": "mlp",
            "network.conditioning": "branches",
            "network.classifier": "0,0",
            "network.dropout": "0,0",
        },
    ),
    "modern": ("modern", {}),
}


@pytest.mark.parametrize("names", [DIGITS[::-1], ("7", "new", "2"), (*DIGITS, "more")])
@pytest.mark.parametrize("kind", CONDITIONED)
def test_a_class_is_known_by_its_name(small, kind, names):
    """G and D make of class 7 what they made of it, whatever its number is now."""
    family, settings = CONDITIONED[kind]
    old = build_game(small(family, **settings), Task((1, 16, 16), DIGITS))
    scatter(old)
    game = build_game(small(family, **settings, **{"training.seed": 9}), Task((1, 16, 16), names))
    start = begun(game, as_trained(old))
    assert (
        start.lines[-1] == f"  classes taken by name: {len(set(names) & {*DIGITS})} of {len(names)}"
    )
    noise, examples = torch.randn(4, old.latent_size), torch.randn(4, 1, 16, 16)
    for name in ("7", "2"):
        here, there = (torch.full((4,), n.index(name)) for n in (names, DIGITS))
        made, known = (g.generator.eval()(noise, y) for g, y in ((game, here), (old, there)))
        torch.testing.assert_close(made, known)
        said, known = (logits(g, examples, y) for g, y in ((game, here), (old, there)))
        torch.testing.assert_close(said, known)


def scatter(game) -> None:
    """Weights far from where they start, so that every class differs."""
    for player in PLAYERS:
        for weight in getattr(game, player).parameters():
            nn.init.normal_(weight, std=0.3)


def logits(game, examples, labels):
    output = game.discriminator.eval()(examples, labels)
    return output[:, 0] if output.dim() == 2 else output


def test_new_classes_start_anew(small):
    names = ("new", "0")
    old = build_game(small("cgan"), Task((1, 16, 16), DIGITS))
    scatter(old)
    game = build_game(small("cgan"), Task((1, 16, 16), names))
    drawn = game.discriminator.head.projection.weight.clone()
    start = begun(game, as_trained(old))
    found, theirs = (g.discriminator.head.projection.weight for g in (game, old))
    assert torch.equal(found, torch.stack([drawn[0], theirs[0]]))
    assert start.origin.shares["discriminator"] < 1


def test_where_no_class_has_the_same_name_tables_start_anew(small):
    old = build_game(small("cgan"), Task((1, 16, 16), DIGITS))
    game = build_game(small("cgan"), Task((1, 16, 16), tuple("abc")))
    start = Start(game, as_trained(old))
    assert any("norms.0.gain.weight [3, 8]" in line for line in start.lines)


BY_CODE = {"network.class_strength": 0.15, "network.class_maps": 0}


@pytest.mark.parametrize("labels", [{"class_names": ("a", "b")}, {"condition": 3}])
@pytest.mark.parametrize("labelled_before", [True, False])
@pytest.mark.parametrize(
    ("told", "layer"), [(BY_CODE, "label_code.weight"), ({}, "label_scales.0.weight")]
)
def test_a_run_with_labels_gives_one_without_what_needs_none_and_the_reverse(
    small, labels, labelled_before, told, layer
):
    """What G makes of the noise is kept, and what it makes of labels starts anew or is dropped."""
    plain, labelled = Task((3, 16, 16)), Task((3, 16, 16), **labels)
    before, after = (labelled, plain) if labelled_before else (plain, labelled)
    old = build_game(small("projected", **told), before)
    scatter(old)
    game = build_game(small("projected", **told), after)
    drawn = game.generator.stem.weight.clone()
    start = begun(game, as_trained(old))
    size = game.config.latent.size
    assert torch.equal(game.generator.stem.weight[:, :size], old.generator.stem.weight[:, :size])
    assert torch.equal(game.generator.stem.weight[:, size:], drawn[:, size:])
    assert not any("taken by name" in line or "stem" in line for line in start.lines)
    anew = any(layer in line for line in start.lines)
    assert anew == (not labelled_before)
    assert "generator" not in start.origin.whole


@pytest.mark.parametrize("by_code_before", [True, False])
def test_another_way_to_tell_the_class_is_taken_but_for_the_layers_that_tell_it(
    small, by_code_before
):
    told = (BY_CODE, {}) if by_code_before else ({}, BY_CODE)
    old, game = (
        build_game(small("projected", **way), Task((3, 16, 16), ("a", "b"))) for way in told
    )
    scatter(old)
    start = begun(game, as_trained(old))
    assert torch.equal(game.generator.convolutions[0].weight, old.generator.convolutions[0].weight)
    assert torch.equal(game.generator.image.weight, old.generator.image.weight)
    assert any("anew: stem.weight" in line for line in start.lines)


def test_a_family_that_needs_labels_begins_with_one_that_has_none(small):
    old = build_game(small("dcgan"), Task((1, 16, 16)))
    game = build_game(small("cgan"), Task((1, 16, 16), ("a", "b")))
    assert 0 < Start(game, as_trained(old)).origin.shares["discriminator"] < 1


def test_a_classifier_of_few_labels_is_known_by_name_too(small):
    """Weight-normalised, and its classes are D's own K logits."""
    old = build_game(small("ssgan"), Task((1, 16, 16), DIGITS))
    scatter(old)
    game = build_game(small("ssgan"), Task((1, 16, 16), DIGITS[::-1]))
    begun(game, as_trained(old))
    examples = torch.rand(3, 1, 16, 16)
    said, known = (g.discriminator.eval()(examples) for g in (game, old))
    torch.testing.assert_close(said, known.flip(1))


def test_another_family_gives_what_fits(small):
    shape = (1, 16, 16)
    old = build_game(small("dcgan"), Task(shape, DIGITS))
    settings = {"network.conditioning": "embedding", "network.kernel": 5}
    game = build_game(small("cgan", **settings), Task(shape, tuple("ab")))
    start = begun(game, as_trained(old))
    assert torch.equal(game.generator.ups[-1].weight, old.generator.ups[-1].weight)
    assert not any("classes" in line for line in start.lines)


def test_where_nothing_fits(small, trained, tmp_path):
    with pytest.raises(gankit.ConfigError) as caught:
        gankit.fit(small("dcgan"), tmp_path / "new", init_from=trained)
    assert (
        "is a gan for 2 points of 8 classes: nothing of it fits this dcgan for 1x28x28 images"
        in (str(caught.value))
    )
    assert not (tmp_path / "new").exists()


# Own networks, artifacts


class G(nn.Module):
    def __init__(self, hidden=8):
        super().__init__()
        self.first, self.last = nn.Linear(4, hidden), nn.Linear(8, 2)

    def forward(self, z, labels=None):
        return self.last(self.first(z)[:, :8].relu())


def own(hidden=8):
    torch.manual_seed(hidden)
    return G(hidden), nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))


def test_own_networks_begin_with_those_of_a_run(config, tmp_path, equal):
    settings = config(**{"latent.size": 4})
    gankit.fit(settings, tmp_path / "old", networks=own())
    networks = own(9)
    gankit.fit(settings, tmp_path / "new", networks=networks, init_from=tmp_path / "old")
    found, old = first(tmp_path / "new"), last(tmp_path / "old")
    name = "generator/network.last.weight"
    assert torch.equal(found[name], old[name])
    assert torch.equal(found["generator/network.first.weight"], networks[0].first.weight)
    players = [{k: v for k, v in t.items() if k.startswith("discriminator/")} for t in (found, old)]
    assert equal(*players)


def test_what_belongs_to_a_class_in_own_networks_is_not_known(small):
    def game(names):
        d = nn.Linear(2, 1)
        d.forward = lambda x, labels: nn.functional.linear(x, d.weight, d.bias)[:, 0]
        config = small("cgan", "toy:ring8", **{"latent.size": 4, "objective.penalty": "none"})
        return build_game(config, Task((2,), names), (own()[0], d))

    assert (
        "own networks take them in their order"
        in Start(game(("a", "b")), as_trained(game(("b", "a")))).lines[-1]
    )


def test_an_artifact_gives_the_averaged_generator(config, trained, tmp_path, capfd):
    gankit.fit(config(), tmp_path / "new", init_from=trained / "model.safetensors")
    found, old = first(tmp_path / "new"), last(trained)
    for name in (n.removeprefix("average/") for n in old if n.startswith("average/")):
        assert torch.equal(found[name], old[f"average/{name}"])
        assert torch.equal(found[f"average/{name}"], old[f"average/{name}"])
    said = capfd.readouterr().err
    assert "begins with all of the generator and none of the discriminator from " in said
    assert "  the discriminator starts anew: " in said


def test_a_discriminator_that_judges_is_in_the_artifact(small, tmp_path, equal):
    config = small("infogan", **{"training.steps": 1, "output.keep": 9})
    gankit.fit(config, tmp_path / "old")
    gankit.fit(config, tmp_path / "new", init_from=tmp_path / "old/model.safetensors")
    found, old = first(tmp_path / "new"), last(tmp_path / "old")
    for name in (n.removeprefix("average/") for n in old if n.startswith("average/")):
        assert torch.equal(found[name], old[f"average/{name}"])


# What is written down, and going on


def test_the_run_remembers_whose_weights_it_began_with(config, trained, tmp_path):
    outcome = gankit.fit(config(), tmp_path / "new", init_from=trained)
    origin = outcome.run.record().init_from
    header = read_tensors(checkpoints(Run(trained))[-1], "checkpoint")[1]
    assert (origin.path, origin.step, origin.digest) == (str(trained), 6, header["digest"])
    assert origin.shares == {"generator": 1.0, "discriminator": 1.0}
    assert origin.whole == PLAYERS
    page = (tmp_path / "new/report.html").read_text()
    assert f"all of the generator and all of the discriminator from {trained} at step 6" in page
    assert page.count(f"--init-from {trained} ") == 2
    assert "init_from" not in json.loads((trained / "run.json").read_text())


@pytest.mark.parametrize("flag", [True, False])
def test_it_goes_on_exactly_when_the_other_run_is_gone(config, trained, tmp_path, equal, flag):
    """With an average that has not to be warmed up, which is remembered too."""
    constant = {f"{player}_optimizer.schedule": "constant" for player in PLAYERS}
    halves = [config(**{"training.steps": n, "training.ema": 0.9, **constant}) for n in (3, 6)]
    gankit.fit(halves[1], tmp_path / "whole", init_from=trained)
    gankit.fit(halves[0], tmp_path / "new", init_from=trained)
    shutil.rmtree(trained)
    gankit.fit(halves[1], tmp_path / "new", init_from=trained if flag else None)
    assert equal(last(tmp_path / "new"), last(tmp_path / "whole"))
    assert Run(tmp_path / "new").record().init_from.step == 6


def test_the_path_may_be_written_in_another_way(config, trained, tmp_path, monkeypatch):
    gankit.fit(config(), tmp_path / "new", init_from=trained)
    monkeypatch.chdir(tmp_path)
    assert gankit.fit(config(), "new", init_from="./old/").trained == 0


def test_other_weights_are_refused_where_a_run_goes_on(config, trained, tmp_path):
    gankit.fit(config(), tmp_path / "plain")
    gankit.fit(config(), tmp_path / "new", init_from=trained)
    for folder, asked, said in (
        ("new", "plain", f"started with the weights of '{trained}', not with those of "),
        ("plain", "old", "started with its own weights, not with those of "),
        ("plain", "plain", "leave init_from out to go on"),
    ):
        with pytest.raises(gankit.RunError, match="leave init_from out to go on") as caught:
            gankit.fit(config(), tmp_path / folder, init_from=tmp_path / asked)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


def only_begun(folder: Path) -> None:
    """As a kill leaves it that comes between run.json and the first checkpoint."""
    for path in folder.iterdir():
        if path.name != "run.json":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("flag", [True, False])
def test_killed_before_its_first_checkpoint(config, trained, tmp_path, equal, flag):
    for name in ("whole", "new"):
        gankit.fit(config(), tmp_path / name, init_from=trained)
    only_begun(tmp_path / "new")
    gankit.fit(config(), tmp_path / "new", init_from=trained if flag else None)
    assert equal(last(tmp_path / "new"), last(tmp_path / "whole"))
    only_begun(tmp_path / "new")
    gankit.fit(config(**{"training.steps": 8, "training.ema": 0.9}), trained)
    with pytest.raises(gankit.RunError, match="has other weights than when"):
        gankit.fit(config(), tmp_path / "new")


def test_a_torn_first_checkpoint_is_not_begun_without_the_weights(config, trained, tmp_path):
    gankit.fit(config(), tmp_path / "new", init_from=trained)
    only_begun(tmp_path / "new")
    torn = tmp_path / "new/checkpoints/step-00000000.safetensors"
    torn.parent.mkdir()
    torn.write_bytes(b"torn")
    with pytest.raises(gankit.RunError, match="its first checkpoint cannot be read"):
        gankit.fit(config(), tmp_path / "new")
    assert torn.read_bytes() == b"torn"


# What cannot be begun with


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def spoil(path: Path) -> None:
    kind = "artifact" if path.name == "model.safetensors" else "checkpoint"
    tensors, header = read_tensors(path, kind)
    next(v for k, v in tensors.items() if k.startswith("generator/")).view(-1)[0] = np.nan
    write_tensors(path, kind, tensors, header)


def every_checkpoint(damage):
    return lambda old: [damage(path) for path in checkpoints(Run(old))] and old


def artifact(damage):
    return lambda old: damage(old / "model.safetensors") or old / "model.safetensors"


BAD = {
    "missing": (lambda old: old.parent / "nowhere", "cannot be read: No such file"),
    "no such user": (lambda _: "~nobody-of-this-name/run", "cannot be read: "),
    "no run": (lambda old: old / "samples", "holds no run: give a folder with a run.json"),
    "no checkpoint": (
        every_checkpoint(Path.unlink),
        r"there is none in checkpoints/\); the averag",
    ),
    "damaged": (every_checkpoint(cut), "has no checkpoint that can be read .*, which is damaged"),
    "not finite": (every_checkpoint(spoil), "has no checkpoint that can be read .* not finite"),
    "a damaged artifact": (artifact(cut), "is damaged"),
    "an artifact that is not finite": (artifact(spoil), "weights that are not finite"),
    "a checkpoint": (lambda old: checkpoints(Run(old))[-1], "the artifact is wanted here"),
    "another file": (lambda old: old / "run.json", "is damaged or no gankit artifact"),
    "its own folder": (lambda old: old.parent / "new", "is the new run's own folder"),
}


@pytest.mark.parametrize("bad", BAD)
def test_one_clear_line_and_nothing_written(config, trained, tmp_path, bad):
    spoiled, said = BAD[bad]
    asked = spoiled(trained)
    if bad == "its own folder":
        asked.mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(gankit.GankitError, match=said) as caught:
        gankit.fit(config(), tmp_path / "new", init_from=asked)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_newest_checkpoint_is_passed_over(config, trained, tmp_path, capfd):
    newest = checkpoints(Run(trained))[-1]
    cut(newest)
    before = newest.read_bytes()
    outcome = gankit.fit(config(), tmp_path / "new", init_from=trained)
    assert outcome.run.record().init_from.step < 6
    assert f"skipping checkpoint {newest.name}, which is damaged" in capfd.readouterr().err
    assert newest.read_bytes() == before
