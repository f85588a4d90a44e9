import { relative } from 'node:path';
import { Presets, SingleBar } from 'cli-progress';
import type { Plan } from '../pipelines/plan/plan.js';
import type { RunEvent } from '../runs/run.js';
import { stallLines } from '../runs/stall.js';
import { colour, print, say, toJson } from './output.js';
import { clock, percent, sampledText, summaryText } from './summary-text.js';

export interface Reporter {
  readonly event: (event: RunEvent) => void;
  readonly end: () => void;
}

/** Prints a run's events: as JSON lines, as a live bar on a terminal, or as occasional lines elsewhere. */
export function reporter(plan: Plan, json: boolean): Reporter {
  if (json) return { event: (event) => print(toJson(event)), end: () => {} };
  const { pipeline, steps } = plan.spec;
  // Without training steps there is nothing to draw a bar of.
  return process.stderr.isTTY && steps !== undefined ? live(pipeline, steps) : plain(steps ?? 0);
}

/** Mean reward of every judged sample since the last `reset`. */
function rewardMeter() {
  let [sum, samples] = [0, 0];
  return {
    take({ reward = 0, judged = 0 }: Readonly<Record<string, number>>) {
      sum += reward * judged;
      samples += judged;
    },
    mean: () => (samples === 0 ? 0 : sum / samples),
    reset() {
      [sum, samples] = [0, 0];
    },
  };
}

interface StepState {
  readonly heldOut: number | undefined;
  readonly started: number;
  /** First step of this process. */
  readonly first: number;
  readonly reward: number;
}

/** The texts of a step, for the bar and for lines. */
function stepTexts(event: Extract<RunEvent, { event: 'step' }>, { heldOut, started, first, reward }: StepState) {
  const { step, steps, values, lag } = event;
  const done = step + 1;
  const elapsed = (performance.now() - started) / 1000;
  const left = (elapsed / Math.max(1, done - first)) * (steps - done);
  const behind = Object.values(lag).reduce((sum, one) => sum + one, 0);
  return {
    reward: reward.toFixed(2),
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
      } else if (event.event === 'step') {
        bar.update(state.done, state.texts);
        state.shown();
      } else if (event.event === 'alarm') above(alarmLine(event));
      else if (event.event === 'deadLetter') above(deadLetterLine(event));
      else if (event.event === 'warning') above(warningLine(event));
      else if (event.event === 'stalled') above(stalledText(event));
      else if (event.event === 'moving') above(movingLine(event));
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
      if (event.event === 'stalled') say(stalledText(event));
      if (event.event === 'moving') say(movingLine(event));
      if (event.event === 'heldOut') say(heldOutLine(event));
      if (event.event === 'step' && ((event.step + 1) % every === 0 || event.step + 1 === event.steps)) {
        if (event.learner !== undefined) return say(`${event.learner}: step ${event.step + 1}/${event.steps}`);
        const { reward, speed, lag, left } = state.texts;
        say(`step ${event.step + 1}/${event.steps}  reward ${reward}  ${speed}  ${lag}  ${left} left`);
        state.shown();
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
      reward.take(event.values);
      state.texts = stepTexts(event, { heldOut, started, first, reward: reward.mean() });
    },
    /** Begins a new mean of rewards. */
    shown: () => reward.reset(),
  };
  const reward = rewardMeter();
  const started = performance.now();
  let heldOut: number | undefined;
  let first: number | undefined;
  return state;
}

const startedLine = ({ run, folder, steps, resumed }: Extract<RunEvent, { event: 'started' }>) =>
  `${colour.bold(run)}: ${steps === null ? '' : `${steps} step${steps === 1 ? '' : 's'} `}in ` +
  `${relative(process.cwd(), folder) || folder}${resumed ? ', resuming' : ''}`;

const alarmLine = ({ step, message }: Extract<RunEvent, { event: 'alarm' }>) =>
  `${colour.red('alarm')} step ${step + 1}: ${message}`;

const deadLetterLine = ({ stage, cause, error }: Extract<RunEvent, { event: 'deadLetter' }>) =>
  `${colour.yellow('dead letter')} ${stage} ${cause}: ${error}`;

const warningLine = ({ message }: Extract<RunEvent, { event: 'warning' }>) => `${colour.yellow('warning')} ${message}`;

const stalledText = (event: Extract<RunEvent, { event: 'stalled' }>) =>
  `${colour.yellow('waiting')} ${stallLines(event).join('\n')}`;

const movingLine = ({ seconds }: Extract<RunEvent, { event: 'moving' }>) =>
  `${colour.green('moving')} again, after ${Math.round(seconds)} s`;

const heldOutLine = ({
  learner,
  version,
  correct,
  n,
  accuracy,
  sampled,
  tasks = {},
}: Extract<RunEvent, { event: 'heldOut' }>) => {
  const who = learner === undefined ? '' : `${learner}: `;
  const each = Object.entries(tasks).map(([name, task]) => `${name} ${percent(task.accuracy)}`);
  const ofTasks = each.length === 0 ? '' : ` (${each.join(', ')})`;
  const drawn = sampled ? `; ${sampledText(sampled)}` : '';
  return `${who}held-out at version ${version}: ${correct} of ${n} correct, ${percent(accuracy)}${ofTasks}${drawn}`;
};
