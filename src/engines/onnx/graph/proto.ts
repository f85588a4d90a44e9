/** Bytes of one protobuf message, built field by field. Only what ONNX models need. */
export interface Message {
  integer(field: number, value: number | bigint): Message;
  float(field: number, value: number): Message;
  bytes(field: number, value: Uint8Array | string): Message;
  message(field: number, value: Message): Message;
  finish(): Uint8Array;
}

function varint(value: number | bigint): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}

/** An empty message; wire format as in the Protocol Buffers encoding guide. */
export function message(): Message {
  const parts: Uint8Array[] = [];
  const lengthDelimited = (field: number, content: Uint8Array): Message => {
    parts.push(Uint8Array.from([...varint((field << 3) | 2), ...varint(content.byteLength)]), content);
    return self;
  };
  const self: Message = {
    integer(field, value) {
      parts.push(Uint8Array.from([...varint(field << 3), ...varint(value)]));
      return self;
    },
    float(field, value) {
      parts.push(Uint8Array.from(varint((field << 3) | 5)), new Uint8Array(new Float32Array([value]).buffer));
      return self;
    },
    bytes: (field, value) => lengthDelimited(field, typeof value === 'string' ? Buffer.from(value, 'utf8') : value),
    message: (field, value) => lengthDelimited(field, value.finish()),
    finish: () => new Uint8Array(Buffer.concat(parts)),
  };
  return self;
}
