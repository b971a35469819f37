"""Imports point down, and nothing heavy is loaded before it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import torch

SOURCE = Path(__file__).parent.parent / "src" / "gankit"
#: From the ground up: a module may import from its own room and from those before it.
LAYERS = [
    "version", "errors", "text", "arguments", "stored", "randomness", "bibliography", "registry",
    "storage", "owner", "nn", "metrics", "settings", "search_space", "pictures", "losses",
    "penalties", "recipes", "advantages", "worlds", "data", "game_types", "features", "stabilisers",
    "objective", "game", "acting", "families",
    "own_networks", "choose_recipe", "size", "trained", "run", "run_data", "training", "scores",
    "exploring", "doctor", "probe", "pages", "exporting", "citing", "inspection", "fitting",
    "seeds", "racing", "reproduce", "watching", "serving", "cli", "__init__", "__main__",
]  # fmt: skip
HEAVY = {"torch", "lightning_fabric", "numpy", "sklearn", "matplotlib", "tensorboard"}


def room(module: str) -> str:
    """gankit.nn.layers -> nn; gankit -> __init__."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports(path: Path) -> list[ast.Import | ast.ImportFrom]:
    """The imports of a file, wherever they stand, but for type checking."""
    tree = ast.parse(path.read_text())
    typing = [
        n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test)
    ]
    skipped = {id(inner) for block in typing for inner in ast.walk(block)}
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    return [node for node in found if id(node) not in skipped]


def imported(path: Path) -> set[str]:
    """The modules that a file imports."""
    names = set()
    for node in imports(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def layer(name: str) -> int:
    return LAYERS.index(name)


@pytest.mark.parametrize(
    "path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE))
)
def test_imports_point_down(path):
    parts = path.relative_to(SOURCE).with_suffix("").parts
    own, module = parts[0], ".".join(parts)
    if own == "__init__":
        return  # the public API names everything, and loads it when it is used
    for name in imported(path):
        if name.split(".")[0] != "gankit":
            continue
        assert layer(room(name)) <= layer(own), f"{module} imports {name}"


@pytest.mark.parametrize("path", sorted((SOURCE / "nn").glob("*.py")), ids=lambda p: p.name)
def test_nn_imports_nothing_else_of_gankit(path):
    own = {name for name in imported(path) if name.split(".")[0] == "gankit"}
    assert all(name.startswith("gankit.nn.") for name in own), own


def modules() -> dict[str, Path]:
    """gankit.nn.layers -> its file; a package is its __init__.py."""
    files = {p.relative_to(SOURCE.parent).with_suffix(""): p for p in SOURCE.rglob("*.py")}
    return {".".join(name.parts).removesuffix(".__init__"): p for name, p in files.items()}


def needed(path: Path, known: dict[str, Path]) -> set[str]:
    """The modules of gankit that a file needs; `from gankit.data import toys` needs the last."""
    needs = set()
    for node in imports(path):
        if isinstance(node, ast.ImportFrom) and node.module:
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            needs |= (below & known.keys()) or ({node.module} & known.keys())
        elif isinstance(node, ast.Import):
            needs |= {alias.name for alias in node.names} & known.keys()
    return needs


def test_no_circle():
    """Modules can be put in an order in which each needs only earlier ones."""
    known = modules()
    needs = {name: needed(path, known) - {"gankit"} for name, path in known.items()}
    needs["gankit"] = set()  # it loads what it names when that is used
    order = list(TopologicalSorter(needs).static_order())  # raises CycleError
    assert set(order) == known.keys()
    assert order.index("gankit.errors") < order.index("gankit.game") < order.index("gankit.cli")


@pytest.mark.parametrize(
    "path",
    [
        "__init__.py",
        "cli/app.py",
        "settings/config.py",
        "registry.py",
        "stored.py",
        "settings/schema.py",
        "settings/reference.py",
        "cli/train.py",
    ],
)
def test_light_modules_import_nothing_heavy_at_the_top(path):
    for node in ast.parse((SOURCE / path).read_text()).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            assert (module or "").split(".")[0] not in HEAVY


@pytest.mark.parametrize("module", ["gankit", "gankit.cli", "gankit.settings.config"])
def test_importing_it_loads_nothing_heavy(module):
    code = (
        f"import sys, {module}\nloaded = {HEAVY!r} & set(sys.modules)\nassert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


PLAIN_RUN = """
import sys
import gankit
from gankit.families import FAMILIES

digits = gankit.load_dataset("digits")
for family in FAMILIES.names():
    if "images" in FAMILIES[family].kinds:
        gankit.build_game(gankit.configure(family, digits), digits)
ring = gankit.load_dataset("toy:ring8")
for name in ("adam", "sgd", "optimistic_adam"):
    players = {f"{player}_optimizer.name": name for player in ("generator", "discriminator")}
    config = gankit.override(gankit.configure("gan", ring), {"training.batch": 8, **players})
    with gankit.Trainer(gankit.build_game(config, ring), ring) as trainer:
        trainer.step()
        trainer.state.players["generator"].optimizer.state_dict()
gankit.fit(gankit.override(config, {"training.steps": 1}), sys.argv[1], quiet=True)
gankit.load(sys.argv[1]).sample(4)
print(*{"lightning_fabric", "torch._dynamo"} & set(sys.modules))
"""


@pytest.mark.slow
def test_a_plain_run_loads_no_compiler_and_no_lightning(tmp_path):
    if not torch.__version__.startswith("2.13."):
        pytest.skip("what else a torch imports when it trains is known of 2.13 alone")
    command = [sys.executable, "-c", PLAIN_RUN, str(tmp_path / "run")]
    done = subprocess.run(command, check=True, timeout=300, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "", done.stdout
