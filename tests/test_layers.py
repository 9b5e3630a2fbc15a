"""A module imports only from a lower layer."""

import ast
from pathlib import Path

import pytest

import ttcli

PACKAGE = Path(ttcli.__file__).parent
LAYERS = [
    {"ttcli", "errors", "configs"},
    {"outputs", "csv_rows", "splits", "learning_rates", "content_hash", "slow_motion", "ray_cluster", "table_sizes", "small_weights", "portions"},
    {"video", "labels", "trajectory", "events", "windows", "model_input", "camera_motion", "networks"},
    {"losses", "subtitles", "frame_store", "frame_cache", "selection", "window_rows", "shots", "gap_filling", "manifest", "ball_size", "picture_quality", "verdict", "drawing"},
    {"sources", "models", "heatmaps", "simulation", "overlay", "tracking", "training_set", "picture_effects", "table"},
    {"checkpoints", "predictor", "metrics", "event_metrics", "spotting", "datasets", "calibration", "clip_plans"},
    {"runtimes", "reports", "stored_windows", "contact_sheet", "clip_extraction"},
    {"validation", "ball_edits", "foreign_runtimes", "event_files", "closer_look", "detection_jobs"},
    {"augmentation", "ball_path"},
    {"scouting"},
    {"training_data"},
    {"batches", "training_run"},
    {"training_report"},
    {"training_loop"},
    {"chunked", "video_detection"},
    {"cluster_detection"},
    {"detect", "spot", "render", "evaluate", "simulate", "train", "catalogue", "convert", "extract", "export", "verify"},
    {"probe", "bench"},
    {"commands"},
    {"cli"},
    {"__main__"},
]
LAYER_OF = {part: layer for layer, parts in enumerate(LAYERS) for part in parts}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def imported_parts(path: Path) -> set[str]:
    """Return the parts of ttcli that a module imports: `ttcli.video.probe` is of the part `video`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    parts = {name.split(".")[1] if "." in name else name for name in names if name.split(".")[0] == "ttcli"}
    return parts - {"__version__", "ttcli"}


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
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert forbidden not in {name.split(".")[0] for name in names}


def test_packages_re_export_nothing():
    for path in PACKAGE.rglob("__init__.py"):
        assert not [node for node in ast.parse(path.read_text()).body if isinstance(node, (ast.Import, ast.ImportFrom))]


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
    imported = imported_modules(ast.walk(ast.parse(path.read_text())))
    return bool(LIBRARIES & {name.split(".")[0] for name in imported})


def test_encoders_of_others_are_imported_by_networks_only_and_when_one_is_built():
    made = [path for path in MODULES if is_made_of_libraries(path)]
    assert made and {path.parent.name for path in made} == {"networks"}
    late = {f"ttcli.networks.{path.stem}" for path in made}
    for path in set(MODULES) - set(made):
        at_once = imported_modules(ast.parse(path.read_text()).body)
        assert not late & at_once, path
