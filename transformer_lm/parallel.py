"""Devices: the mesh, and where each parameter and batch lies on it.

Networks name the logical axes of their parameters; `RULES` maps these to mesh axes.
"""

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from flax.linen import spmd
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from transformer_lm.registry import UserError

MESH_AXES = ("data", "fsdp", "tensor")
BATCH_AXES = ("data", "fsdp")

RULES: tuple[tuple[str, str | tuple[str, ...] | None], ...] = (
    ("batch", BATCH_AXES),
    ("embed", "fsdp"),
    ("mlp", "tensor"),
    ("heads", "tensor"),
    ("head_dim", None),
    ("vocab", "tensor"),
    ("positions", None),
    ("layers", None),
    ("norm", None),
    ("token_types", None),
    ("transform", None),
    ("classes", None),
    ("factor", None),
)


@dataclass(frozen=True)
class MeshShape:
    """How many devices share each kind of work."""

    data_parallel: int | None = None
    """Devices along the data axis; unset: all that the other axes leave."""
    fsdp_parallel: int = 1
    """Devices that share parameters and optimizer state, each with its own rows."""
    tensor_parallel: int = 1
    """Devices that share each matrix product."""
    shard_optimizer_over_data: bool = False
    """Divide the optimizer's moments, and the update, over the data axis too (ZeRO-1:
    Rajbhandari et al. 2020, section 5.1); parameters stay whole. The result is the same.
    """

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        sizes = {
            f"{axis}_parallel": getattr(self, f"{axis}_parallel") for axis in MESH_AXES
        }
        return [
            f"{name}={size} must be at least 1"
            for name, size in sizes.items()
            if size is not None and size < 1
        ]

    def sizes(self, num_devices: int) -> tuple[int, int, int]:
        """Sizes of the data, fsdp and tensor axes on `num_devices` devices."""
        shared = self.fsdp_parallel * self.tensor_parallel
        data = self.data_parallel or max(num_devices // shared, 1)
        return data, self.fsdp_parallel, self.tensor_parallel

    def batch_shards(self, num_devices: int) -> int:
        """Parts that the rows of a batch are divided into."""
        data, fsdp, _ = self.sizes(num_devices)
        return data * fsdp

    def problems_on(self, num_devices: int) -> list[str]:
        """Lists what cannot work on `num_devices` devices."""
        sizes = self.sizes(num_devices)
        if math.prod(sizes) == num_devices:
            return []
        shape = " x ".join(
            f"{axis}_parallel={size}"
            for axis, size in zip(MESH_AXES, sizes, strict=True)
        )
        return [f"{shape} makes {math.prod(sizes)} devices; there are {num_devices}"]

    def build(self, devices: Sequence[Any] | None = None) -> Mesh:
        """Builds the mesh over `devices`, a list of `jax.Device`; by default all."""
        devices = devices if devices is not None else jax.devices()
        array = np.asarray(devices).reshape(self.sizes(len(devices)))
        return Mesh(array, MESH_AXES)


def shardings(boxed: Any, mesh: Mesh) -> Any:
    """Returns a NamedSharding for each leaf of an abstract tree with logical axes.

    Args:
      boxed: pytree of shapes as `jax.eval_shape` of an `init` gives it, with Flax's
        boxes of logical axis names around the parameters.
      mesh: the mesh to lie on.

    Raises:
      UserError: if an axis length is not a multiple of its mesh axis.
    """
    specs = nn.get_partition_spec(boxed)
    placed = spmd.logical_to_mesh_sharding(specs, mesh, list(RULES))
    leaves = jax.tree_util.tree_leaves_with_path(nn.unbox(boxed))
    problems = []
    for (path, leaf), sharding in zip(leaves, jax.tree.leaves(placed), strict=True):
        try:
            sharding.shard_shape(leaf.shape)
        except ValueError:
            problems.append(
                f"{jax.tree_util.keystr(path)} of shape {leaf.shape} does not divide"
                f" over {sharding.spec} of mesh {dict(mesh.shape)}"
            )
    if problems:
        raise UserError(
            "parameters do not fit the mesh; change fsdp_parallel or tensor_parallel:\n"
            + "\n".join(problems)
        )
    return placed


def over_data(shape: tuple[int, ...], sharding: NamedSharding) -> NamedSharding:
    """Divides an array over the data axis besides.

    Args:
      shape: of the array.
      sharding: where it lies without that.

    Returns:
      The sharding with the data axis on the longest axis of a device's part that it
      divides; the same as before if there is none.
    """
    size = sharding.mesh.shape["data"]
    spec = [*sharding.spec, *(None,) * (len(shape) - len(sharding.spec))]
    part = sharding.shard_shape(shape)
    fitting = [axis for axis, length in enumerate(part) if length % size == 0]
    if not fitting:
        return sharding
    longest = max(fitting, key=lambda axis: part[axis])
    before = spec[longest] or ()
    before = (before,) if isinstance(before, str) else tuple(before)
    spec[longest] = (*before, "data")
    return NamedSharding(sharding.mesh, PartitionSpec(*spec))


def batch_sharding(mesh: Mesh, leading: int = 0) -> NamedSharding:
    """Sharding of rows over the mesh, behind `leading` axes that are not divided."""
    return NamedSharding(mesh, PartitionSpec(*(None,) * leading, BATCH_AXES))


@contextlib.contextmanager
def on_mesh(mesh: Mesh) -> Iterator[None]:
    """Tells code that is being traced which mesh it is for, and `RULES`.

    What the compiler cannot divide by itself is divided by that.
    """
    with (
        jax.sharding.use_abstract_mesh(mesh.abstract_mesh),
        nn.logical_axis_rules(RULES),
    ):
        yield


def to_global(
    batch: Mapping[str, np.ndarray],
    mesh: Mesh,
    accumulation: int | None = None,
    micro_rows: int | None = None,
) -> dict[str, jax.Array]:
    """Puts each host's rows on its devices and returns them as global arrays.

    Args:
      batch: host-local arrays `[rows, …]`.
      mesh: where they go.
      accumulation: if given, arrays become `[accumulation, rows / accumulation, …]`.
      micro_rows: rows of this host in a micro-batch; if the batch has fewer than
        `accumulation` of them, the last micro-batches are zeros.
    """
    leading = 0 if accumulation is None else 1
    sharding = batch_sharding(mesh, leading)

    def place(array: np.ndarray) -> jax.Array:
        if accumulation is not None:
            missing = (micro_rows or 0) * accumulation - len(array)
            if missing > 0:
                array = np.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1))
            array = array.reshape(accumulation, -1, *array.shape[1:])
        return jax.make_array_from_process_local_data(sharding, array)

    return {name: place(array) for name, array in batch.items()}
