import { UserError } from '../errors.js';
import { readManifest } from '../pipelines/manifest.js';
import { planOf } from '../pipelines/plan.js';
import { verifyRun } from '../pipelines/replay/verify.js';
import type { RunEvent } from '../pipelines/run.js';
import { colour, print, say, table, toJson } from './output.js';
import { reporter } from './progress.js';

interface Options {
  readonly verify?: boolean;
  readonly from?: string;
  readonly json?: boolean;
}

export async function replay(folder: string, options: Options): Promise<void> {
  if (options.verify) return verify(folder, options.json ?? false);
  throw new UserError('bad-request', 'replay: expected --verify or --from TOPIC');
}

async function verify(folder: string, json: boolean): Promise<void> {
  const report = await watched(folder, json, (onEvent, signal) => verifyRun(folder, { onEvent, signal }));
  if (!report.equal) process.exitCode = 1;
  if (json) return print(toJson({ event: 'verify', ...report }));
  for (const note of report.notes) say(`note: ${note}`);
  print(
    table(
      ['topic', 'records', ''],
      report.topics.map(({ topic, records, equal }) => [topic, records, equal ? 'the same' : 'differs']),
    ),
  );
  const { difference } = report;
  if (!difference) return print(colour.green(`${report.run}: every record is the same, bit by bit`));
  const { topic, partition, offset, key, field, expected, found } = difference;
  print(colour.red(`first difference: ${topic}, partition ${partition}, offset ${offset}, key ${key}`));
  print(`  ${field}: expected ${expected}, found ${found}`);
}

/** Shows the steps while the work goes on; a signal stops it cleanly. */
export async function watched<T>(
  folder: string,
  json: boolean,
  work: (onEvent: (event: RunEvent) => void, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { spec, folder: base } = readManifest(folder);
  const report = reporter(planOf(spec, base), json);
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    return await work((event) => event.event !== 'summary' && report.event(event), abort.signal);
  } finally {
    report.end();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
