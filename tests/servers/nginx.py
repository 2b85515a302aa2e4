"""A real nginx before the machines of a site, configured as the README says it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

from tests.requirements import program
from tests.servers.machines import Machine, wait_until

#: The configuration around the recipe under test.
_NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log notice;
{user}
events {{}}
http {{
    access_log off;
    add_header X-Machine $upstream_addr always;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{recipe}
}}
"""


class Nginx:
    """An nginx before some machines, configured as a recipe says it."""

    def __init__(self, folder: Path, recipe: str, addresses: list[str]) -> None:
        nginx = program("nginx", "nginx-light")
        self._folder, self._recipe, self._addresses = folder, recipe, addresses
        # Bind the port here and pass it on, so that no other process can take it.
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
            self._port = listener.getsockname()[1]
            self._configure(without=None)
            self._process = subprocess.Popen(
                [nginx, "-e", str(self._log), "-p", str(folder), "-c", str(self._configuration)],
                env={**os.environ, "NGINX": f"{listener.fileno()};"},
                pass_fds=[listener.fileno()],
            )
        self.url = f"http://127.0.0.1:{self._port}"
        wait_until(lambda: bool(self._workers()), self._log_text)

    @property
    def _log(self) -> Path:
        return self._folder / "nginx.log"

    @property
    def _configuration(self) -> Path:
        return self._folder / "nginx.conf"

    def _configure(self, without: str | None) -> None:
        """Write the recipe with the tests' addresses in place of its own."""
        ours = iter(self._addresses)

        def server(_: re.Match[str]) -> str:
            address = next(ours)
            return f"server {address}{' down' if address == without else ''}"

        recipe, found = re.subn(r"server [\d.]+:\d+", server, self._recipe)
        assert found == len(self._addresses)
        recipe, found = re.subn(r"listen 80\b", f"listen 127.0.0.1:{self._port}", recipe)
        assert found == 1
        user = "user root;" if os.geteuid() == 0 else ""  # whose folders are for root alone
        text = _NGINX.format(folder=self._folder, user=user, recipe=recipe)
        self._configuration.write_text(text)

    def serve(self, *, without: Machine | None = None) -> None:
        """Use all machines except one, and wait until requests no longer reach that one."""
        workers = self._workers()
        self._configure(without.address if without else None)
        self._process.send_signal(signal.SIGHUP)
        wait_until(lambda: bool(self._workers()) and not workers & self._workers(), self._log_text)

    def end(self) -> None:
        """End it, with all that it does."""
        self._process.terminate()
        assert self._process.wait(30) == 0

    def _log_text(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def _workers(self) -> set[str]:
        log = self._log_text()
        started = set(re.findall(r"start worker process (\d+)", log))
        return started - set(re.findall(r"worker process (\d+) exited", log))
