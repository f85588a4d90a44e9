import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sampledFigures } from '../pipelines/running/figures.js';
import { readDeadLetters } from '../runs/inspect/dead-letters.js';
import { type RunFolder, withRunFolder } from '../runs/inspect/run-folder.js';
import { type MetricRow, readMetrics } from '../runs/metrics/read.js';
import { UserError } from '../support/errors.js';
import { at } from '../support/required.js';
import { scan } from '../topics/scan.js';
import type { ArmRun } from './arms.js';
import { type Blame, sampleFigures } from './blame.js';

/** A measurement on the held-out prompts. */
export interface Point {
  /** Training steps before it. */
  readonly step: number;
  readonly accuracy: number;
  readonly n: number;
}

/** What a finished run showed. */
export interface RunResult {
  readonly format: typeof FORMAT;
  readonly arm: string;
  readonly seed: number;
  readonly folder: string;
  readonly run: string;
  readonly curve: readonly Point[];
  /** Mean of each training figure over the steps, by name; of measurements and leak meters the last. */
  readonly figures: Readonly<Record<string, number>>;
  readonly blame: Blame;
  /** Records that failed, and the first of them. */
  readonly failed: { readonly count: number; readonly first: string } | null;
  readonly steps: number;
  /** Median time of a training step. */
  readonly secondsPerStep: number;
}

const RESULT = 'result.json';
/** Results of another format are read again from their runs. */
const FORMAT = 2;

/** The result of a run that an earlier call finished. */
export async function finishedResult(run: ArmRun): Promise<RunResult | undefined> {
  const file = join(run.folder, RESULT);
  if (!existsSync(file)) return undefined;
  const found = JSON.parse(readFileSync(file, 'utf8')) as RunResult;
  return found.format === FORMAT ? found : readResult(run);
}

/**
 * Reads the result of a finished run from its topics, and keeps it in the run's folder.
 * @throws {UserError} `no-curve` where nothing was measured
 */
export async function readResult({ arm, seed, folder }: ArmRun): Promise<RunResult> {
  const result = await withRunFolder(folder, async (run) => {
    const rows = await readMetrics(run.log);
    const of = (stage: string) => rows.filter((row) => row.stage === stage);
    const [steps, measured, leaks] = [of('learn'), of('evaluate'), of('leak')];
    const curve = measured.map(({ step, values: { accuracy, n } }) => ({
      step,
      accuracy: Number(accuracy),
      n: Number(n),
    }));
    if (curve.length < 2)
      throw new UserError(
        'no-curve',
        `found ${curve.length} measurements on held-out prompts, expected some before and ` +
          'after training; set prompts.heldOut',
      );
    const { blame, ...samples } = await sampleFigures(run, folder);
    return {
      format: FORMAT,
      ...{ arm, seed, folder, run: run.manifest.run, curve, blame },
      failed: await failedOf(run),
      figures: {
        ...meansOf(steps.map(({ values }) => values)),
        ...lastOf(measured, (name) => name in sampledFigures || name.startsWith('accuracy/')),
        ...lastOf(leaks, (name) => name.startsWith('leak')),
        ...samples,
        kilobytes: (await bytesOf(run)) / 1000 / steps.length,
      },
      steps: steps.length,
      secondsPerStep: secondsPerStep(steps, measured),
    } as const;
  });
  const file = join(folder, RESULT);
  writeFileSync(`${file}.partial`, `${JSON.stringify(result)}\n`);
  renameSync(`${file}.partial`, file);
  return result;
}

/**
 * Median seconds of a training step, of those that no evaluation shared the machine with unless all did. The median
 * leaves out what else the machine was busy with.
 */
export function secondsPerStep(
  steps: readonly Pick<MetricRow, 'step' | 'time' | 'values'>[],
  measured: readonly Pick<MetricRow, 'step' | 'time'>[],
): number {
  const ends = new Map(steps.map(({ step, time }) => [step, time]));
  // A version is measured as soon as the step that made it is over.
  const spans = measured.map(({ step, time }) => ({ from: ends.get(step - 1) ?? Number.NEGATIVE_INFINITY, to: time }));
  const startOf = ({ time, values }: (typeof steps)[number]) => time - 1000 * Number(values.seconds);
  const alone = steps.filter((row) => !spans.some(({ from, to }) => from < row.time && to > startOf(row)));
  const sorted = (alone.length > 0 ? alone : steps).map(({ values }) => Number(values.seconds)).sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? at(sorted, middle) : (at(sorted, middle - 1) + at(sorted, middle)) / 2;
}

/** Figures of a stage's last record. */
function lastOf(rows: readonly MetricRow[], isKept: (name: string) => boolean): Record<string, number> {
  return Object.fromEntries(Object.entries(rows.at(-1)?.values ?? {}).filter(([name]) => isKept(name)));
}

async function failedOf(run: RunFolder): Promise<RunResult['failed']> {
  const letters = await readDeadLetters(run);
  const [first] = letters;
  return first ? { count: letters.length, first: `${first.id}: ${first.error}` } : null;
}

/** Bytes of all records of a run. */
async function bytesOf({ log }: RunFolder): Promise<number> {
  let bytes = 0;
  for (const { name, bounds } of await log.describe())
    for (const [partition, { start }] of bounds.entries())
      for await (const { key, value } of scan(log, name, partition, start)) bytes += key.length + (value?.length ?? 0);
  return bytes;
}

/** The mean of each figure over the steps that have it. */
function meansOf(steps: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = [...new Set(steps.flatMap((values) => Object.keys(values)))].filter((name) => name !== 'step');
  return Object.fromEntries(
    names.map((name) => {
      const values = steps.flatMap((step) => (name in step ? [Number(step[name])] : []));
      return [name, values.reduce((sum, value) => sum + value, 0) / values.length];
    }),
  );
}

/** Seconds of training up to the last measurement. */
export const trainingSeconds = ({ curve, secondsPerStep }: RunResult): number =>
  at(curve, curve.length - 1).step * secondsPerStep;

/** The run as if it had ended after so many seconds of training; between two measurements accuracy is interpolated. */
export function cutAfter(run: RunResult, seconds: number): RunResult {
  const last = seconds / run.secondsPerStep;
  const before = run.curve.filter(({ step }) => step <= last);
  const next = run.curve[before.length];
  if (!next) return run;
  const from = at(before, before.length - 1);
  const share = (last - from.step) / (next.step - from.step);
  const end = { step: last, accuracy: from.accuracy + share * (next.accuracy - from.accuracy), n: next.n };
  return { ...run, curve: share > 0 ? [...before, end] : before };
}

/** The last measurement. */
export const finalAccuracy = ({ curve }: RunResult): number => at(curve, curve.length - 1).accuracy;

/** Area under the curve over its width: the mean accuracy over the steps, by trapezoids. */
export function areaUnder({ curve }: RunResult): number {
  let area = 0;
  for (const [i, { step, accuracy }] of curve.entries()) {
    if (i === 0) continue;
    const before = at(curve, i - 1);
    area += ((accuracy + before.accuracy) / 2) * (step - before.step);
  }
  return area / (at(curve, curve.length - 1).step - at(curve, 0).step);
}

/** The first measurement at or above an accuracy; undefined where there is none. */
export const firstAt = ({ curve }: RunResult, threshold: number): Point | undefined =>
  curve.find(({ accuracy }) => accuracy >= threshold);
