// Preloaded into every thread of a benchmark: tells which system thread runs which worker module.
import { readlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const { THREAD_LABELS } = process.env;
if (!isMainThread && THREAD_LABELS)
  writeFileSync(join(THREAD_LABELS, basename(readlinkSync('/proc/thread-self'))), process.argv[1]);
