import { setTimeout as wait } from 'node:timers/promises';
import type { Pending } from '../../runtime/stage.js';
import { required } from '../../support/required.js';
import type { LogRecord, TopicLog } from '../../topics/log.js';
import { gapOf, headerPlace, recordIn } from '../../topics/record-codec.js';

/** A prompt whose completions are all judged, or lost. */
export interface JudgedPrompt {
  readonly itemId: string;
  /** Number of the prompt in the run. */
  readonly sequence: bigint;
  /** Rewards of the completions that are left. */
  readonly rewards: readonly number[];
  /** Share of them that is correct, 0 to 1. */
  readonly accuracy: number;
}

/** What the verifiers found, for the stage that chooses prompts by it. */
export interface Judgements {
  /**
   * The judged prompts of a step in their order, once `places` of its prompts are complete; those of which nothing is
   * left are not among them. Rejects when the signal aborts.
   */
  of(step: number, places: number, signal: AbortSignal): Promise<readonly JudgedPrompt[]>;
  /** What `of` waits for. */
  pending(): readonly Pending[];
  /** Forgets the steps before this one; their records are passed over from now on. */
  forgetBefore(step: number): void;
}

/** A prompt's group while its records come in. */
interface Group {
  readonly arrived: Set<number>;
  isComplete: boolean;
  prompt: { readonly itemId: string; readonly sequence: bigint } | undefined;
  readonly rewards: number[];
  correct: number;
}

interface State {
  readonly log: TopicLog;
  readonly topic: string;
  /** By step and prompt. */
  readonly steps: Map<number, Map<string, Group>>;
  /** Next offset by partition. */
  readonly next: Map<number, bigint>;
  first: number;
  waiting: { readonly step: number; readonly places: number; readonly since: number } | undefined;
}

/** Between two looks at a topic that has nothing new, in milliseconds. */
const IDLE_MS = 50;
const PAGE = 512;

/** Follows a topic of verdicts from its beginning. */
export function followJudgements(log: TopicLog, topic: string, now: () => number): Judgements {
  const state: State = { log, topic, steps: new Map(), next: new Map(), first: 0, waiting: undefined };
  const complete = (step: number) => [...(state.steps.get(step)?.values() ?? [])].filter((group) => group.isComplete);
  return {
    async of(step, places, signal) {
      state.waiting = { step, places, since: now() };
      try {
        while (complete(step).length < places) {
          if ((await readOn(state)) === 0) await wait(IDLE_MS, undefined, { signal });
          signal.throwIfAborted();
        }
        return judgedPrompts(complete(step));
      } finally {
        state.waiting = undefined;
      }
    },
    pending() {
      if (!state.waiting) return [];
      const { step, places, since } = state.waiting;
      return [{ what: `waits for the verdicts of step ${step}: ${complete(step).length} of ${places} prompts`, since }];
    },
    forgetBefore(step) {
      state.first = step;
      for (const known of state.steps.keys()) if (known < step) state.steps.delete(known);
    },
  };
}

/** @returns how many records were read */
async function readOn(state: State): Promise<number> {
  const { log, topic } = state;
  let count = 0;
  const next = await nextOffsets(state);
  for (const [partition, from] of next) {
    const records = await log.read(topic, partition, from, PAGE);
    for (const record of records) {
      take(state, record);
      next.set(partition, record.offset + 1n);
    }
    count += records.length;
  }
  return count;
}

/** Looked up once: on a cluster that takes several requests. */
async function nextOffsets({ log, topic, next }: State): Promise<Map<number, bigint>> {
  if (next.size > 0) return next;
  const { bounds } = required(
    (await log.describe()).find(({ name }) => name === topic),
    `topic ${topic}`,
  );
  for (const [partition, { start }] of bounds.entries()) next.set(partition, start);
  return next;
}

function take({ steps, first }: State, record: LogRecord): void {
  const place = headerPlace(record);
  if (!place || place.step < first) return;
  const verdict = recordIn('verdicts', record);
  if (!verdict && !gapOf(record)) return;
  const { promptId, step, sampleIndex, groupSize } = place;
  const groups = steps.get(step) ?? new Map<string, Group>();
  steps.set(step, groups);
  const group = groups.get(promptId) ?? newGroup();
  groups.set(promptId, group);
  if (group.isComplete || (sampleIndex !== null && group.arrived.has(sampleIndex))) return;
  if (sampleIndex !== null) group.arrived.add(sampleIndex);
  group.isComplete = sampleIndex === null || group.arrived.size === groupSize;
  if (!verdict) return;
  group.prompt = { itemId: verdict.itemId, sequence: verdict.sequence };
  group.rewards.push(verdict.reward);
  if (verdict.verdict === 'correct') group.correct++;
}

const newGroup = (): Group => ({
  arrived: new Set(),
  isComplete: false,
  prompt: undefined,
  rewards: [],
  correct: 0,
});

function judgedPrompts(groups: readonly Group[]): JudgedPrompt[] {
  return groups
    .flatMap(({ prompt, rewards, correct }) =>
      prompt ? [{ ...prompt, rewards, accuracy: correct / rewards.length }] : [],
    )
    .toSorted((a, b) => Number(a.sequence - b.sequence));
}
