import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../errors.js';
import { readManifest } from '../pipelines/manifest.js';
import { planOf } from '../pipelines/plan.js';
import { diffRuns, type RunDifference } from '../pipelines/replay/diff.js';
import { replayFrom } from '../pipelines/replay/from.js';
import type { Part } from '../pipelines/replay/part.js';
import { verifyRun } from '../pipelines/replay/verify.js';
import type { RunEvent } from '../pipelines/run.js';
import { colour, print, say, table, toJson } from './output.js';
import { reporter } from './progress.js';

interface Options {
  readonly verify?: boolean;
  readonly from?: string;
  readonly set?: readonly string[];
  readonly run?: string;
  readonly fromOffset?: number;
  readonly fromTime?: string;
  readonly fromStep?: number;
  readonly toStep?: number;
  readonly filter?: string;
  readonly json?: boolean;
}

export async function replay(folder: string, options: Options): Promise<void> {
  const { verify: verifies, from, json = false } = options;
  if ((verifies ?? false) === (from !== undefined))
    throw new UserError('bad-request', 'replay: expected either --verify or --from TOPIC');
  if (from === undefined) return verify(folder, json);
  const to = resolve(options.run ?? newFolder(folder));
  const { summary, trained, notes } = await watched(folder, json, (onEvent, signal) =>
    replayFrom(folder, { from, to, set: options.set ?? [], part: partOf(options), onEvent, signal }),
  );
  for (const note of notes) say(`note: ${note}`);
  const difference = await diffRuns(folder, to, (sample) => json && print(toJson({ event: 'sample', ...sample })));
  if (json) print(toJson({ event: 'replay', ...summary, parent: resolve(folder), from, trained, notes, difference }));
  else print(differenceText(to, trained, difference));
}

function partOf({ fromOffset, fromTime, fromStep, toStep, filter }: Options): Part {
  const time = fromTime === undefined ? undefined : /^\d+$/.test(fromTime) ? Number(fromTime) : Date.parse(fromTime);
  if (Number.isNaN(time))
    throw new UserError(
      'bad-request',
      `--from-time ${fromTime}: expected a date such as 2026-01-31T12:00:00Z, or milliseconds`,
    );
  return {
    ...(fromOffset !== undefined && { fromOffset: BigInt(fromOffset) }),
    ...(time !== undefined && { fromTime: time }),
    ...(fromStep !== undefined && { fromStep }),
    ...(toStep !== undefined && { toStep }),
    ...(filter !== undefined && { filter: expression(filter) }),
  };
}

function expression(filter: string): RegExp {
  try {
    return new RegExp(filter);
  } catch (error) {
    throw new UserError('bad-request', `--filter ${filter}: ${(error as Error).message}`);
  }
}

/** The first of RUN-replay-1, RUN-replay-2 … that is not there yet. */
function newFolder(run: string): string {
  for (let n = 1; ; n++) {
    const folder = `${resolve(run)}-replay-${n}`;
    if (!existsSync(folder)) return folder;
  }
}

function differenceText(to: string, trained: boolean, difference: RunDifference): string {
  const { samples, unmatched, verdictsChanged, rewardsChanged, advantages, tokenAdvantages } = difference;
  const number = (value: number | null) => (value === null ? '-' : value.toPrecision(4));
  const agreement = ({ changed, meanAbsoluteDifference, correlation }: RunDifference['advantages']) =>
    `${changed} changed, mean absolute difference ${number(meanAbsoluteDifference)}, correlation ${number(correlation)}`;
  const { gradientCosine, weightsPart, offPolicyFrom, heldOut } = difference;
  const rows: [string, string][] = [
    ['new run', to],
    [
      'samples',
      `${samples} compared${unmatched.was + unmatched.is > 0 ? `, ${unmatched.was} only recorded, ${unmatched.is} only replayed` : ''}`,
    ],
    ['verdicts', `${verdictsChanged} changed, rewards ${rewardsChanged}`],
    ['advantages', agreement(advantages)],
    ['by token', agreement(tokenAdvantages)],
    ['gradient', `cosine ${number(gradientCosine)} at the first step`],
  ];
  if (trained)
    rows.push(
      ['weights', weightsPart === null ? 'the same in every version' : `part at version ${weightsPart}`],
      [
        'off-policy',
        offPolicyFrom === null
          ? 'never: each sample was made by the weights that learnt from it'
          : `from step ${offPolicyFrom} on: samples are those of the recorded weights`,
      ],
      ['held-out', `${number(heldOut.was)} recorded, ${number(heldOut.is)} replayed`],
    );
  return rows.map(([name, text]) => `${colour.bold(name.padEnd(12))}${text}`).join('\n');
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
