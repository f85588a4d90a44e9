import avro from 'avsc';

/** What avsc reads and writes with. Past the end of its buffer it only counts; avsc then fails, or writes again. */
interface Tap {
  pos: number;
  readonly buf: Uint8Array;
  readLong(): number;
  writeLong(value: number): void;
  _invalidate(): void;
}

type Hook = (value: unknown, type: avro.Type) => void;
interface Resolver {
  _read: unknown;
}

/** One 64-bit integer, little-endian. */
const scratch = new DataView(new ArrayBuffer(8));

/** 64-bit integers as bigints: zigzag, seven bits per byte, lowest first. */
export class BigLong extends avro.types.LongType {
  static {
    // As avsc names its own replaceable types, whose values it tells by `_check` in a union.
    Object.assign(BigLong.prototype, { typeName: 'abstract:long', _concreteTypeName: 'long' });
  }
  _deref(): string {
    return 'long';
  }
  _check(value: unknown, _flags?: unknown, hook?: Hook): boolean {
    const isValid = typeof value === 'bigint' && BigInt.asIntN(64, value) === value;
    if (!isValid) hook?.(value, this);
    return isValid;
  }
  _update(resolver: Resolver, { typeName }: avro.Type): void {
    if (['abstract:long', 'long', 'int'].includes(typeName)) resolver._read = this._read;
  }
  _copy(value: bigint | number): bigint {
    return BigInt(value);
  }
  _read(tap: Tap): bigint {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = tap.buf[tap.pos++] ?? 0;
      const bits = byte & 0x7f;
      if (shift < 32) low |= bits << shift;
      if (shift > 24) high |= shift < 32 ? bits >> (32 - shift) : bits << (shift - 32);
      if (byte < 0x80) break;
    }
    const sign = -(low & 1);
    scratch.setInt32(0, ((low >>> 1) | (high << 31)) ^ sign, true);
    scratch.setInt32(4, (high >>> 1) ^ sign, true);
    return scratch.getBigInt64(0, true);
  }
  _write(tap: Tap, value: bigint): void {
    if (!this._check(value)) throw new TypeError('not a long');
    scratch.setBigInt64(0, value, true);
    const [bottom, top] = [scratch.getInt32(0, true), scratch.getInt32(4, true)];
    const sign = top >> 31;
    let low = (bottom << 1) ^ sign;
    let high = ((top << 1) | (bottom >>> 31)) ^ sign;
    for (; high !== 0 || low >>> 0 > 0x7f; high >>>= 7) {
      tap.buf[tap.pos++] = (low & 0x7f) | 0x80;
      low = (low >>> 7) | (high << 25);
    }
    tap.buf[tap.pos++] = low;
  }
}

/** Bytes as the plain arrays that records contain, where avsc has Buffers. */
export class PlainBytes extends avro.types.BytesType {
  static {
    Object.assign(PlainBytes.prototype, { typeName: 'abstract:bytes', _concreteTypeName: 'bytes' });
  }
  _deref(): string {
    return 'bytes';
  }
  _check(value: unknown, _flags?: unknown, hook?: Hook): boolean {
    const isValid = value instanceof Uint8Array;
    if (!isValid) hook?.(value, this);
    return isValid;
  }
  _update(resolver: Resolver, { typeName }: avro.Type): void {
    if (['abstract:bytes', 'bytes', 'string'].includes(typeName)) resolver._read = this._read;
  }
  _read(tap: Tap): Uint8Array | undefined {
    const length = tap.readLong();
    if (length < 0) {
      tap._invalidate();
      return undefined;
    }
    const { buf, pos } = tap;
    tap.pos += length;
    if (tap.pos > buf.length) return undefined;
    return new Uint8Array(buf.buffer.slice(buf.byteOffset + pos, buf.byteOffset + tap.pos));
  }
  _write(tap: Tap, value: unknown): void {
    if (!(value instanceof Uint8Array)) throw new TypeError('not bytes');
    tap.writeLong(value.byteLength);
    if (tap.pos + value.byteLength <= tap.buf.length) tap.buf.set(value, tap.pos);
    tap.pos += value.byteLength;
  }
}
