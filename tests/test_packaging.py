"""What a user installs is what stands in the tree, whether or not the checkout could make symlinks."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "videoxl_stream"
LINKS = ("connectors", "pipelines")


def git(*arguments: str) -> list[str]:
    """Run git in the project and return the lines it prints."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def tree_files() -> list[str]:
    """Every file of the project that is tracked or could be, so that a new file counts before it is added."""
    listed = set(git("ls-files", "--cached", "--others", "--exclude-standard"))
    return sorted(name for name in listed if (ROOT / name).exists())


def installed_name(name: str) -> str | None:
    """Where a file of the tree stands after installation; None for one that is not installed."""
    top, _, rest = name.partition("/")
    if not rest or name in {f"{PACKAGE}/{link}" for link in LINKS}:
        return None
    if top in LINKS:
        return f"{PACKAGE}/{top}/{rest}"
    return name if top == PACKAGE else None


def expected_files() -> set[str]:
    """The files that the wheel must hold, no more and no fewer."""
    return {name for name in map(installed_name, tree_files()) if name}


def copy_tree(into: Path, *, symlinks: bool) -> Path:
    """Copy the project; without symlinks as git does on a file system that has none: as files naming the target."""
    for name in tree_files():
        source, target = ROOT / name, into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink() and not symlinks:
            target.write_text(str(source.readlink()), encoding="utf-8")
        else:
            shutil.copy2(source, target, follow_symlinks=False)
    return into


def wheel_files(tree: Path, *options: str) -> set[str]:
    """Build a wheel without the network and return the names of what it installs."""
    command = [sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", str(tree / "dist"), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (tree / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def tool_settings(tool: str) -> dict[str, Any]:
    """One tool's table of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(project["tool"][tool])


def test_the_package_list_names_every_package_of_the_tree() -> None:
    settings = tool_settings("setuptools")
    folders = {name.removesuffix("/__init__.py") for name in expected_files() if name.endswith("/__init__.py")}
    assert set(settings["packages"]) == {folder.replace("/", ".") for folder in folders}
    assert settings["package-dir"] == {PACKAGE: PACKAGE, **{f"{PACKAGE}.{link}": link for link in LINKS}}


def test_the_type_checker_is_given_every_folder_with_code() -> None:
    folders = {name.split("/")[0] for name in tree_files() if name.endswith(".py")}
    assert set(tool_settings("mypy")["files"]) == folders - set(LINKS)  # seen through the symlinks


@pytest.mark.parametrize("link", LINKS)
def test_the_links_are_committed_as_relative_symlinks(link: str) -> None:
    (entry,) = git("ls-files", "--stage", f"{PACKAGE}/{link}")
    assert entry.startswith("120000 ")
    assert (ROOT / PACKAGE / link).readlink() == Path("..") / link


def test_the_wheel_built_through_the_source_archive_holds_the_tree(tmp_path: Path) -> None:
    assert wheel_files(copy_tree(tmp_path, symlinks=True)) == expected_files()


def test_a_checkout_without_symlinks_gives_the_same_wheel(tmp_path: Path) -> None:
    assert wheel_files(copy_tree(tmp_path, symlinks=False), "--wheel") == expected_files()
