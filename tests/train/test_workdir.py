"""The folder of a run, as its processes find it."""

from concurrent.futures import ThreadPoolExecutor

from transformer_lm.train.workdir import open_workdir


def test_all_processes_of_a_run_may_try_the_folder_at_once(tmp_path):
    with ThreadPoolExecutor(16) as processes:
        opened = list(processes.map(open_workdir, [str(tmp_path)] * 400))
    assert len(opened) == 400
    assert list(tmp_path.iterdir()) == []
