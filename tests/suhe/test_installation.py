"""A data folder knows what it is and belongs to one supervisor at a time."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from foundation.errors import Conflict
from suhe.installation import lock_folder, open_installation


def test_an_installation_keeps_its_identity(tmp_path: Path) -> None:
    """Opening a folder again returns the same id, and a demo stays a demo without being told."""
    first = open_installation(tmp_path / "d", demo=True)
    again = open_installation(tmp_path / "d", demo=False)
    assert again == first
    assert again.demo


def test_simulated_data_never_enters_a_real_installation(tmp_path: Path) -> None:
    """Asking for the demo in a real installation is refused with what to do."""
    open_installation(tmp_path, demo=False)
    with pytest.raises(Conflict, match="simulated"):
        open_installation(tmp_path, demo=True)


def test_the_keys_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Only the owner may list or enter the folder of private keys."""
    open_installation(tmp_path / "d", demo=False)
    assert stat.S_IMODE((tmp_path / "d" / "keys").stat().st_mode) == 0o700


def test_two_supervisors_cannot_share_a_folder(tmp_path: Path) -> None:
    """The second to lock a folder is told who holds it."""
    with lock_folder(tmp_path), pytest.raises(Conflict, match="another `suhe up`"):
        lock_folder(tmp_path)
    lock_folder(tmp_path).close()
