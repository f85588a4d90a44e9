import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkPlan } from '../../pipelines/plan/check.js';
import { checkData } from '../../pipelines/plan/check-data.js';
import { estimateNotes } from '../../pipelines/plan/estimate.js';
import { loadPlan } from '../../pipelines/plan/load-method.js';
import type { Plan } from '../../pipelines/plan/plan.js';
import { readSpec } from '../../pipelines/spec/parse.js';
import type { PipelineSpec } from '../../pipelines/spec/spec.js';
import { replayNotes } from '../../replay/retention.js';
import { openWindowCheck } from '../../runs/inspect/check-window.js';
import { isSupervision } from '../../supervise/spec.js';
import { checkSupervision } from '../../supervise/supervise.js';
import { UserError } from '../../support/errors.js';
import { examples, jsonOption, type Register, setOption } from '../options.js';
import { print, say, toJson } from '../output.js';

/** Reads the plan of a pipeline file, with overrides. */
export async function readPlan(
  file: string,
  sets: readonly string[] = [],
  complete: (spec: PipelineSpec) => PipelineSpec = (spec) => spec,
): Promise<Plan> {
  const { spec, folder, warnings, locate } = readSpec(file, sets);
  return loadPlan(complete(spec), folder, { warnings, locate });
}

/** The default run folder: the first of runs/NAME-1, runs/NAME-2, … that does not exist. */
export function newFolder(name: string): string {
  for (let n = 1; ; n++) {
    const folder = join('runs', `${name}-${n}`);
    if (!existsSync(folder)) return folder;
  }
}

interface CheckFlags {
  readonly run?: string;
  readonly set?: string[];
  readonly data?: boolean;
  readonly json?: boolean;
}

/** Every problem of a plan; with `--data`, and if there is no other, every prompt that could not be judged. */
async function findProblems(plan: Plan, { run, data }: CheckFlags) {
  const problems = await checkPlan(plan, { runFolder: run ?? newFolder(plan.spec.pipeline) });
  const { warnings } = plan;
  const notes = [...replayNotes(plan), ...estimateNotes(plan)];
  if (!data || problems.length > 0) return { problems, warnings, notes, checked: undefined };
  const window = await openWindowCheck(plan);
  try {
    const { problems: found, checked } = await checkData(plan, window?.check);
    return { problems: [...(window?.problems ?? []), ...found], warnings, notes, checked };
  } finally {
    await window?.close();
  }
}

async function findingsOf(file: string, options: CheckFlags) {
  if (!isSupervision(file)) return findProblems(await readPlan(file, options.set), options);
  return { problems: [], warnings: [], notes: [], checked: await checkSupervision(file, options.set) };
}

/** Problems that are printed: data may have one per line. */
const SHOWN = 50;

export async function check(file: string, options: CheckFlags): Promise<void> {
  const { problems, warnings, notes, checked } = await findingsOf(file, options).catch((error) => {
    if (!(error instanceof UserError)) throw error;
    return { problems: error.message.split('\n'), warnings: [], notes: [], checked: undefined };
  });
  const placed = (line: string) => (line.includes(file) ? line : `${file}: ${line}`);
  if (options.json)
    print(
      toJson({
        event: 'check',
        ok: problems.length === 0,
        problems,
        warnings,
        notes,
        ...(checked === undefined ? {} : { checked }),
      }),
    );
  else {
    for (const warning of warnings) say(`warning: ${placed(warning)}`);
    for (const note of notes) say(`note: ${note}`);
    const read = checked === undefined ? '' : `, ${checked} prompt${checked === 1 ? '' : 's'} checked`;
    if (problems.length === 0) print(`${file}: no problems found${read}`);
    else for (const problem of problems.slice(0, SHOWN)) say(placed(problem));
    if (problems.length > SHOWN) say(`… and ${problems.length - SHOWN} more problems; --json lists all`);
  }
  if (problems.length > 0) process.exitCode = 2;
}

export const registerCheck: Register = (rlsd) => {
  rlsd
    .command('check <pipeline.yaml>')
    .description('report every problem of a pipeline, or of a file of supervise, without starting it')
    .option('--run <folder>', 'on Kafka: check the topics of this run (default: those of the next new run)')
    .option(
      '--data',
      'also read prompts and documents: can each be judged, and does it fit into the context of the model?',
    )
    .addOption(setOption())
    .addOption(jsonOption())
    .addHelpText('after', examples(['rlsd check pipeline.yaml --data'], ['rlsd check pipeline.yaml --set shape=grpo']))
    .action(check);
};
