"""What is shipped, compared with what git holds."""

import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from build import ProjectBuilder

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="Only in a git checkout is it known what is ours."
)


@pytest.fixture(scope="module")
def files() -> set[str]:
    """List the project's files as they are, whether committed or not."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    ran = subprocess.run(listing, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return {name for name in ran.stdout.split("\0") if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def tree(files: set[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy them, so that no build leaves anything behind or finds what another left."""
    tree = tmp_path_factory.mktemp("tree")
    for name in files:
        copy = tree / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
    return tree


class TestRepository:
    def test_top_level_is_small(self, files: set[str]) -> None:
        """It holds what every Python project has, and nothing else."""
        names = {name.split("/")[0] for name in files}

        assert {name for name in names if not name.startswith(".")} <= {
            "flask_heygen",
            "example_app",
            "tests",
            "setup.cfg",
            "pyproject.toml",
            "README.md",
            "LICENSE",
            "CHANGELOG.md",
        }


class TestPythons:
    def test_are_all_tried(self) -> None:
        """Each version that setup.cfg names has its environment in tox, and no other has."""
        named = re.findall(
            r":: Python :: 3\.(\d+)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE
        )
        tox = (
            (ROOT / "pyproject.toml").read_text().split("[tool.tox]")[1].split("[tool.coverage")[0]
        )
        lists = re.findall(r"^(?:env_list|base_python) = (.*)$", tox, re.MULTILINE)

        assert [re.findall(r'"py3(\d+)"', each) for each in lists] == [named, named]


class TestSourceDistribution:
    def test_holds_what_git_holds(self, files: set[str], tree: Path, tmp_path: Path) -> None:
        """Nothing that the tests, the example or another build need is left out."""
        with tarfile.open(ProjectBuilder(tree).build("sdist", tmp_path)) as sdist:
            members = [each.name.partition("/")[2] for each in sdist if each.isfile()]

        generated = {name for name in members if name == "PKG-INFO" or ".egg-info/" in name}
        assert set(members) - generated == files


class TestWheel:
    def test_holds_the_package_alone(self, files: set[str], tree: Path, tmp_path: Path) -> None:
        """No tests, no example, and of the package every file."""
        with zipfile.ZipFile(ProjectBuilder(tree).build("wheel", tmp_path)) as wheel:
            members = {name for name in wheel.namelist() if ".dist-info/" not in name}

        assert members == {name for name in files if name.startswith("flask_heygen/")}
        assert "flask_heygen/py.typed" in members
