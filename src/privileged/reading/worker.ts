import { Worker } from 'node:worker_threads';
import { answerInTurn } from '../../support/workers/answers.js';
import type { OptionalPart } from '../formats/extracted.js';
import { extractText, loadReader } from '../sources/extract.js';

/** A document for the process that reads it. */
export interface ReadCall {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly include: readonly OptionalPart[];
}

const WATCH_MS = 50;

/** Ends this process above a size. Only another thread can notice while a document is read. */
function watchMemory(mebibytes: number): void {
  const watch = `const most = ${mebibytes * 2 ** 20};
    setInterval(() => { if (process.memoryUsage.rss() > most) process.kill(process.pid, 'SIGKILL'); }, ${WATCH_MS});`;
  new Worker(watch, { eval: true, stdin: false, execArgv: [] }).unref();
}

watchMemory(Number(process.argv[2]));
answerInTurn(async ({ path, bytes, include }: ReadCall, progress) => {
  await loadReader(path);
  progress.warm();
  return extractText(path, bytes, include);
});
