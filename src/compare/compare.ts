import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { digest } from '../support/digest.js';
import { UserError } from '../support/errors.js';
import { type Arm, type ArmRun, armsOf, comparisonRuns, sweepRuns } from './arms.js';
import { checkRuns } from './consistency.js';
import { creditExamples } from './examples.js';
import { executeRuns } from './execute.js';
import { type Experiment, readExperiment } from './experiment.js';
import { htmlReport } from './report/html.js';
import { markdownReport } from './report/markdown.js';
import type { RunResult } from './result.js';
import { type ComparisonReport, chooseValues, summarize, warningsOf } from './summarize.js';

export type CompareEvent =
  | { readonly event: 'plan'; readonly arms: readonly string[]; readonly runs: number; readonly parallel: number }
  | { readonly event: 'start'; readonly arm: string; readonly seed: number; readonly folder: string }
  | ({ readonly event: 'result'; readonly done: number } & Pick<
      RunResult,
      'arm' | 'seed' | 'folder' | 'secondsPerStep'
    >)
  | { readonly event: 'chosen'; readonly arm: string; readonly value: unknown };

export interface CompareOptions {
  /** Folder of runs and reports. An interrupted comparison continues there. */
  readonly out: string;
  /** The `rlsd` program, which trains each run in a process of its own. */
  readonly program: string;
  readonly signal: AbortSignal;
  readonly onEvent: (event: CompareEvent) => void;
}

/**
 * Trains every arm of an experiment with every seed, after a sweep where it asks for one, and writes `report.html`,
 * `report.md` and `report.json`.
 * @throws {UserError} `bad-experiment`, `bad-arm`, `other-experiment`, `run-failed` naming arm and seed, `runs-differ`,
 * `stopped`
 */
export async function compare(file: string, options: CompareOptions): Promise<ComparisonReport> {
  const { program, signal, onEvent } = options;
  const out = resolve(options.out);
  const experiment = readExperiment(file);
  const { spec, pipeline, parallel } = experiment;
  const arms = await armsOf(experiment);
  claim(out, experiment, arms);
  const sweep = sweepRuns(experiment, arms, out);
  const total = sweep.length + arms.length * spec.seeds.length;
  onEvent({ event: 'plan', arms: arms.map(({ name }) => name), runs: total, parallel });
  let done = 0;
  const train = (runs: readonly ArmRun[]) =>
    executeRuns(runs, {
      pipeline,
      program,
      parallel,
      signal,
      onStart: ({ arm, seed, folder }) => onEvent({ event: 'start', arm, seed, folder }),
      onResult: ({ arm, seed, folder, secondsPerStep }) =>
        onEvent({ event: 'result', done: ++done, arm, seed, folder, secondsPerStep }),
    });
  const swept = await train(sweep);
  const choice = chooseValues(
    spec,
    swept.map((result, i) => ({ ...result, value: sweep[i]?.value })),
  );
  for (const [arm, value] of choice.chosen) onEvent({ event: 'chosen', arm, value });
  const runs = comparisonRuns(experiment, arms, choice.chosen, out);
  const results = await train(runs);
  const { sameProgram } = checkRuns(runs);
  const summary = summarize(spec, arms, results, choice);
  const comparison: ComparisonReport = {
    ...summary,
    warnings: warningsOf(spec, arms, summary, { results, sameProgram }),
    credit: await creditExamples(results.filter(({ seed }) => seed === spec.seeds[0])),
  };
  writeFileSync(join(out, 'report.json'), `${JSON.stringify(comparison, null, 2)}\n`);
  writeFileSync(join(out, 'report.md'), markdownReport(comparison));
  writeFileSync(join(out, 'report.html'), htmlReport(comparison, out));
  return comparison;
}

/**
 * Refuses a folder of another experiment, whose finished runs would count as this one's. More seeds, arms or controls
 * are welcome: their runs are added.
 */
function claim(out: string, { spec: { experiment, tune }, pipeline }: Experiment, arms: readonly Arm[]): void {
  const hash = digest(JSON.stringify(tune ?? null), readFileSync(pipeline, 'utf8'));
  const sets = Object.fromEntries(arms.map((arm) => [arm.name, arm.sets]));
  const file = join(out, 'experiment.json');
  const found = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Claim) : undefined;
  const changed = Object.entries(sets).find(([name, own]) => !isDeepStrictEqual(found?.arms[name] ?? own, own));
  if (found && (found.hash !== hash || changed))
    throw new UserError(
      'other-experiment',
      `${out}: has runs of ` +
        `${changed ? `another arm ${changed[0]}` : 'another sweep or another version of the pipeline'}; expected ` +
        'a new folder, given by --out',
    );
  mkdirSync(out, { recursive: true });
  writeFileSync(file, `${JSON.stringify({ experiment, hash, arms: { ...found?.arms, ...sets } })}\n`);
}

/** What the runs of a folder have in common. */
interface Claim {
  readonly hash: string;
  readonly arms: Readonly<Record<string, readonly string[]>>;
}
