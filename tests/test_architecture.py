"""The house stays in order: who may import whom, how long files and functions are, and that README's commands exist."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# What each room may import besides itself; the rest of the project is closed to it.
MAY_IMPORT = {
    "scene": set(),
    "models": {"scene"},
    "training": {"scene", "models"},
    "preprocess": {"scene", "models.pretrained"},
    "evaluation": {"scene"},
}
ROOMS = set(MAY_IMPORT)
# What configures and runs the rooms sees all of them, and no room sees it.
ENTRY = {"reconstruct", "exp_preprocess", "exp_runner"}
ABOVE = {"settings", "parts", "object_tasks", "pipeline", "scripts", *ENTRY}
MOST_LINES, MOST_FUNCTION_LINES = 300, 60

ROOM_FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
FILES = [*ROOM_FILES, *sorted(ROOT.glob("*.py")), *sorted((ROOT / "scripts").glob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, inside functions too; ``from a.b import c`` counts as ``a.b.c``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: imports are written in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def belongs(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


@pytest.mark.parametrize("path", ROOM_FILES, ids=name_of)
def test_dependencies_point_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    allowed = {room, *MAY_IMPORT[room]}
    inner = [module for module in imports(path) if module.split(".")[0] in ROOMS | ABOVE]
    strangers = [module for module in inner if not any(belongs(module, package) for package in allowed)]
    assert strangers == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_imports_an_entry_script(path: Path) -> None:
    assert [module for module in imports(path) if module.split(".")[0] in ENTRY] == []


@pytest.mark.parametrize("path", [*FILES, *TESTS], ids=name_of)
def test_files_and_functions_stay_short(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MOST_LINES
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    long = [f.name for f in functions if (f.end_lineno or f.lineno) - f.lineno + 1 > MOST_FUNCTION_LINES]
    assert long == []


def commands() -> list[list[str]]:
    """The commands in README's shell blocks, as words; a line's end after a backslash is no end."""
    blocks = re.findall(r"```(?:bash|sh)\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if shlex.split(line, comments=True)]


def script_of(words: list[str]) -> Path | None:
    """The project's file that a command runs."""
    if words[0] == "bash":
        return ROOT / words[1]
    if words[0].endswith("python"):
        if words[1] != "-m":
            return ROOT / words[1]
        module = ROOT / words[2].replace(".", "/")
        return module / "__main__.py" if module.is_dir() else module.with_suffix(".py")
    return None


def test_readme_names_commands() -> None:
    assert {"scripts/demo.sh", "scripts/test.sh"} <= {words[1] for words in commands() if words[0] == "bash"}


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_readme_commands_exist(words: list[str]) -> None:
    """The script is there, and knows every option that README gives it."""
    path = script_of(words)
    if path is None:
        assert words[0] in {"git", "cd", "apt-get"}
        return
    source = path.read_text(encoding="utf-8")
    options = [word.partition("=")[0] for word in words[2:] if word.startswith("--")]
    if path.suffix == ".py":
        assert [option for option in options if f'"{option}"' not in source] == []


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8")))
def test_readme_links_lead_somewhere(link: str) -> None:
    assert link.startswith("https://") or (ROOT / link).exists()
