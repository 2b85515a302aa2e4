"""The distributions, compared with the files in git."""

import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from build import ProjectBuilder

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="Needs a git checkout, to list the project's files."
)


@pytest.fixture(scope="module")
def files() -> set[str]:
    """List the project's files as they are, whether committed or not."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    ran = subprocess.run(listing, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return {name for name in ran.stdout.split("\0") if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def tree(files: set[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the files, so that no build finds what another left behind."""
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


@pytest.fixture(scope="module")
def sdist(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution, and unpack it."""
    folder = tmp_path_factory.mktemp("sdist")
    # Not tarfile: early releases of Python 3.11 lack the filter that later ones warn without.
    archive = ProjectBuilder(tree).build("sdist", folder)
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", folder], check=True)
    (unpacked,) = (each for each in folder.iterdir() if each.is_dir())
    return unpacked


class TestSourceDistribution:
    def test_holds_the_package(self, files: set[str], sdist: Path) -> None:
        """And what PyPI and a build show and need."""
        names = {str(each.relative_to(sdist)) for each in sdist.rglob("*") if each.is_file()}

        package = {name for name in files if name.startswith("flask_heygen/")}
        assert package | {"LICENSE", "README.md", "pyproject.toml", "setup.cfg"} <= names


class TestWheel:
    def test_holds_the_package_alone(self, files: set[str], sdist: Path, tmp_path: Path) -> None:
        """Every file of the package, no tests and no example, though built far from the clone."""
        with zipfile.ZipFile(ProjectBuilder(sdist).build("wheel", tmp_path)) as wheel:
            members = {name for name in wheel.namelist() if ".dist-info/" not in name}

        assert members == {name for name in files if name.startswith("flask_heygen/")}
