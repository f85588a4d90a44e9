import type { Append, TopicLog } from '../../topics/log.js';

/** Appends in batches. A batch ends between two calls of `put`, so a document is written completely or not at all. */
export interface BatchWriter {
  put(appends: readonly Append[]): Promise<void>;
  flush(): Promise<void>;
}

const MAX_RECORDS = 512;
const MAX_BYTES = 1 << 20;

export function batchWriter(log: TopicLog): BatchWriter {
  let waiting: Append[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    if (waiting.length > 0) await log.append(waiting);
    waiting = [];
    bytes = 0;
  };
  return {
    async put(appends) {
      waiting.push(...appends);
      for (const { value } of appends) if (value) bytes += value.byteLength;
      if (waiting.length >= MAX_RECORDS || bytes >= MAX_BYTES) await flush();
    },
    flush,
  };
}
