/**
 * By how much the columns of slots grow. Few steps leave little garbage, and what no slot has used yet is never written,
 * so that it takes no memory: calloc(3) of that size maps pages, which the kernel allocates when they are written.
 */
export const GROWTH = 8;

/** A copy of the column with this length. Its new elements are 0. */
export function widened<Column extends Float64Array | Int32Array | Uint32Array | Uint8Array>(
  column: Column,
  length: number,
): Column {
  const copy = new (column.constructor as new (length: number) => Column)(length);
  copy.set(column);
  return copy;
}
