import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sampledFigures } from '../pipelines/running/figures.js';
import { openRunFolder } from '../runs/inspect/run-folder.js';
import { UserError } from '../support/errors.js';
import { at } from '../support/required.js';
import { recordsOf } from '../topics/scan.js';
import type { ArmRun } from './arms.js';

/** A measurement on the held-out prompts. */
export interface Point {
  /** Training steps before it. */
  readonly step: number;
  readonly accuracy: number;
  readonly n: number;
  /** Seconds of training before it. */
  readonly seconds: number;
}

/** What a finished run showed. */
export interface RunResult {
  readonly arm: string;
  readonly seed: number;
  readonly folder: string;
  readonly run: string;
  readonly curve: readonly Point[];
  /** Mean of each training figure over the steps, by name. */
  readonly figures: Readonly<Record<string, number>>;
  readonly steps: number;
  readonly seconds: number;
}

const RESULT = 'result.json';

/** The result of a run that an earlier call finished. */
export function finishedResult({ folder }: ArmRun): RunResult | undefined {
  const file = join(folder, RESULT);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RunResult) : undefined;
}

/**
 * Reads the result of a finished run from its `metrics` topic, and keeps it in the run's folder.
 * @throws {UserError} `no-curve` where nothing was measured
 */
export async function readResult({ arm, seed, folder }: ArmRun): Promise<RunResult> {
  const { log, manifest } = await openRunFolder(folder);
  const measured = new Map<number, Readonly<Record<string, number>>>();
  const steps = new Map<number, Readonly<Record<string, number>>>();
  try {
    for await (const { stage, step, values } of recordsOf(log, 'metrics')) {
      if (stage === 'evaluate') measured.set(step, values);
      if (stage === 'learn') steps.set(step, values);
    }
  } finally {
    await log.close();
  }
  const secondsBefore = (step: number) =>
    [...steps].reduce((sum, [at, values]) => sum + (at < step ? Number(values.seconds) : 0), 0);
  const curve = [...measured]
    .sort(([a], [b]) => a - b)
    .map(([step, { accuracy, n }]) => ({
      step,
      accuracy: Number(accuracy),
      n: Number(n),
      seconds: secondsBefore(step),
    }));
  if (curve.length < 2)
    throw new UserError(
      'no-curve',
      `arm ${arm}, seed ${seed}: found ${curve.length} measurements on held-out prompts, expected some before and ` +
        'after training; set prompts.heldOut',
    );
  const last = at(curve, curve.length - 1).step;
  const result: RunResult = {
    arm,
    seed,
    folder,
    run: manifest.run,
    curve,
    figures: { ...meansOf([...steps.values()]), ...sampledAt(measured.get(last)) },
    steps: steps.size,
    seconds: secondsBefore(Number.POSITIVE_INFINITY),
  };
  const file = join(folder, RESULT);
  writeFileSync(`${file}.partial`, `${JSON.stringify(result)}\n`);
  renameSync(`${file}.partial`, file);
  return result;
}

/** mean@k and pass@k of one evaluation, where the pipeline asks for samples. */
const sampledAt = (values: Readonly<Record<string, number>> = {}): Record<string, number> =>
  Object.fromEntries(Object.entries(values).filter(([name]) => name in sampledFigures));

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
