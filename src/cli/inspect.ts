import { nearest, UserError } from '../errors.js';
import { lagByStage, stageLag } from '../pipelines/lag.js';
import { openRunFolder } from '../pipelines/open-run.js';
import { isShared } from '../pipelines/plan.js';
import { fromRecord, type TopicName } from '../pipelines/wire.js';
import { schemaTopics } from '../topics/codec.js';
import { topicDigest } from '../topics/digest.js';
import type { LogRecord } from '../topics/log.js';
import { print, table, toJson } from './output.js';

export async function topics(folder: string, { json }: { json?: boolean }): Promise<void> {
  const { log, plan } = await openRunFolder(folder);
  const names = plan.topics.map(({ name }) => name).sort();
  const rows = [];
  for (const name of names.filter((one) => one !== 'source' && !isShared(one))) rows.push(await topicDigest(log, name));
  await log.close();
  if (json) for (const row of rows) print(toJson(row));
  else
    print(
      table(
        ['topic', 'records', 'digest'],
        rows.map(({ topic, count, digest }) => [topic, count, digest]),
      ),
    );
}

export async function lag(folder: string, { json }: { json?: boolean }): Promise<void> {
  const { log, plan } = await openRunFolder(folder);
  const rows = await stageLag(plan, log);
  await log.close();
  if (json) for (const row of rows) print(toJson(row));
  else {
    const cells = rows.map(({ stage, topic, partition, committed, end, lag: behind }) => [
      stage,
      topic,
      partition,
      Number(committed),
      Number(end),
      behind,
    ]);
    print(table(['stage', 'topic', 'partition', 'committed', 'end', 'lag'], cells));
    const total = Object.values(lagByStage(rows)).reduce((sum, one) => sum + one, 0);
    print(total === 0 ? 'every stage is at the end of its topic' : `${total} records behind`);
  }
}

interface TailOptions {
  readonly lines: number;
  readonly follow?: boolean;
  readonly showPrivileged?: boolean;
}

/** Fields that only the teacher may see. */
const PRIVILEGED_FIELDS: Partial<Record<TopicName, readonly string[]>> = {
  privileged: ['content', 'title'],
  references: ['answer', 'data'],
};

export async function tail(folder: string, topic: string, options: TailOptions): Promise<void> {
  const { log } = await openRunFolder(folder);
  const find = async () => (await log.describe()).find(({ name }) => name === topic);
  const info = await find();
  if (!info) {
    const known = (await log.describe()).map(({ name }) => name);
    const near = nearest(topic, known);
    await log.close();
    throw new UserError(
      'unknown-topic',
      `${folder}: no topic ${topic}; ${near ? `did you mean ${near}?` : `expected one of ${known.join(', ')}`}`,
    );
  }
  const next = info.bounds.map(({ start, end }) =>
    end - start > BigInt(options.lines) ? end - BigInt(options.lines) : start,
  );
  const show = (record: LogRecord) => print(toJson(describe(topic, record, options.showPrivileged ?? false)));
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  do {
    for (const partition of next.keys()) {
      const records = await log.read(topic, partition, next[partition] ?? 0n, 256);
      for (const record of records) {
        show(record);
        next[partition] = record.offset + 1n;
      }
    }
    const ends = (await find())?.bounds ?? [];
    const more = ends.some(({ end }, partition) => end > (next[partition] ?? 0n));
    if (!more && !options.follow) break;
    if (!more) await new Promise((resolve) => setTimeout(resolve, 200));
  } while (!stop.signal.aborted);
  await log.close();
}

function describe(topic: string, record: LogRecord, showPrivileged: boolean): object {
  const { partition, offset, timestamp, key, headers, value } = record;
  const place = { topic, partition, offset, time: new Date(timestamp).toISOString(), key };
  if (value === null) return { ...place, gap: headers.gap ?? null, headers };
  const kind = (topic.split('.')[0] ?? topic) as TopicName;
  if (!schemaTopics().includes(kind)) return { ...place, value };
  const decoded = Object.entries(fromRecord(kind, { ...record, value }));
  const hidden = showPrivileged ? [] : (PRIVILEGED_FIELDS[kind] ?? []);
  return { ...place, value: Object.fromEntries(decoded.map(([field, v]) => [field, shown(field, v, hidden)])) };
}

/** Bytes as what they hold: ids, log-probabilities, advantages. */
function shown(field: string, value: unknown, hidden: readonly string[]): unknown {
  if (hidden.includes(field) && value !== null) return '[privileged: --show-privileged shows it]';
  if (!(value instanceof Uint8Array)) return value;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const words = Array.from({ length: value.byteLength >> 2 }, (_, i) => i * 4);
  if (/Tokens$/.test(field)) return words.map((at) => view.getInt32(at, true));
  if (/(Logprobs|Advantages)$/.test(field)) return words.map((at) => Number(view.getFloat32(at, true).toPrecision(6)));
  return field === 'mask' ? [...value] : value;
}
