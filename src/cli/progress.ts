import { relative } from 'node:path';
import { Presets, SingleBar } from 'cli-progress';
import type { Plan } from '../pipelines/plan/plan.js';
import type { HeldOutAccuracy, Judged, Learned, Summary } from '../runs/options.js';
import type { RunEvent } from '../runs/run.js';
import { colour, print, say, table, toJson } from './output.js';

export interface Reporter {
  readonly event: (event: RunEvent) => void;
  readonly end: () => void;
}

const percent = (share: number | null | undefined) =>
  share === null || share === undefined ? '-' : `${(100 * share).toFixed(1)} %`;
const clock = (seconds: number) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;

/** Prints a run's events: as JSON lines, as a live bar on a terminal, or as occasional lines elsewhere. */
export function reporter(plan: Plan, json: boolean): Reporter {
  if (json) return { event: (event) => print(toJson(event)), end: () => {} };
  const { pipeline, steps } = plan.spec;
  // Without training steps there is nothing to draw a bar of.
  return process.stderr.isTTY && steps !== undefined ? live(pipeline, steps) : plain(steps ?? 0);
}

/** The texts of a step, for the bar and for lines. */
function stepTexts(
  event: Extract<RunEvent, { event: 'step' }>,
  heldOut: number | undefined,
  started: number,
  first: number,
) {
  const { step, steps, values, lag } = event;
  const done = step + 1;
  const elapsed = (performance.now() - started) / 1000;
  const left = (elapsed / Math.max(1, done - first)) * (steps - done);
  const behind = Object.values(lag).reduce((sum, one) => sum + one, 0);
  return {
    reward: (values.reward ?? 0).toFixed(2),
    heldOut: percent(heldOut),
    speed: `${Math.round((values.tokens ?? 0) / Math.max(values.seconds ?? 0, 1e-3))} tok/s`,
    lag: `lag ${behind}`,
    left: clock(left),
  };
}

function live(pipeline: string, steps: number): Reporter {
  const bar = new SingleBar(
    {
      format: `${pipeline} {bar} step {value}/{total}  reward {reward}  held-out {heldOut}  {speed}  {lag}  {left} left`,
      hideCursor: true,
      clearOnComplete: true,
    },
    Presets.rect,
  );
  const state = tracker();
  const above = (line: string) => {
    bar.stop();
    say(line);
    bar.start(steps, state.done, state.texts);
  };
  return {
    event(event) {
      state.take(event);
      if (event.event === 'started') {
        say(startedLine(event));
        bar.start(steps, 0, state.texts);
      } else if (event.event === 'step') bar.update(state.done, state.texts);
      else if (event.event === 'alarm') above(alarmLine(event));
      else if (event.event === 'deadLetter') above(deadLetterLine(event));
      else if (event.event === 'warning') above(warningLine(event));
      else if (event.event === 'summary') {
        bar.stop();
        print(summaryText(event));
      }
    },
    end: () => bar.stop(),
  };
}

/** @param steps 0 where nothing is trained */
function plain(steps: number): Reporter {
  const state = tracker();
  const every = Math.max(1, Math.round(steps / 20));
  return {
    event(event) {
      state.take(event);
      if (event.event === 'started') say(startedLine(event));
      if (event.event === 'alarm') say(alarmLine(event));
      if (event.event === 'deadLetter') say(deadLetterLine(event));
      if (event.event === 'warning') say(warningLine(event));
      if (event.event === 'heldOut') say(heldOutLine(event));
      if (event.event === 'step' && ((event.step + 1) % every === 0 || event.step + 1 === event.steps)) {
        if (event.learner !== undefined) return say(`${event.learner}: step ${event.step + 1}/${event.steps}`);
        const { reward, speed, lag, left } = state.texts;
        say(`step ${event.step + 1}/${event.steps}  reward ${reward}  ${speed}  ${lag}  ${left} left`);
      }
      if (event.event === 'summary') print(summaryText(event));
    },
    end: () => {},
  };
}

function tracker() {
  const state = {
    done: 0,
    texts: { reward: '-', heldOut: '-', speed: '-', lag: '', left: '-' },
    /** The main learner's progress is the run's. */
    take(event: RunEvent) {
      if ('learner' in event) return;
      if (event.event === 'heldOut') {
        heldOut = event.accuracy;
        state.texts.heldOut = percent(heldOut);
      }
      if (event.event !== 'step') return;
      first ??= event.step;
      state.done = event.step + 1;
      state.texts = stepTexts(event, heldOut, started, first);
    },
  };
  const started = performance.now();
  let heldOut: number | undefined;
  let first: number | undefined;
  return state;
}

const startedLine = ({ run, folder, steps, resumed }: Extract<RunEvent, { event: 'started' }>) =>
  `${colour.bold(run)}: ${steps === null ? '' : `${steps} steps `}in ${relative(process.cwd(), folder) || folder}${resumed ? ', resuming' : ''}`;

const alarmLine = ({ step, message }: Extract<RunEvent, { event: 'alarm' }>) =>
  `${colour.red('alarm')} step ${step + 1}: ${message}`;

const deadLetterLine = ({ stage, cause, error }: Extract<RunEvent, { event: 'deadLetter' }>) =>
  `${colour.yellow('dead letter')} ${stage} ${cause}: ${error}`;

const warningLine = ({ message }: Extract<RunEvent, { event: 'warning' }>) => `${colour.yellow('warning')} ${message}`;

const heldOutLine = ({
  learner,
  version,
  correct,
  n,
  accuracy,
  tasks = {},
}: Extract<RunEvent, { event: 'heldOut' }>) => {
  const who = learner === undefined ? '' : `${learner}: `;
  const each = Object.entries(tasks).map(([name, task]) => `${name} ${percent(task.accuracy)}`);
  const ofTasks = each.length === 0 ? '' : ` (${each.join(', ')})`;
  return `${who}held-out at version ${version}: ${correct} of ${n} correct, ${percent(accuracy)}${ofTasks}`;
};

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

const weightsLine = ({ weights: { path, digest } }: Learned): string =>
  `weights ${shown(path)}  ${digest.slice(0, 16)}`;

const shown = (path: string): string => relative(process.cwd(), path) || path;

const judgedLine = ({ topic, prompts, samples, correct }: Judged): string =>
  `${samples} samples of ${prompts} prompts in ${topic}, ${percent(samples > 0 ? correct / samples : null)} correct`;

function summaryText(summary: Summary): string {
  const { run, folder, steps, seconds, records, judged, learners = {} } = summary;
  return [
    '',
    `${colour.bold(run)}: ${steps > 0 ? `${steps} steps ` : ''}in ${clock(seconds)}`,
    ...(judged ? [judgedLine(judged)] : []),
    ...accuracyLines(summary),
    weightsLine(summary),
    ...Object.entries(learners).flatMap(([name, learned]) => [
      `learner ${name}:`,
      ...[...accuracyLines(learned), weightsLine(learned)].map((line) => `  ${line}`),
    ]),
    `topics in ${shown(folder)}:`,
    table(
      ['topic', 'records'],
      Object.entries(records).filter(([name]) => name !== 'source'),
    ),
  ].join('\n');
}
