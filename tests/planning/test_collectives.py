"""Collectives counted in programs whose traffic is known beforehand."""

import functools

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import Mesh, PartitionSpec

from transformer_lm.planning.collectives import read_collectives

WIDTH = 64
ROW = WIDTH * 4
"""Bytes of a row of float32."""


ROWS = PartitionSpec("x")


def compiled(function, *, out_specs=ROWS):
    """HLO text of a function of each device's row `[1, WIDTH]`, on eight devices."""
    mesh = Mesh(jax.devices(), "x")
    mapped = jax.shard_map(
        function,
        mesh=mesh,
        in_specs=PartitionSpec("x"),
        out_specs=out_specs,
        check_vma=False,
    )
    rows = jax.ShapeDtypeStruct((8, WIDTH), jnp.float32)
    return jax.jit(mapped).lower(rows).compile().as_text()


@pytest.mark.parametrize(
    ("function", "kind", "sent"),
    [
        # All parts but one, twice: 2 * 7/8 of the array.
        (lambda row: jax.lax.psum(row, "x"), "all-reduce", 2 * ROW * 7 / 8),
        # The whole array has eight rows, of which seven come from elsewhere.
        (lambda row: jax.lax.all_gather(row, "x"), "all-gather", 7 * ROW),
        (
            lambda row: jax.lax.psum_scatter(row[0], "x", tiled=True)[None],
            "reduce-scatter",
            ROW * 7 / 8,
        ),
        (
            lambda row: jax.lax.ppermute(
                row, "x", [(i, (i + 1) % 8) for i in range(8)]
            ),
            "collective-permute",
            ROW,
        ),
        (
            lambda row: jax.lax.all_to_all(row.reshape(8, 8), "x", 0, 0)[None],
            "all-to-all",
            ROW * 7 / 8,
        ),
    ],
)
def test_bytes_by_a_ring(function, kind, sent):
    found = read_collectives(compiled(function), 8)
    assert found.by_kind.keys() == {kind}
    assert found.by_kind[kind].count == 1
    assert found.by_kind[kind].sent_bytes == found.sent_bytes == sent


def test_turns_of_nested_loops_are_multiplied():
    def turn(row, _):
        return jax.lax.psum(jnp.sin(row), "x"), None

    def twice(row, _):
        return jax.lax.scan(turn, row, None, length=3)[0] * 2.0, None

    found = read_collectives(
        compiled(lambda row: jax.lax.scan(twice, row, None, length=5)[0]), 8
    )
    assert found.by_kind["all-reduce"].count == 15
    assert found.sent_bytes == 15 * 2 * ROW * 7 / 8
    assert found.unknown_loops == 0


def test_a_loop_that_ends_by_itself_is_reported():
    def grow(row):
        add = functools.partial(jax.lax.psum, axis_name="x")
        return jax.lax.while_loop(lambda r: r.sum() < 1e3, lambda r: add(r) + 1.0, row)

    found = read_collectives(compiled(grow), 8)
    assert found.unknown_loops == 1
    assert found.by_kind["all-reduce"].count == 1


TPU = """\
HloModule jit_step, is_scheduled=true

%all-reduce-scatter.1 (input: bf16[64,128]) -> bf16[16,128] {
  %input = bf16[64,128]{1,0:T(8,128)(2,1)} parameter(0)
  %all-reduce.8 = bf16[64,128]{1,0:T(8,128)(2,1)} all-reduce(%input), channel_id=4, \
replica_groups={{0,1,2,3}}, to_apply=%add
  ROOT %slice = bf16[16,128]{1,0} dynamic-slice(%all-reduce.8, %offset)
}

%part (piece: f32[8,128]) -> f32[32,128] {
  ROOT %all-gather.1 = f32[32,128]{1,0:T(8,128)} all-gather(%piece), channel_id=97, \
replica_groups=mesh['axis_0'=4,'axis_1'=2] {'axis_0'}, frontend_attributes={chain_id="0"}
}

%other_part (piece: f32[8,128]) -> f32[32,128] {
  ROOT %all-gather.2 = f32[32,128]{1,0:T(8,128)} all-gather(%piece), channel_id=97, \
replica_groups=mesh['axis_0'=4,'axis_1'=2] {'axis_0'}, frontend_attributes={chain_id="0"}
}

%condition (state: (s32[], f32[8,128])) -> pred[] {
  %bound = s32[]{:T(128)} constant(12)
  ROOT %lt = pred[]{:T(512)} compare(%number, %bound), direction=LT
}

%body (state: (s32[], f32[8,128])) -> (s32[], f32[8,128]) {
  %first = f32[32,128]{1,0} fusion(%piece), kind=kCustom, calls=%part
  %second = f32[32,128]{1,0} fusion(%first), kind=kCustom, calls=%other_part
  %scattered = bf16[16,128]{1,0} fusion(%grad), kind=kCustom, calls=%all-reduce-scatter.1
  %permute = (bf16[140,8]{1,0}, bf16[140,8]{1,0}, u32[]{:S(2)}, u32[]{:S(2)}) \
collective-permute-start(%piece), channel_id=1, source_target_pairs={{0,1},{1,2}}
  %done = bf16[140,8]{1,0} collective-permute-done(%permute)
  ROOT %tuple = (s32[], f32[8,128]) tuple(%number, %piece)
}

ENTRY %main (state: (s32[], f32[8,128])) -> f32[] {
  %while.1 = (s32[], f32[8,128]) while(%state), condition=%condition, body=%body
  ROOT %alone = f32[]{:T(128)} all-reduce(%sum), channel_id=9, replica_groups=[8,1]<=[8]
}
"""


def test_what_only_the_tpu_compiler_writes():
    found = read_collectives(TPU, 8).by_kind
    assert {kind: traffic.count for kind, traffic in found.items()} == {
        "all-gather": 12,
        "collective-permute": 12,
        "reduce-scatter": 12,
    }
    # Groups of four.
    assert found["all-gather"].sent_bytes == 12 * 32 * 128 * 4 * 3 / 4
    assert found["reduce-scatter"].sent_bytes == 12 * 64 * 128 * 2 * 3 / 4
    assert found["collective-permute"].sent_bytes == 12 * 140 * 8 * 2
