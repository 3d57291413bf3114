"""The folder of a run, as its processes find it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from etils import epath

from transformer_lm.train.workdir import open_workdir, read_settings, write_settings


def test_all_processes_of_a_run_may_try_the_folder_at_once(tmp_path):
    with ThreadPoolExecutor(16) as processes:
        opened = list(processes.map(open_workdir, [str(tmp_path)] * 400))
    assert len(opened) == 400
    assert list(tmp_path.iterdir()) == []


def test_settings_are_whole_or_those_of_before(tiny_settings, tmp_path, fill_disk):
    folder = epath.Path(tmp_path)
    write_settings(folder, tiny_settings(seed=1))
    fill_disk(type(folder), "write_text")
    with pytest.raises(OSError, match="No space"):
        write_settings(folder, tiny_settings(seed=2))
    assert read_settings(str(tmp_path))["seed"] == 1
