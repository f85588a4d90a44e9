import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadPlan } from '../../pipelines/plan/load-method.js';
import { diffRuns, type RunDifference, type SampleDifference } from '../../replay/diff/diff-runs.js';
import type { Estimate } from '../../replay/diff/jackknife.js';
import type { Prediction } from '../../replay/diff/predict.js';
import { replayFrom } from '../../replay/from.js';
import { parsePart } from '../../replay/part.js';
import { verifyRun } from '../../replay/verify/verify-run.js';
import { readManifest } from '../../runs/manifest/manifest.js';
import type { RunEvent } from '../../runs/run.js';
import { UserError } from '../../support/errors.js';
import { interruptible } from '../interrupt.js';
import { collect, examples, jsonOption, positiveInteger, type Register, setOption } from '../options.js';
import { colour, print, say, table, toJson } from '../output.js';
import { reporter } from '../progress.js';

interface Options {
  readonly verify?: boolean;
  readonly from?: string;
  readonly set?: readonly string[];
  readonly run?: string;
  readonly only?: readonly string[];
  readonly train?: boolean;
  readonly evaluate?: boolean;
  readonly predict?: boolean | number;
  readonly json?: boolean;
}

export async function replay(folder: string, options: Options): Promise<void> {
  const { verify: verifies, from, set = [], only = [], train = false, evaluate = false, json = false } = options;
  const { predict = false } = options;
  if ((verifies ?? false) === (from !== undefined))
    throw new UserError('bad-request', 'replay: expected exactly one of --verify and --from TOPIC');
  if (from === undefined) {
    const [wrong] = (['set', 'only', 'train', 'evaluate', 'predict', 'run'] as const).filter((name) => options[name]);
    if (wrong) throw new UserError('bad-request', `--${wrong}: needs --from TOPIC; --verify repeats the run unchanged`);
    return verify(folder, json);
  }
  const to = resolve(options.run ?? newFolder(folder));
  const part = parsePart(only);
  const { summary, notes } = await watched(folder, json, (onEvent, signal) =>
    replayFrom(folder, { from, to, set, part, train, evaluate, onEvent, signal }),
  );
  for (const note of notes) say(`note: ${note}`);
  const changed: SampleDifference[] = [];
  const onSample = (sample: SampleDifference) => {
    if (json) print(toJson({ event: 'sample', ...sample }));
    else if (changed.length < SHOWN && (sample.tokenAdvantages > 0 || sample.verdict.was !== sample.verdict.is))
      changed.push(sample);
  };
  const difference = await diffRuns(folder, to, onSample, { predict });
  if (predict !== false && difference.prediction === null)
    say('note: --predict: needs 4 prompts that one version sampled, and its weights; found fewer, or none');
  const { weights, heldOut, ...rest } = summary;
  const learnt = train && { weights, ...(evaluate && { heldOut }) };
  if (json) print(toJson({ event: 'replay', ...rest, ...learnt, parent: resolve(folder), from, notes, difference }));
  else print(differenceText(to, train, changed, difference));
}

/** Changed samples that are shown on a terminal. */
const SHOWN = 10;

/** The first of RUN-replay-1, RUN-replay-2, … that does not exist. */
function newFolder(run: string): string {
  for (let n = 1; ; n++) {
    const folder = `${resolve(run)}-replay-${n}`;
    if (!existsSync(folder)) return folder;
  }
}

function differenceText(
  to: string,
  trained: boolean,
  shown: readonly SampleDifference[],
  difference: RunDifference,
): string {
  const { samples, unmatched, verdictsChanged, rewardsChanged, advantages, tokenAdvantages, firstChange } = difference;
  const number = (value: number | null) => (value === null ? '-' : value.toPrecision(4));
  const agreement = ({ changed, meanAbsoluteDifference, correlation }: RunDifference['advantages']) =>
    `${changed} changed, mean absolute difference ${number(meanAbsoluteDifference)}, correlation ` +
    `${number(correlation)}`;
  const { gradient, prediction, weightsDifferFrom, offPolicyFrom, heldOut } = difference;
  const rows: [string, string][] = [
    ['new run', to],
    [
      'samples',
      `${samples} compared` +
        (unmatched.was + unmatched.is > 0 ? `, ${unmatched.was} only recorded, ${unmatched.is} only replayed` : ''),
    ],
    ['verdicts', `${verdictsChanged} changed, rewards ${rewardsChanged}`],
    ['advantages', agreement(advantages)],
    ['by token', agreement(tokenAdvantages)],
    [
      'first change',
      firstChange ? `step ${firstChange.step}, sample ${firstChange.promptId}/${firstChange.sampleIndex}` : 'none',
    ],
  ];
  if (gradient)
    rows.push([
      'gradient',
      `cosine ${number(gradient.cosine)} between the two updates of step ${gradient.step}, at version ` +
        `${gradient.version}`,
    ]);
  if (prediction) rows.push(...predictionRows(prediction));
  if (trained)
    rows.push(
      ['weights', weightsDifferFrom === null ? 'equal in every version' : `differ from version ${weightsDifferFrom}`],
      [
        'off-policy',
        offPolicyFrom === null
          ? 'never: each sample comes from the weights that were trained on it'
          : `from step ${offPolicyFrom}: the samples come from the recorded weights`,
      ],
    );
  if (heldOut.is !== null) rows.push(['held-out', `${number(heldOut.was)} recorded, ${number(heldOut.is)} replayed`]);
  const change = ({ was, is }: { was: unknown; is: unknown }) => (was === is ? String(was) : `${was} -> ${is}`);
  const sampleRows = shown.map(({ promptId, sampleIndex, step, verdict, advantage, tokenAdvantages: by }) => [
    `${promptId}/${sampleIndex}`,
    step,
    change(verdict),
    change({ was: number(advantage.was), is: number(advantage.is) }),
    number(by),
  ]);
  const lines = rows.map(([name, text]) => `${colour.bold(name.padEnd(14))}${text}`);
  if (sampleRows.length === 0) return lines.join('\n');
  return [
    ...lines,
    '',
    table(['sample', 'step', 'verdict', 'advantage', 'by token'], sampleRows),
    `the first ${sampleRows.length} samples that changed; --json lists every sample`,
  ].join('\n');
}

