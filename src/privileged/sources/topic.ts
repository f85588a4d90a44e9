import { createHash } from 'node:crypto';
import type { PrivilegedKind } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import type { LogRecord, TopicLog } from '../../topics/log.js';
import { scan } from '../../topics/scan.js';
import { itemDocument } from '../records.js';
import type { SourceUnit, TopicSource } from './source.js';

const kinds: readonly string[] = ['reference', 'trace', 'document'] satisfies PrivilegedKind[];

/** The newest record of each key of a topic, as units. @throws {UserError} `no-topic` */
export async function* topicUnits(source: TopicSource, log: TopicLog): AsyncGenerator<SourceUnit> {
  const info = (await log.describe()).find(({ name }) => name === source.topic);
  if (!info)
    throw new UserError(
      'no-topic',
      `topic ${source.topic}: does not exist, expected an existing topic; check the name or create it`,
    );
  for (let partition = 0; partition < info.partitions; partition++) {
    const newest = new Map<string, bigint>();
    for await (const { key, offset } of scan(log, source.topic, partition)) newest.set(key, offset);
    for await (const record of scan(log, source.topic, partition)) {
      if (record.value !== null && newest.get(record.key) === record.offset)
        yield recordUnit(source, record, record.value);
    }
  }
}

function recordUnit(source: TopicSource, record: LogRecord, value: Uint8Array): SourceUnit {
  const name = `${source.topic}/${record.partition}@${record.offset}`;
  const { title = record.key, label = source.label ?? null, itemId = null, kind = 'document' } = record.headers;
  const id = kind === 'document' || itemId === null ? `${source.topic}:${record.key}` : null;
  return {
    name: `${source.topic}:${record.key}`,
    stamp: {
      id: id ?? itemDocument(kind, itemId),
      mark: name,
      contentHash: async () => createHash('sha256').update(value).digest('hex'),
    },
    async *documents() {
      if (!isKind(kind)) {
        throw new UserError('source-field', `${name}: header kind is ${kind}, expected one of ${kinds.join(', ')}`);
      }
      yield {
        id,
        itemId,
        kind,
        title,
        text: utf8(name, value),
        shape: kind === 'document' ? 'headings' : null,
        label,
      };
    },
  };
}

function isKind(kind: string): kind is PrivilegedKind {
  return kinds.includes(kind);
}

function utf8(name: string, value: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(value);
  } catch {
    throw new UserError('document-encoding', `${name}: found bytes that are not UTF-8, expected UTF-8`);
  }
  if (text.trim() === '') throw new UserError('document-empty', `${name}: found no text`);
  return text;
}
