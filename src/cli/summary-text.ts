import { relative } from 'node:path';
import type { SampledEvaluation } from '../pipelines/running/evaluate.js';
import type { IngestCounts } from '../privileged/sources/ingest.js';
import type { HeldOutAccuracy, Judged, Learned, RewardSummary, Signal, Summary } from '../runs/options.js';
import { colour, table } from './output.js';

export const percent = (share: number | null | undefined): string =>
  share === null || share === undefined ? '-' : `${(100 * share).toFixed(1)} %`;

/** Minutes and seconds. */
export const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;

/** Held-out accuracy of all tasks, then of each. */
function accuracyLines({ weights, heldOut }: Learned): string[] {
  const line = (name: string, { before, after, n }: HeldOutAccuracy) => {
    const gain = weights.version === 0 || before === null || after === null ? '' : ` (${percent(before)} before)`;
    return `${name} ${colour.green(percent(after))}${gain}, ${n} held-out prompt${n === 1 ? '' : 's'}`;
  };
  const tasks = Object.entries(heldOut.tasks ?? {}).filter(([, { n }]) => n > 0);
  if (heldOut.n === 0) return [];
  return [line('held-out accuracy', heldOut), ...tasks.map(([name, accuracy]) => line(`  ${name}`, accuracy))];
}

const judgedLine = ({ topic, prompts, samples, correct }: Judged): string =>
  `${samples} samples of ${prompts} prompts in ${topic}, ${percent(samples > 0 ? correct / samples : null)} correct`;

const rewardLine = ({ first, last }: RewardSummary): string =>
  first === last
    ? `mean reward ${first.toFixed(2)}`
    : `mean reward ${last.toFixed(2)} in the last tenth of the steps, ${first.toFixed(2)} in the first`;

/** What there was to learn from: one line, for people. */
export function signalText(signal: Signal): string {
  const { groups, groupsWithSignal, samples, unparseable, truncated, lost, weightsChanged } = signal;
  const { teacherAsked, teacherMoved } = signal;
  const parts = [
    `${groupsWithSignal} of ${groups} groups have a training signal`,
    ...(weightsChanged === false ? ['the weights are those of the base model'] : []),
    ...(teacherAsked > 0 && teacherMoved !== null
      ? [
          `the teacher scored ${teacherAsked} samples and changed the advantage of ${percent(teacherMoved)} of ` +
            'the tokens',
        ]
      : []),
    ...(unparseable > 0 ? [`${unparseable} of ${samples} samples unparseable`] : []),
    ...(truncated > 0 ? [`${truncated} of ${samples} truncated`] : []),
    ...(lost > 0 ? [`${lost} lost to dead letters`] : []),
  ];
  return parts.join('; ');
}

/** Whether a run has learned nothing. */
export const hasNoSignal = ({ groupsWithSignal, weightsChanged }: Signal): boolean =>
  groupsWithSignal === 0 || weightsChanged === false;

const signalLine = (signal: Signal): string =>
  signal.weightsChanged !== null && hasNoSignal(signal)
    ? colour.red(`nothing was learned: ${signalText(signal)}`)
    : signalText(signal);

const weightsLine = ({ weights: { path, digest } }: Learned): string =>
  `weights ${shown(path)}  ${digest.slice(0, 16)}`;

const shown = (path: string): string => relative(process.cwd(), path) || path;

const learnedLines = (learned: Learned): string[] => [
  ...accuracyLines(learned),
  ...(learned.reward ? [rewardLine(learned.reward)] : []),
  ...(learned.signal ? [signalLine(learned.signal)] : []),
  weightsLine(learned),
];

/** mean@k and pass@k of several samples per question. */
export const sampledText = ({ samples, accuracy, standardError, passAtK }: SampledEvaluation): string =>
  `mean@${samples} ${percent(accuracy)} ± ${(100 * standardError).toFixed(1)}, pass@${samples} ${percent(passAtK)}`;

/** What was read from the document sources: one line, for people. */
export function documentsLine({ written, unchanged, deleted, problems }: IngestCounts): string {
  const found = Object.entries(problems).map(([code, count]) => `${count} ${code}`);
  return [
    `documents: ${written} written, ${unchanged} unchanged, ${deleted} deleted`,
    ...(found.length > 0 ? [colour.red(`problems: ${found.join(', ')} (see rlsd dead-letters)`)] : []),
  ].join('; ');
}

/** The result of a run, for people. */
export function summaryText(summary: Summary): string {
  const { run, folder, steps, seconds, records, judged, documents, learners = {} } = summary;
  return [
    '',
    `${colour.bold(run)}: ${steps > 0 ? `${steps} step${steps === 1 ? '' : 's'} ` : ''}in ${clock(seconds)}`,
    ...(documents ? [documentsLine(documents)] : []),
    ...(judged ? [judgedLine(judged)] : []),
    ...learnedLines(summary),
    ...Object.entries(learners).flatMap(([name, learned]) => [
      `learner ${name}:`,
      ...learnedLines(learned).map((line) => `  ${line}`),
    ]),
    `topics in ${shown(folder)}:`,
    table(
      ['topic', 'records'],
      Object.entries(records).filter(([name]) => name !== 'source'),
    ),
  ].join('\n');
}