function predictionRows({ prompts, version, batch, was, is, difference }: Prediction): [string, string][] {
  const text = ({ value, error }: Estimate) => `${value.toFixed(4)} ± ${error.toFixed(4)}`;
  const of = `of an update from ${batch} prompts with the policy gradient of others`;
  return [
    ['prediction', `cosine ${of}: recorded ${text(was)}, replayed ${text(is)}`],
    ['', `difference ${text(difference)} (jackknife; ${prompts} prompts, version ${version})`],
  ];
}

async function verify(folder: string, json: boolean): Promise<void> {
  const report = await watched(folder, json, (onEvent, signal) => verifyRun(folder, { onEvent, signal }));
  if (!report.equal) process.exitCode = 1;
  if (json) return print(toJson({ event: 'verify', ...report }));
  for (const note of report.notes) say(`note: ${note}`);
  print(
    table(
      ['topic', 'records', ''],
      report.topics.map(({ topic, records, equal }) => [topic, records, equal ? 'equal' : 'differs']),
    ),
  );
  const { difference } = report;
  const compared = report.mode === 'recorded' ? 'what was repeated' : 'every record';
  if (!difference) return print(colour.green(`${report.run}: ${compared} is equal, bit by bit`));
  const { topic, partition, offset, key, field, expected, found } = difference;
  print(colour.red(`first difference: ${topic}, partition ${partition}, offset ${offset}, key ${key}`));
  print(`  ${field}: expected ${expected}, found ${found}`);
}

/** Shows progress; a signal stops the work cleanly. */
export async function watched<T>(
  folder: string,
  json: boolean,
  work: (onEvent: (event: RunEvent) => void, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { spec, folder: base } = readManifest(folder);
  const report = reporter(await loadPlan(spec, base), json);
  try {
    return await interruptible((signal) => work((event) => event.event !== 'summary' && report.event(event), signal));
  } finally {
    report.end();
  }
}

export const registerReplay: Register = (rlsd) => {
  rlsd
    .command('replay <run>')
    .description('repeat a run and compare it, or rerun what follows a topic with something changed')
    .option('--verify', 'repeat the whole run and name the first record that differs')
    .option(
      '--from <topic>',
      'run what follows this topic into a new run: rollouts, verdicts, teacher-scores, advantages, or prompts ' +
        'with --train',
    )
    .addOption(setOption())
    .option('--run <folder>', 'folder of the new run (default: next to the old one)')
    .option(
      '--only <field=range>',
      'replay a part: offset=, time=, step= or version= with FIRST..LAST, or prompt=REGEX (repeatable)',
      collect,
    )
    .option('--train', 'also train on the new advantages')
    .option('--evaluate', 'measure the weights of --train on the held-out prompts')
    .option(
      '--predict [prompts]',
      "compare both methods' updates with the policy gradient of other prompts, without training. Prompts per " +
        'update: by default those of a step, or 16',
      positiveInteger,
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        ['rlsd replay runs/a --verify', 'is every record reproducible, bit by bit?'],
        ['rlsd replay runs/a --from teacher-scores --set shape=grpo', 'what would GRPO have made of it?'],
        [
          'rlsd replay runs/a --from verdicts --set shape=rlsd --predict',
          'does its credit point to where others learn?',
        ],
        ['rlsd replay runs/a --from advantages --set learn.lr=1e-5 --train --evaluate'],
      ),
    )
    .action(replay);
};
