"""Real servers for tests and benches: started here and nowhere else, on loopback, on free ports, ended by their own process.

Each `start_...` returns a running server or raises `Missing` naming the program; `require` turns that into a skip by name,
or into a failure where CI=true.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from foundation.files import find_program


class Missing(Exception):
    """A server program that is not on this machine."""


@dataclass
class Server:
    """A child process that listens on a loopback port."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    command: list[str]
    log: Path
    url: str = ""
    env: dict[str, str] = field(default_factory=dict)
    # What a polite end is: PostgreSQL waits for its clients at SIGTERM and sends them home at SIGINT.
    polite: signal.Signals = signal.SIGTERM

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self.process.pid

    def kill(self) -> None:
        """End the process as a power cut would: SIGKILL, no warning."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        """End the process politely, then not."""
        if self.process.poll() is None:
            self.process.send_signal(self.polite)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def start_again(self) -> None:
        """Start the same command on the same port after `kill` or `stop`."""
        self.process = _spawn(self.command, self.log, self.env)
        _wait_for_port(self.port, self.process, self.log)


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def program(*names: str) -> str:
    """Return the path of the first program found, or raise Missing."""
    for name in names:
        path = find_program(name)
        if path:
            return path
    raise Missing(names[0])


def start_mosquitto(folder: Path, *, passwords: Mapping[str, str] | None = None, acl: str = "", extra: str = "", port: int = 0) -> Server:
    """Start mosquitto. Without `passwords` (user -> `$7$...` hash) it lets anyone in, which only tests and benches do."""
    binary = program("mosquitto")
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        f"listener {port} 127.0.0.1",
        "persistence false",
        "max_queued_messages 1000000",
        "max_inflight_messages 20000",
        "message_size_limit 262144",
        extra,
    ]
    if os.geteuid() == 0:
        # Started as root, mosquitto drops to a user that may not read the folder unless it is told to stay.
        lines.insert(0, "user root")
    if passwords is None:
        lines.append("allow_anonymous true")
    else:
        (folder / "passwords").write_text("".join(f"{user}:{hashed}\n" for user, hashed in passwords.items()))
        lines += ["allow_anonymous false", f"password_file {folder / 'passwords'}"]
    if acl:
        (folder / "acl").write_text(acl)
        lines.append(f"acl_file {folder / 'acl'}")
    config = folder / "mosquitto.conf"
    config.write_text("\n".join(line for line in lines if line) + "\n")
    return _serve("mosquitto", [binary, "-c", str(config)], port, folder)


def start_amqtt(folder: Path, *, passwords: Mapping[str, str] | None = None, feeds: str = "", port: int = 0) -> Server:
    """Start the embedded broker in a process of its own, as `suhe up` does where there is no mosquitto; `feeds` as rules tell them."""
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "suhe.embedded_broker", "--port", str(port)]
    if passwords is not None:
        (folder / "passwords").write_text("".join(f"{user}:{hashed}\n" for user, hashed in passwords.items()))
        command += ["--passwords", str(folder / "passwords")]
    if feeds:
        (folder / "feeds.json").write_text(feeds)
        command += ["--feeds", str(folder / "feeds.json")]
    return _serve("amqtt", command, port, folder)


def start_victoria_metrics(folder: Path, *flags: str) -> Server:
    """Start VictoriaMetrics with an empty store."""
    binary = program("victoria-metrics")
    port = free_port()
    command = [binary, f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={folder / 'vm'}", "-retentionPeriod=100y", *flags]
    server = _serve("victoria-metrics", command, port, folder)
    server.url = f"http://127.0.0.1:{port}"
    _wait_for_http(server.url + "/health", server)
    return server


def start_postgres(folder: Path, *, durable: bool = False) -> Server:
    """Start a PostgreSQL cluster of its own that keeps everything under `folder`; `url` is a SQLAlchemy URL.

    `durable` turns on the fsync that tests do without and benches must not.
    """
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True)
    search = os.pathsep.join([*map(str, newest), os.environ.get("PATH", ""), "/opt/homebrew/bin", "/usr/local/bin"])
    initdb, postgres = (shutil.which(n, path=search) for n in ("initdb", "postgres"))
    if not initdb or not postgres:
        raise Missing("postgresql")
    port = free_port()
    data = folder / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    as_user: dict[str, object] = {}
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root; Debian's package made a user for it.
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
        for parent in [folder, *folder.parents]:
            with contextlib.suppress(PermissionError):
                parent.chmod(parent.stat().st_mode | 0o011)
        as_user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    subprocess.run(
        [initdb, "-D", str(data), "-U", "suhe", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"],
        check=True, stdout=subprocess.DEVNULL, cwd="/", **as_user,  # type: ignore[call-overload]
    )  # fmt: skip
    command = [
        postgres, "-D", str(data), "-p", str(port), "-c", "listen_addresses=127.0.0.1",
        "-c", f"unix_socket_directories={data}", "-c", f"fsync={'on' if durable else 'off'}", "-c", "max_connections=60",
    ]  # fmt: skip
    log = folder / "postgres.log"
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd="/", **as_user)  # type: ignore[call-overload]
    _wait_for_port(port, process, log)
    server = Server("postgresql", port, process, command, log, f"postgresql://suhe@127.0.0.1:{port}/postgres", polite=signal.SIGINT)
    _wait_for_postgres(server)
    return server


def start_anvil(folder: Path, *arguments: str, port: int = 0) -> Server:
    """Start a development chain without accounts, so that nobody has money by default; `url` is its JSON-RPC."""
    from suhe.chain_child import anvil_path

    binary = anvil_path()
    if binary is None:
        raise Missing("anvil")
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    server = _serve("anvil", [binary, "--host", "127.0.0.1", "--port", str(port), "--accounts", "0", "--quiet", *arguments], port, folder)
    server.url = f"http://127.0.0.1:{port}"
    return server


def chromium_path() -> str:
    """Return the path of a Chromium or Chrome on this machine."""
    mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    if Path(mac).exists():
        return mac
    return program("chromium", "chromium-browser", "google-chrome")


def require(start: Callable[[], Server | str]) -> Server | str:
    """Return what `start` returns; where the program is missing, skip by name, or fail under CI=true."""
    import pytest

    try:
        return start()
    except Missing as missing:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"{missing} is needed under CI and is not installed; `make servers` installs it on Debian as root")
        pytest.skip(f"{missing} is not installed")


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    """Stop `server` at the end of the block."""
    try:
        yield server
    finally:
        server.stop()


def _serve(name: str, command: list[str], port: int, folder: Path, env: dict[str, str] | None = None) -> Server:
    log = folder / f"{name}.log"
    process = _spawn(command, log, env or {})
    _wait_for_port(port, process, log)
    return Server(name, port, process, command, log, env=env or {})


def _spawn(command: list[str], log: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **env})


def _wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended at once ({process.returncode}): {log.read_text()[-2000:]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on {port} after {seconds} s: {log.read_text()[-2000:]}")


def _wait_for_http(url: str, server: Server, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1) as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{server.name} does not answer at {url}")


def _wait_for_postgres(server: Server, seconds: float = 20) -> None:
    import psycopg

    deadline = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(server.url).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
