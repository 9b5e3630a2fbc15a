"""A module imports only from a lower layer."""

import ast
import graphlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import ttcli
from ttcli.cli import main

PACKAGE = Path(ttcli.__file__).parent
LAYERS = [
    {"errors", "configs", "processes"},
    {"outputs"},
    {"video", "networks", "probing"},
    {"results", "inference", "table"},
    {"physics"},
    {"labels", "rendering", "editing"},
    {"simulation"},
    {"spotting", "evaluation"},
    {"play"},
    {"flights"},
    {"detection", "training_set"},
    {"training", "reviewing"},
    {"reporting"},
    {
        "convert", "detect", "evaluate", "export", "extract", "models", "probe", "rallies", "render", "report", "review",
        "simulate", "spot", "train", "verify",
    },
    {"bench", "strokes", "trim"},
    {"commands"},
    {"cli"},
    {"__main__"},
]  # fmt: skip
"""Folders, and the modules at the root: a command each, and what all of them need."""
LAYER_OF = {part: layer for layer, parts in enumerate(LAYERS) for part in parts}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
MOST_AT_THE_ROOT = 25
"""Files that one screen shows."""


@cache
def tree_of(path: Path) -> ast.Module:
    """Return a module as Python reads it, which takes longer than what is asked of it here."""
    return ast.parse(path.read_text())


def modules_imported(path: Path, module: str, known: set[str]) -> set[str]:
    """Return the modules of ttcli that a file imports, at its top and in its functions."""
    names = imported_modules(ast.walk(tree_of(path)))
    return {name for name in names if name in known} - {module}


def module_name(path: Path) -> str:
    return ".".join(("ttcli", *path.relative_to(PACKAGE).with_suffix("").parts))


def imported_parts(path: Path) -> set[str]:
    """Return the parts of ttcli that a module imports: `ttcli.video.probe` is of the part `video`."""
    names = imported_modules(ast.walk(tree_of(path)))
    parts = {name.split(".")[1] if "." in name else name for name in names if name.split(".")[0] == "ttcli"}
    return parts - {"__version__", "ttcli"}


def test_the_root_holds_commands_and_what_all_of_them_need_on_one_screen():
    at_the_root = {path.stem for path in PACKAGE.glob("*.py")}
    assert len(at_the_root) <= MOST_AT_THE_ROOT
    assert at_the_root - set(main.commands) == {"__init__", "__main__", "cli", "configs", "errors", "outputs", "processes"}
    assert set(main.commands) <= at_the_root


def test_no_modules_import_each_other_in_a_circle():
    known = {module_name(path) for path in MODULES}
    graph = {module_name(path): modules_imported(path, module_name(path), known) for path in MODULES}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_lower_layers(path):
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert part in LAYER_OF, f"{part} has no layer yet: give it one in LAYERS"
    higher = {other for other in imported_parts(path) - {part} if LAYER_OF.get(other, 99) >= LAYER_OF[part]}
    assert not higher


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_video_knows_pyav_and_it_knows_no_torch(path):
    in_video = path.relative_to(PACKAGE).parts[0] == "video"
    forbidden = "torch" if in_video else "av"
    for node in ast.walk(tree_of(path)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert forbidden not in {name.split(".")[0] for name in names}


def test_packages_re_export_nothing():
    for path in PACKAGE.rglob("__init__.py"):
        at_once = imported_modules(tree_of(path).body)  # an import that only type checkers follow is none
        assert not {name for name in at_once if name.split(".")[0] == "ttcli"}


def test_the_package_is_imported_without_its_libraries():
    heavy = {"torch", "av", "cv2", "numpy", "click"}
    code = "import sys, ttcli; ttcli.detect_ball; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not heavy & set(loaded)


def test_commands_that_run_no_network_do_not_wait_for_torch():
    """It takes seconds to import, and half a gigabyte, which a page that opens at once has no use for."""
    commands = ("convert", "render", "report", "review", "reviewing.candidates", "reviewing.server", "trim")
    code = f"import sys, {', '.join(f'ttcli.{name}' for name in commands)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "torch" not in loaded


LIBRARIES = {"torchvision", "segmentation_models_pytorch", "timm"}
"""Whose encoders and decoders some networks are made of; they take seconds to import."""


def imported_modules(nodes) -> set[str]:
    names = set()
    for node in nodes:
        names |= {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
        if isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def is_made_of_libraries(path: Path) -> bool:
    imported = imported_modules(ast.walk(tree_of(path)))
    return bool(LIBRARIES & {name.split(".")[0] for name in imported})


def test_encoders_of_others_are_imported_by_networks_only_and_when_one_is_built():
    made = [path for path in MODULES if is_made_of_libraries(path)]
    assert made and {path.parent.name for path in made} == {"networks"}
    late = {f"ttcli.networks.{path.stem}" for path in made}
    for path in set(MODULES) - set(made):
        at_once = imported_modules(tree_of(path).body)
        assert not late & at_once, path
