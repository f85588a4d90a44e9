import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkPlan } from '../../pipelines/plan/check.js';
import { loadPlan } from '../../pipelines/plan/load-method.js';
import type { Plan } from '../../pipelines/plan/plan.js';
import { readSpec } from '../../pipelines/spec/parse.js';
import { replayWarnings } from '../../replay/retention.js';
import { UserError } from '../../support/errors.js';
import { examples, jsonOption, type Register, setOption } from '../options.js';
import { print, say, toJson } from '../output.js';

/** Reads the plan of a pipeline file, with overrides. */
export async function readPlan(file: string, sets: readonly string[] = []): Promise<Plan> {
  const { spec, folder, warnings } = readSpec(file, sets);
  return loadPlan(spec, folder, warnings);
}

/** The default run folder: the first of runs/NAME-1, runs/NAME-2, … that does not exist. */
export function newFolder(name: string): string {
  for (let n = 1; ; n++) {
    const folder = join('runs', `${name}-${n}`);
    if (!existsSync(folder)) return folder;
  }
}

export async function check(file: string, options: { run?: string; set?: string[]; json?: boolean }): Promise<void> {
  const { problems, warnings } = await readPlan(file, options.set)
    .then(async (plan) => ({
      problems: await checkPlan(plan, { runFolder: options.run ?? newFolder(plan.spec.pipeline) }),
      warnings: [...plan.warnings, ...replayWarnings(plan)],
    }))
    .catch((error) => {
      if (!(error instanceof UserError)) throw error;
      return { problems: error.message.split('\n'), warnings: [] as string[] };
    });
  const placed = (line: string) => (line.includes(file) ? line : `${file}: ${line}`);
  if (options.json) print(toJson({ event: 'check', ok: problems.length === 0, problems, warnings }));
  else {
    for (const warning of warnings) say(`warning: ${placed(warning)}`);
    if (problems.length === 0) print(`${file}: no problems found`);
    else for (const problem of problems) say(placed(problem));
  }
  if (problems.length > 0) process.exitCode = 2;
}

export const registerCheck: Register = (rlsd) => {
  rlsd
    .command('check <pipeline.yaml>')
    .description('report every problem of a pipeline without starting it')
    .option('--run <folder>', 'on Kafka: check the topics of this run (default: those of the next new run)')
    .addOption(setOption())
    .addOption(jsonOption())
    .addHelpText('after', examples(['rlsd check pipeline.yaml'], ['rlsd check pipeline.yaml --set shape=grpo']))
    .action(check);
};
