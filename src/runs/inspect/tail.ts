import { setTimeout as wait } from 'node:timers/promises';
import { required } from '../../support/required.js';
import type { LogRecord, TopicInfo, TopicLog } from '../../topics/log.js';
import { lastOffset } from '../../topics/scan.js';

export interface TailSettings {
  /** Records of each partition to begin with. */
  readonly lines: number;
  /** Whether to wait for more. */
  readonly follow: boolean;
  readonly accepts?: ((record: LogRecord) => boolean) | undefined;
  readonly signal: AbortSignal;
}

/** Between two looks at a topic that has nothing new, in milliseconds. */
const IDLE_MS = 200;

/** The last records of a topic that are accepted, partition by partition, and with `follow` those to come. */
export async function* tailRecords(
  log: TopicLog,
  { name, bounds }: TopicInfo,
  { lines, follow, accepts = () => true, signal }: TailSettings,
): AsyncGenerator<LogRecord> {
  const next = await Promise.all(bounds.map((_, partition) => lastOffset(log, name, partition, lines, accepts)));
  while (!signal.aborted) {
    let more = false;
    for (const partition of next.keys()) {
      const records = await log.read(
        name,
        partition,
        required(next[partition], `offset in partition ${partition}`),
        256,
      );
      for (const record of records) {
        if (accepts(record)) yield record;
        next[partition] = record.offset + 1n;
        more = true;
      }
    }
    if (!more && !follow) return;
    if (!more) await wait(IDLE_MS, undefined, { signal }).catch(() => {});
  }
}
