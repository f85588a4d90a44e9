import { elementType } from '../../records/arrays.js';
import type { LogRecord } from '../../topics/log.js';
import { recordIn, recordType } from '../../topics/record-codec.js';
import { isRedacted, redact } from './redact.js';

export interface Disclosure {
  /** Shows what only the teacher may see. */
  readonly showPrivileged: boolean;
  /** The topic is one of privileged texts, whose records are plain text. */
  readonly isSource?: boolean;
  /** Floats with all of their digits instead of six. */
  readonly exact?: boolean;
}

/** A record as its reader sees it: decoded, arrays of numbers as such, privileged fields by their length. */
export function describeRecord(
  record: LogRecord,
  { showPrivileged, isSource = false, exact = false }: Disclosure,
): object {
  const { topic, partition, offset, timestamp, key, headers: found, value } = record;
  const isHidden = isSource && !showPrivileged;
  const place = { topic, partition, offset, time: new Date(timestamp).toISOString(), key };
  const headers = isHidden && found.title !== undefined ? { ...found, title: redact(found.title) } : found;
  if (value === null) return { ...place, gap: headers.gap ?? null, headers };
  if (isHidden) return { ...place, headers, value: redact(value) };
  const kind = recordType(topic);
  if (kind === undefined) return { ...place, value: isSource ? Buffer.from(value).toString() : value };
  const show = ([field, v]: [string, unknown]): [string, unknown] =>
    !showPrivileged && v !== null && isRedacted(kind, field) ? [field, redact(v)] : [field, decoded(field, v, exact)];
  const fields = recordIn(kind, record);
  if (!fields) return { ...place, headers, unreadable: redact(value) };
  return { ...place, value: Object.fromEntries(Object.entries(fields).map(show)) };
}

/** Numbers of a field of bytes. */
function decoded(field: string, value: unknown, exact: boolean): unknown {
  if (!(value instanceof Uint8Array)) return value;
  const type = elementType(field);
  if (type === 'uint8') return field === 'mask' ? [...value] : value;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const words = Array.from({ length: value.byteLength >> 2 }, (_, i) => i * 4);
  const float = (at: number) => {
    const found = view.getFloat32(at, true);
    return exact ? found : Number(found.toPrecision(6));
  };
  return words.map((at) => (type === 'int32' ? view.getInt32(at, true) : float(at)));
}
