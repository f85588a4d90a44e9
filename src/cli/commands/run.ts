import { resolve } from 'node:path';
import { Option } from 'commander';
import { loadPlan } from '../../pipelines/plan/load-method.js';
import { type Plan, stagesWith } from '../../pipelines/plan/plan.js';
import { readManifest } from '../../runs/manifest/manifest.js';
import { runPipeline, type Summary } from '../../runs/run.js';
import { nearest, UserError } from '../../support/errors.js';
import { localStore } from '../../topics/registry.js';
import { interruptible } from '../interrupt.js';
import { examples, jsonOption, nonNegativeInteger, positiveInteger, type Register, setOption } from '../options.js';
import { reporter } from '../progress.js';
import { hasNoSignal, signalText } from '../summary-text.js';
import { newFolder, readPlan } from './check.js';

interface Options {
  readonly run?: string;
  readonly stage?: readonly string[];
  readonly steps?: number;
  readonly seed?: number;
  readonly set?: readonly string[];
  readonly json?: boolean;
  readonly requireSignal?: boolean;
}

export async function run(file: string, options: Options): Promise<void> {
  const sets = [
    ...(options.set ?? []),
    ...(options.steps === undefined ? [] : [`steps=${options.steps}`]),
    ...(options.seed === undefined ? [] : [`seed=${options.seed}`]),
  ];
  const plan = await readPlan(file, sets);
  const names = plan.stages.map(({ name }) => name);
  for (const name of options.stage ?? []) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    throw new UserError(
      'unknown-stage',
      `--stage ${name}: the plan has no such stage; ${near ? `did you mean ${near}?` : `expected one of ${names.join(', ')}`}`,
    );
  }
  await execute(plan, resolve(options.run ?? newFolder(plan.spec.pipeline)), options);
}

export async function resume(folder: string, options: Pick<Options, 'json' | 'requireSignal'>): Promise<void> {
  const { spec, folder: base, parent, bundle } = readManifest(folder);
  if (parent)
    throw new UserError(
      'is-replay',
      `${folder}: is a replay of ${parent.folder} and cannot be resumed; repeat the replay into a new folder`,
    );
  if (bundle && bundle.from !== localStore)
    throw new UserError(
      'is-imported',
      `${folder}: was imported from another topic store (${bundle.from}), to be read and replayed; resume it there`,
    );
  if (bundle?.privileged === false)
    throw new UserError(
      'privileged-gone',
      `${folder}: was exported without its privileged content, which resuming needs; export it again with that content, or resume the original run`,
    );
  await execute(await loadPlan(spec, base), resolve(folder), options);
}

async function execute(
  plan: Plan,
  folder: string,
  { stage, json, requireSignal }: Pick<Options, 'stage' | 'json' | 'requireSignal'>,
): Promise<void> {
  if (requireSignal) checkKnowsSignal(plan, stage);
  const report = reporter(plan, json ?? false);
  try {
    const summary = await interruptible((signal) =>
      runPipeline({ plan, folder, signal, onEvent: report.event, ...(stage && { stages: stage }) }),
    );
    if (requireSignal) refuseNoSignal(summary);
  } finally {
    report.end();
  }
}

/** Only the process with the last stage knows whether there was anything to learn. */
function checkKnowsSignal(plan: Plan, stages: readonly string[] | undefined): void {
  const [trainer = plan.stages.at(-1)] = stagesWith(plan, 'trainer');
  if (!trainer || !stages || stages.includes(trainer.name)) return;
  throw new UserError(
    'bad-request',
    `--require-signal: found --stage ${stages.join(' ')}; expected it where stage ${trainer.name} runs, which knows the training signal`,
  );
}

function refuseNoSignal({ signal }: Summary): void {
  if (signal && hasNoSignal(signal)) throw new UserError('no-signal', `--require-signal: ${signalText(signal)}`);
}

const requireSignalOption = (): Option =>
  new Option(
    '--require-signal',
    'exit with 3 if nothing could be learned: no group had a signal, or no weight changed',
  );

export const registerRun: Register = (rlsd) => {
  rlsd
    .command('run <pipeline.yaml>')
    .description('run a pipeline, or some of its stages')
    .option('--run <folder>', 'run folder (default: a new one under runs/)')
    .option('--stage <name...>', 'run only these stages')
    .option('--steps <n>', 'training steps', positiveInteger)
    .option('--seed <n>', 'random seed', nonNegativeInteger)
    .addOption(setOption())
    .addOption(requireSignalOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['rlsd run examples/arithmetic.yaml'],
        ['rlsd run pipeline.yaml --steps 100 --set learn.lr=1e-5', 'override settings'],
        ['rlsd run pipeline.yaml --run runs/a --stage verify', 'one stage, on a Kafka cluster'],
      ),
    )
    .action(run);
  rlsd
    .command('resume <run>')
    .description('resume an interrupted run')
    .addOption(requireSignalOption())
    .addOption(jsonOption())
    .addHelpText('after', examples(['rlsd resume runs/arithmetic-1']))
    .action(resume);
};
