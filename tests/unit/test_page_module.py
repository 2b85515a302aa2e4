"""The page's module, as a browser asks for it."""

import re
import subprocess
import sys
from configparser import ConfigParser
from hashlib import sha1
from pathlib import Path
from zipfile import ZipFile

import pytest
from flask import Flask
from flask.testing import FlaskClient

from flask_heygen import HeyGen, heygen_bp

PACKAGE = Path(__file__).parents[2] / "flask_heygen" / "static"
MODULE = "/api/heygen/heygen-avatar.js"
PART = "/api/heygen/heygen-avatar/routes.js"


@pytest.fixture
def client() -> FlaskClient:
    app = Flask(__name__)
    app.register_blueprint(heygen_bp)
    return app.test_client()


class TestModule:
    def test_is_there_before_anything_is_configured(self, client: FlaskClient) -> None:
        """A page can load it, and handle a missing avatar."""
        with client.get(MODULE) as answer:
            assert answer.status_code == 200
            assert answer.mimetype == "text/javascript"
            assert answer.data == (PACKAGE / "heygen-avatar.js").read_bytes()

    def test_is_asked_for_anew_by_each_page_and_cheaply(self, client: FlaskClient) -> None:
        """No page mixes parts of two releases, whatever the app has set for files of its own."""
        client.application.config["SEND_FILE_MAX_AGE_DEFAULT"] = 86400
        with client.get(MODULE) as first:
            cache, etag = first.headers["Cache-Control"], first.headers["ETag"]
        with client.get(MODULE, headers={"If-None-Match": etag}) as second:
            assert second.status_code == 304
            assert second.headers["Cache-Control"] == cache

        assert "no-cache" in cache
        assert "max-age=0" in cache
        assert "no-store" not in cache

    def test_has_the_etag_of_its_content(self, client: FlaskClient) -> None:
        """It is the same on two machines, and another one after an upgrade, whatever the times."""
        with client.get(MODULE) as answer:
            assert answer.headers["ETag"] == f'"{sha1(answer.data).hexdigest()}"'
            assert "Last-Modified" not in answer.headers

    def test_is_served_from_a_zip(self, tmp_path: Path) -> None:
        """As zipapp and shiv pack an app."""
        archive = tmp_path / "packed.zip"
        with ZipFile(archive, "w") as packed:
            for file in PACKAGE.parent.rglob("*"):
                if file.suffix in (".py", ".js") and "simulator" not in file.parts:
                    packed.write(file, file.relative_to(PACKAGE.parents[1]))
        code = f"""
import sys
sys.path.insert(0, {str(archive)!r})
from flask import Flask
from flask_heygen import heygen_bp
assert ".zip" in sys.modules["flask_heygen"].__file__
app = Flask("host")
app.register_blueprint(heygen_bp)
answers = [app.test_client().get({MODULE!r}), app.test_client().get({PART!r})]
print(*[(answer.status_code, answer.headers["ETag"]) for answer in answers])
"""

        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
        )

        files = (PACKAGE / "heygen-avatar.js", PACKAGE / "heygen-avatar" / "routes.js")
        etags = [f'"{sha1(file.read_bytes()).hexdigest()}"' for file in files]
        assert ran.stdout.strip() == " ".join(str((200, etag)) for etag in etags), ran.stderr

    @pytest.mark.parametrize("name", ["If-Modified-Since", "If-Unmodified-Since", "If-Range"])
    def test_is_served_whatever_date_is_asked_with(self, client: FlaskClient, name: str) -> None:
        """One of no calendar is no condition."""
        headers = {name: "Mon, 01 Jan 2024 00:00:00 +99999999999999", "Range": "bytes=0-9"}

        with client.get(MODULE, headers=headers) as answer:
            assert answer.status_code == 200

    def test_can_be_imported_by_a_page_of_another_site(self, client: FlaskClient) -> None:
        """A browser imports from elsewhere only what says so."""
        with client.get(MODULE, headers={"Origin": "https://elsewhere.example"}) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "*"

    @pytest.mark.parametrize("prefix", ["/", "/hiring/avatar"])
    def test_stands_below_any_prefix_and_name(self, prefix: str) -> None:
        """The module finds the routes by its own address."""
        app = Flask(__name__)
        app.register_blueprint(HeyGen("coach"), url_prefix=prefix)

        with app.test_client().get(f"{prefix.rstrip('/')}/heygen-avatar.js") as answer:
            assert answer.status_code == 200

    def test_imports_only_what_is_served(self, client: FlaskClient) -> None:
        """Every import, and every import of an import, leads to a part."""
        seen, ahead = set(), [MODULE]
        while ahead:
            path = ahead.pop()
            seen.add(path.rpartition("/")[2])
            with client.get(path) as answer:
                assert answer.status_code == 200
                script = answer.get_data(as_text=True)
            imports = re.findall(r'^(?:im|ex)port .* from "(.*)";$', script, re.MULTILINE)
            ahead += [f"{path.rpartition('/')[0]}/{each.removeprefix('./')}" for each in imports]

        files = [PACKAGE / "heygen-avatar.js", *(PACKAGE / "heygen-avatar").iterdir()]
        assert seen == {file.name for file in files}

    @pytest.mark.parametrize("name", ["nothing", "..%2fblueprint", "%2e%2e/heygen-avatar"])
    def test_is_all_that_is_served(self, client: FlaskClient, name: str) -> None:
        """An unknown name is 404, in JSON like every error below the prefix."""
        answer = client.get(f"/api/heygen/heygen-avatar/{name}.js")

        assert answer.status_code == 404
        assert answer.json
        assert answer.json["error"]["code"] == "not_found"

    def test_is_installed_with_the_package(self) -> None:
        """A wheel holds each file of it."""
        packaging = ConfigParser()
        packaging.read(PACKAGE.parents[1] / "setup.cfg")
        patterns = packaging["options.package_data"]["flask_heygen"].split()

        packed = {file for pattern in patterns for file in PACKAGE.parent.glob(pattern)}

        assert packed >= set(PACKAGE.rglob("*.js"))
