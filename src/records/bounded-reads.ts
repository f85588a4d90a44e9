import avro from 'avsc';

/** What avsc reads with. Past the end of the bytes it reads zeros, and complains only once everything is read. */
interface Tap {
  readonly pos: number;
  readonly buf: Uint8Array;
  readLong(): number;
  readString(): string;
}

interface Reads {
  _read(tap: Tap): unknown;
}

/**
 * Number of items in the next block, 0 after the last. Each item takes a byte at least in all schemas of this package,
 * so a count beyond the bytes that are left is damage, and reading so many zeros could take minutes.
 */
function blockSize(tap: Tap): number {
  const count = tap.readLong();
  if (count < 0) tap.readLong(); // bytes of the block
  const left = Math.max(0, tap.buf.length - tap.pos);
  if (Math.abs(count) > left) throw new Error(`${Math.abs(count)} items in ${left} bytes`);
  return Math.abs(count);
}

Object.assign(avro.types.ArrayType.prototype, {
  _read(this: { readonly itemsType: Reads }, tap: Tap): unknown[] {
    const items: unknown[] = [];
    for (let count = blockSize(tap); count > 0; count = blockSize(tap))
      for (let i = 0; i < count; i++) items.push(this.itemsType._read(tap));
    return items;
  },
});

Object.assign(avro.types.MapType.prototype, {
  _read(this: { readonly valuesType: Reads }, tap: Tap): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    for (let count = blockSize(tap); count > 0; count = blockSize(tap))
      for (let i = 0; i < count; i++) {
        const key = tap.readString();
        values[key] = this.valuesType._read(tap);
      }
    return values;
  },
});
