"""The executors that come with the core, by name; what they need is imported when a run chooses one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.plugins.hookspecs import hookimpl
from fashionbench.specs import ExecutorSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOME = "fashionbench.runner.executors"


class BuiltInExecutors:
    """A plugin that registers the executors of the core."""

    @hookimpl
    def register_executors(self) -> Iterable[ExecutorSpec]:
        """Return the executors."""
        return [
            ExecutorSpec(
                id="local",
                summary="this process; or several on this machine, each with its share of threads or one GPU",
                target=f"{_HOME}.local:local_executor",
                options={"workers": 1, "shards": 1, "retries": 1},
            ),
            ExecutorSpec(
                id="ray",
                summary="a Ray cluster, or one on this machine; backends stay loaded, lost machines are made up for",
                target=f"{_HOME}.ray_cluster:ray_executor",
                extra="ray",
                packages=("ray",),
                options={
                    "address": "",
                    "workers": 0,
                    "shards": 1,
                    "retries": 3,
                    "runtime_env": {},
                    "share_store": True,
                },
            ),
            ExecutorSpec(
                id="slurm",
                summary="an array job of Slurm, a task for each shard, submitted by submitit",
                target=f"{_HOME}.slurm:slurm_executor",
                extra="slurm",
                packages=("submitit",),
                options={
                    "workers": 4,
                    "shards": 1,
                    "minutes": 1440,
                    "retries": 1,
                    "parameters": {},
                    "cluster": "slurm",
                    "pause": 5.0,
                },
            ),
        ]
