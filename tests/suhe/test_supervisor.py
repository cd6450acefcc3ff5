"""The supervisor keeps children alive, holds them on request and leaves none behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from suhe.supervisor import Child, Supervisor, read_state
from tests.waiting import wait_until

SLEEPER = [sys.executable, "-c", "import signal; signal.pause()"]


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """Yield a supervisor whose children end with the test."""
    made = Supervisor(tmp_path / "state.json", tmp_path / "control")
    (tmp_path / "control").mkdir()
    yield made
    made.stop()


def test_a_killed_child_comes_back(supervisor: Supervisor, tmp_path: Path) -> None:
    """A child that is killed runs again under a new process id."""
    supervisor.add(Child("sleeper", SLEEPER, tmp_path / "sleeper.log"))
    child = supervisor.children["sleeper"]
    assert child.process is not None
    first = child.process.pid
    os.kill(first, signal.SIGKILL)

    def back() -> bool:
        supervisor.tick()
        return child.running and child.process is not None and child.process.pid != first

    wait_until(back, 5, what="the child runs again")
    assert child.restarts == 1


def test_a_held_child_stays_down_until_released(supervisor: Supervisor, tmp_path: Path) -> None:
    """A hold file kills the child and keeps it down; removing the file brings it back; the state file tells both."""
    supervisor.add(Child("sleeper", SLEEPER, tmp_path / "sleeper.log"))
    child = supervisor.children["sleeper"]
    hold = tmp_path / "control" / "hold-sleeper"
    hold.touch()

    def ticked(running: bool) -> bool:
        supervisor.tick()
        return child.running is running

    wait_until(lambda: ticked(False), 5, what="the child is down")
    supervisor.tick()
    assert read_state(tmp_path / "state.json")["sleeper"]["held"] is True
    hold.unlink()
    wait_until(lambda: ticked(True), 5, what="the child is back")


def test_a_child_that_keeps_crashing_is_restarted_ever_more_slowly(supervisor: Supervisor, tmp_path: Path) -> None:
    """The pause before a restart doubles up to a bound, so that a broken child does not eat the machine."""
    supervisor.add(Child("crasher", [sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "crasher.log"))
    child = supervisor.children["crasher"]

    def restarted_twice() -> bool:
        supervisor.tick()
        return child.restarts >= 2

    wait_until(restarted_twice, 10)
    assert child.pause >= 1.0


def test_stopping_ends_every_child(tmp_path: Path) -> None:
    """After stop no child is alive, not even one that ignores SIGTERM."""
    made = Supervisor(tmp_path / "state.json", tmp_path)
    made.add(Child("polite", SLEEPER, tmp_path / "polite.log"))
    processes = [c.process for c in made.children.values() if c.process]
    made.stop()
    assert [p.poll() is not None for p in processes] == [True]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_children_end_with_a_killed_supervisor(tmp_path: Path) -> None:
    """A supervisor killed outright leaves no child holding a port."""
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom suhe.supervisor import Child, Supervisor\n"
        f"s = Supervisor(Path({str(tmp_path / 'state.json')!r}), Path({str(tmp_path)!r}))\n"
        f"s.add(Child('sleeper', {SLEEPER!r}, Path({str(tmp_path / 'log')!r})))\n"
        "s.tick()\nprint(s.children['sleeper'].process.pid, flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait(5)

    def gone() -> bool:
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z"

    wait_until(gone, 5, what="the child ended with its parent")
