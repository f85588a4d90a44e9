import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * What encodes a message of Protocol Buffers.
 * @param file in `assets/`, with the fields that are written of another program's format
 * @throws {Error} where a value does not fit into its field
 */
export async function encoderOf(
  file: string,
  message: string,
): Promise<(value: Readonly<Record<string, unknown>>) => Uint8Array> {
  const { default: protobuf } = await import('protobufjs');
  const text = readFileSync(fileURLToPath(new URL(`./assets/${file}`, import.meta.url)), 'utf8');
  const type = protobuf.parse(text).root.lookupType(message);
  return (value) => {
    const problem = type.verify(value);
    if (problem !== null) throw new Error(`${file}: ${message}: ${problem}`);
    return type.encode(type.create(value)).finish();
  };
}
