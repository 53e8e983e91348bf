"""Studies on clusters that are real: `make test-cluster`.

What must hold is that of a local run: the same rows, no run twice, and no process left.
"""

import os
import signal
import subprocess
import time

import pytest

from tests.cluster import machines

pytestmark = machines.REAL_CLUSTER
TOTAL = 240


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    machines.write_conf(folder / "conf")
    with machines.processes() as made:
        return machines.local_run(folder, made)


@pytest.fixture
def folder(tmp_path):
    machines.write_conf(tmp_path / "conf")
    return tmp_path


def run_with_kills(folder, made, reference, settings, kill, before=(), **environment):
    """One worker is killed in the middle, then the driver; the command is given again."""
    log, study = folder / "driver.log", folder / "runs" / "far"
    words = [*before, *machines.command(folder, "far", *settings)]
    driver = made.start(*words, log=log, **environment)
    machines.until(lambda: driver.poll() is not None or machines.stored(study) >= TOTAL // 8)
    assert driver.poll() is None, log.read_text()
    kill()
    machines.until(lambda: driver.poll() is not None or machines.stored(study) >= TOTAL // 3)
    assert driver.poll() is None, log.read_text()
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert machines.stored(study) < TOTAL
    driver = made.start(*words, log=log, **environment)
    assert driver.wait(machines.PATIENCE_S) == 0, log.read_text()
    machines.check_same(study, reference)


def test_three_workers_on_loopback(folder, made, reference):
    with machines.dask(folder, made) as address:
        settings = ["engine=dask", f"engine.address={address}"]
        run_with_kills(folder, made, reference, settings, lambda: machines.kill_one_worker(made))


def test_two_hosts_that_share_no_files(folder, made, reference):
    with machines.hosts(["a", "b", "c"]) as (here, *others):
        inside = [*others, others[0]]
        with machines.dask(folder, made, host="10.211.7.1", before=here, inside=inside) as address:
            settings = ["engine=dask", f"engine.address={address}"]
            run_with_kills(
                folder,
                made,
                reference,
                settings,
                lambda: machines.kill_one_worker(made),
                before=here,
            )
        made.check_none_left()


def test_jobs_of_slurm(folder, made, reference):
    with machines.slurm(folder) as environment:
        settings = ["engine=slurm", "engine.jobs=3", "engine.memory=1GB", "engine.interface=lo"]
        settings += ["engine.death_timeout=60", "engine.queue=main"]
        settings += [f"engine.local_directory={folder}", f"engine.log_directory={folder}/logs"]
        run_with_kills(
            folder,
            made,
            reference,
            settings,
            lambda: machines.lose_node(environment, folder, "node2"),
            **environment,
        )
        made.check_none_left()


def test_an_array_of_slurm(folder, made, reference):
    script = folder / "hpobench.sbatch"
    words = machines.command(folder, "far", "engine.jobs=12", "engine.queue=main")
    words[words.index("run")] = "sbatch"
    log, study = folder / "driver.log", folder / "runs" / "far"
    words += ["--output", str(script), "engine.memory=1GB"]
    assert made.start(*words, log=log).wait(machines.PATIENCE_S) == 0, log.read_text()
    with machines.slurm(folder) as environment:
        submit = ["sbatch", "--parsable", "--wait", "--export=ALL", str(script)]
        array = made.start(*submit, log=log, **environment)
        machines.until(lambda: machines.stored(study) >= TOTAL // 8)
        machines.lose_node(environment, folder, "node2")
        machines.until(lambda: machines.stored(study) >= TOTAL // 3)
        number = log.read_text().split()[-1]
        # SIGTERM, and two seconds later SIGKILL. Jobs of the lost node wait to be queued again, and
        # cannot be cancelled at once.
        while array.poll() is None:
            subprocess.run(["scancel", number], env=os.environ | environment)
            time.sleep(2)
        assert machines.stored(study) < TOTAL
        array = made.start(*submit, log=log, **environment)
        assert array.wait(machines.PATIENCE_S) == 0, log.read_text()
        machines.check_same(study, reference)
        made.check_none_left()
