import { isShared } from '../../pipelines/plan/plan.js';
import { lagByStage, stageLag } from '../../runs/inspect/lag.js';
import { hasRedactedFields, isRedacted, isSourceTopic, redact } from '../../runs/inspect/redact.js';
import { openRunFolder } from '../../runs/inspect/run-folder.js';
import { nearest, UserError } from '../../support/errors.js';
import { required } from '../../support/required.js';
import { topicDigest } from '../../topics/digest.js';
import type { LogRecord } from '../../topics/log.js';
import { fromRecord, recordType } from '../../topics/record-codec.js';
import { lastOffset } from '../../topics/scan.js';
import { examples, jsonOption, nonNegativeInteger, type Register } from '../options.js';
import { print, say, table, toJson } from '../output.js';

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
    print(
      total === 0 ? 'every stage has read its topic to the end' : `${total} record${total === 1 ? '' : 's'} to process`,
    );
  }
}

interface TailOptions {
  readonly lines: number;
  readonly follow?: boolean;
  readonly showPrivileged?: boolean;
}

export async function tail(folder: string, topic: string, options: TailOptions): Promise<void> {
  const { log, plan } = await openRunFolder(folder);
  const info = (await log.describe()).find(({ name }) => name === topic);
  if (!info) {
    const known = (await log.describe()).map(({ name }) => name);
    const near = nearest(topic, known);
    await log.close();
    throw new UserError(
      'unknown-topic',
      `${folder}: unknown topic ${topic}; ${near ? `did you mean ${near}?` : `expected one of ${known.join(', ')}`}`,
    );
  }
  const next = await Promise.all(info.bounds.map((_, partition) => lastOffset(log, topic, partition, options.lines)));
  const fields = !options.showPrivileged;
  const texts = isSourceTopic(plan.spec, topic);
  const hidden = { fields, all: fields && texts };
  const show = (record: LogRecord) => print(toJson(describe(topic, record, hidden, texts)));
  if (hidden.all || (fields && hasRedactedFields(topic)))
    say('privileged fields are redacted; --show-privileged shows them');
  const stop = new AbortController();
  process.once('SIGINT', () => {
    process.exitCode = 130;
    stop.abort();
  });
  while (!stop.signal.aborted) {
    let more = false;
    for (const partition of next.keys()) {
      const records = await log.read(
        topic,
        partition,
        required(next[partition], `next offset of partition ${partition}`),
        256,
      );
      for (const record of records) {
        show(record);
        next[partition] = record.offset + 1n;
        more = true;
      }
    }
    if (!more && !options.follow) break;
    if (!more) await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await log.close();
}

function describe(
  topic: string,
  record: LogRecord,
  hidden: { readonly fields: boolean; readonly all: boolean },
  texts: boolean,
): object {
  const { partition, offset, timestamp, key, headers: found, value } = record;
  const place = { topic, partition, offset, time: new Date(timestamp).toISOString(), key };
  const headers = hidden.all && found.title !== undefined ? { ...found, title: redact(found.title) } : found;
  if (value === null) return { ...place, gap: headers.gap ?? null, headers };
  if (hidden.all) return { ...place, headers, value: redact(value) };
  const kind = recordType(topic);
  if (kind === undefined) return { ...place, value: texts ? Buffer.from(value).toString() : value };
  const decoded = Object.entries(fromRecord(kind, { ...record, value }));
  const show = ([field, v]: [string, unknown]): [string, unknown] =>
    hidden.fields && v !== null && isRedacted(kind, field) ? [field, redact(v)] : [field, shown(field, v)];
  return { ...place, value: Object.fromEntries(decoded.map(show)) };
}

/** Decodes the bytes of token ids, log-probabilities and advantages. */
function shown(field: string, value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const words = Array.from({ length: value.byteLength >> 2 }, (_, i) => i * 4);
  if (/Tokens$/.test(field)) return words.map((at) => view.getInt32(at, true));
  if (/(Logprobs|Advantages)$/.test(field)) return words.map((at) => Number(view.getFloat32(at, true).toPrecision(6)));
  return field === 'mask' ? [...value] : value;
}

export const registerInspect: Register = (rlsd) => {
  rlsd
    .command('topics <run>')
    .description('record count and digest of each topic')
    .addOption(jsonOption())
    .action(topics);
  rlsd
    .command('tail <run> <topic>')
    .description('print the last records of a topic, decoded')
    .option('-n, --lines <n>', 'number of records', nonNegativeInteger, 10)
    .option('-f, --follow', 'wait for more records')
    .option('--show-privileged', 'show the fields that only the teacher may see')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(['rlsd tail runs/arithmetic-1 verdicts -n 3'], ['rlsd tail runs/arithmetic-1 metrics --follow']),
    )
    .action(tail);
  rlsd
    .command('lag <run>')
    .description('records that each stage has yet to process')
    .addOption(jsonOption())
    .action(lag);
};
