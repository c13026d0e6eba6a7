"""A stack of a run's own, with a fleet and its journal."""

import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "oracle"), str(HERE.parent / "wire")]

from running import REPOSITORY, Running


class OwnStack(Running):
    """Its files are in var/<name>-<base>."""

    def __init__(self, name, port_base, environment=None):
        super().__init__(port_base, REPOSITORY / f"var/{name}-{port_base}")
        self.environment = environment or {}

    def make(self, *words):
        """Brings a new one up."""
        shutil.rmtree(self.var, ignore_errors=True)
        self.var.mkdir(parents=True)
        self.up(*words)

    def up(self, *words):
        """Brings it up with the data that it has."""
        environment = dict(os.environ, CLASSPULSE_VAR=str(self.var), CLASSPULSE_BUILT="1") | self.environment
        arguments = ["up", "--detach", "--journal", *map(str, words), "--port-base", str(self.port_base)]
        done = subprocess.run(
            [str(REPOSITORY / "classpulse"), *arguments], env=environment, cwd=REPOSITORY, capture_output=True, text=True,
            timeout=300,
        )
        if done.returncode:
            raise RuntimeError(f"the stack does not come up:\n{done.stdout[-3000:]}{done.stderr[-2000:]}")

    def remove(self, keep=False):
        self.command("down", check=False)
        if not keep:
            shutil.rmtree(self.var, ignore_errors=True)
