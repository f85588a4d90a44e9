import { nearest, UserError } from '../support/errors.js';
import type { LogRecord, TopicInfo, TopicLog } from '../topics/log.js';
import { headerPlace } from '../topics/record-codec.js';
import { recordsOf, scanInOrder } from '../topics/scan.js';

/** @throws {UserError} `unknown-topic` with the nearest name */
export async function findTopic(log: TopicLog, topic: string): Promise<TopicInfo> {
  const infos = await log.describe();
  const info = infos.find(({ name }) => name === topic);
  if (info) return info;
  const known = infos.map(({ name }) => name);
  const near = nearest(topic, known);
  throw new UserError(
    'unknown-topic',
    `the run has no topic ${topic}; ${near ? `did you mean ${near}?` : `expected one of ${known.join(', ')}`}`,
  );
}

/** The partitions of a topic with their first offsets; none where the run has no such topic. */
export async function partitionsOf(log: TopicLog, topic: string): Promise<(readonly [number, bigint])[]> {
  const info = (await log.describe()).find(({ name }) => name === topic);
  return info ? info.bounds.map(({ start }, partition) => [partition, start] as const) : [];
}

/** Records without a step, such as references, count as step 0. */
const stepOf = (record: LogRecord): number => headerPlace(record)?.step ?? 0;

/**
 * Copies a topic byte for byte.
 * @param keep which records to copy; all by default
 * @param begin awaited before the first record of each step
 */
export async function copyTopic(
  from: TopicLog,
  to: TopicLog,
  topic: string,
  keep: (record: LogRecord) => boolean = () => true,
  begin?: (step: number) => Promise<unknown>,
): Promise<void> {
  let page: LogRecord[] = [];
  let [bytes, step] = [0, 0];
  const flush = async () => {
    if (page.length > 0) await to.append(page.map(({ key, value, headers }) => ({ topic, key, value, headers })));
    [page, bytes] = [[], 0];
  };
  for await (const record of scanInOrder(from, topic)) {
    if (!keep(record)) continue;
    const now = stepOf(record);
    if (begin && now > step) {
      await flush();
      await begin(now);
      step = now;
    }
    page.push(record);
    bytes += record.value === null ? 0 : record.value.byteLength;
    if (page.length === 256 || bytes > 1 << 22) await flush();
  }
  await flush();
}

/** The version that sampled each prompt. */
export async function sampledVersions(log: TopicLog): Promise<Map<string, number>> {
  const versions = new Map<string, number>();
  for await (const { promptId, policyVersion } of recordsOf(log, 'rollouts', ({ key }) => !versions.has(key)))
    versions.set(promptId, policyVersion);
  return versions;
}
