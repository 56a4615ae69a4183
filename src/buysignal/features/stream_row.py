"""A row of features written to memory past the caches.

An ordinary store first fetches the line it writes to. Rows that nobody reads before they have left the
cache are written without that (a non-temporal store), which halves the traffic to memory.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils, types
from numba.extending import intrinsic

from buysignal.features.catalogue import NAMES

ir = cgutils.ir  # of the very version that this Numba goes with

LANES = 4
"""Numbers of one store: 16 bytes, which every allocator's memory is aligned to."""

ROW_BYTES = 4 * len(NAMES)

assert len(NAMES) % LANES == 0  # the row is written in whole stores


@intrinsic
def stream_row(typing_context: Any, row: Any, out: Any, at: Any) -> Any:
    """Write the (f,) ``row`` to row ``at`` of the C-contiguous (n, f) ``out``; both begin at 16 bytes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        read, written = (
            cgutils.create_struct_proxy(kind)(context, builder, value).data
            for kind, value in zip(signature.args[:2], arguments[:2], strict=True)
        )
        lanes = ir.VectorType(ir.FloatType(), LANES).as_pointer()
        word = arguments[2].type
        offset = builder.mul(arguments[2], ir.Constant(word, ROW_BYTES))
        source = builder.bitcast(read, lanes)
        target = builder.inttoptr(builder.add(builder.ptrtoint(written, word), offset), lanes)
        hint = builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
        for store in range(len(NAMES) // LANES):
            position = [ir.Constant(ir.IntType(32), store)]
            value = builder.load(builder.gep(source, position), align=4)
            builder.store(value, builder.gep(target, position), align=16).set_metadata("nontemporal", hint)
        return context.get_dummy_value()

    return types.void(row, out, at), generate
