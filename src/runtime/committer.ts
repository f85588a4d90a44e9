import type { CreditGate } from '../operators/internal/credit-gate.js';
import { type Consumer, FencedError } from '../topics/log.js';
import type { TopicName } from '../topics/record-codec.js';
import type { Stage, StageEnvironment, StageStats } from './stage.js';
import { cleanCut, type Entry, finishedCut, type Work } from './work.js';

/**
 * A finished unit waits for running ones, to be committed with them: as long as the last commit took, and this long at
 * most. It may double the latency and halves the number of commits.
 */
const LINGER_MS = 20;

/** Keeps what has been read of a topic and not been committed, and commits what is finished of it. */
export interface Committer<T> {
  admit(entry: Entry<T>): void;
  /** Commits everything that is finished, or finishes while a commit is in progress. */
  commit(): Promise<void>;
  /** Forgets what has been read of a partition. */
  forget(partition: number): void;
}

export interface CommitterSettings<T> {
  readonly stage: Pick<Stage<TopicName, TopicName>, 'name' | 'steps' | 'waiting' | 'committed'>;
  readonly topic: string;
  readonly consumer: Pick<Consumer, 'commit'>;
  readonly stats: StageStats;
  readonly gate: CreditGate;
  readonly observer: StageEnvironment['observer'];
  /** Called for each unit whose outcome is no longer of use. */
  readonly onForgotten: (work: Work<T>) => void;
}

interface State<T> extends CommitterSettings<T> {
  /** Uncommitted entries by partition, in offset order. */
  readonly windows: Map<number, Entry<T>[]>;
  moreToCommit: boolean;
  lingerMs: number;
  /** Ends the wait for running units. */
  endLinger: () => void;
}

/** What can be committed of one partition. */
interface Cut<T> {
  readonly partition: number;
  readonly window: Entry<T>[];
  /** Entries to remove from the head of the window. */
  readonly count: number;
  readonly works: readonly Work<T>[];
  /** The next offset to read. */
  readonly offset: bigint;
}

/**
 * Outputs and offsets go in one transaction, in the order of the input, and offsets never split a unit. The steps of a
 * topic may overlap, so they are committed as they finish.
 */
export function committer<T>(settings: CommitterSettings<T>): Committer<T> {
  const state: State<T> = {
    ...settings,
    windows: new Map(),
    moreToCommit: false,
    lingerMs: 0,
    endLinger: () => {},
  };
  return {
    admit(entry) {
      const { partition } = entry.record;
      const window = state.windows.get(partition) ?? [];
      state.windows.set(partition, window);
      window.push(entry);
      if (entry.takesCredit) state.gate.take();
    },
    commit: () => commit(state),
    forget: (partition) => forget(state, partition),
  };
}

async function commit<T>(state: State<T>): Promise<void> {
  const { stats, gate } = state;
  // One more round picks up what finishes while a commit is in progress.
  state.moreToCommit = true;
  if (runningSoon(state) <= 0) state.endLinger();
  if (stats.committing) return;
  stats.committing = true;
  try {
    while (state.moreToCommit) {
      state.moreToCommit = false;
      if (await commitFinished(state)) state.moreToCommit = true;
    }
  } finally {
    stats.committing = false;
    gate.wake();
  }
}

/** Commits what is finished of all partitions in one transaction, and resolves to whether there was anything. */
async function commitFinished<T>(state: State<T>): Promise<boolean> {
  const { stage, topic, consumer, observer } = state;
  if (runningSoon(state) > 0 && finishedCuts(state).length > 0) await linger(state);
  const cuts = finishedCuts(state);
  if (cuts.length === 0) return false;
  // Steps arrive in any order, and the last record of `weights` must be the newest.
  const works = [...new Set(cuts.flatMap((cut) => cut.works))].sort((a, b) => a.step - b.step);
  const appends = works.flatMap((work) => work.appends);
  const offsets = cuts.map(({ partition, offset }) => ({ topic, partition, offset }));
  const began = performance.now();
  try {
    await consumer.commit({ appends, offsets });
  } catch (error) {
    if (!(error instanceof FencedError)) throw error;
    forgetFenced(state, cuts);
    return true;
  }
  state.lingerMs = Math.min(performance.now() - began, LINGER_MS);
  for (const work of works) work.appends = [];
  for (const cut of cuts) advance(state, cut);
  observer?.committed(stage.name, offsets, appends.length);
  stage.committed?.();
  return true;
}

function finishedCuts<T>({ stage, windows }: State<T>): Cut<T>[] {
  return [...windows].flatMap(([partition, window]) => {
    const [first] = window;
    if (!first) return [];
    const count = stage.steps ? finishedCut(window) : cleanCut(window);
    const done = stage.steps ? window.filter((entry) => entry.work.finished) : window.slice(0, count);
    const works = [...new Set(done.map((entry) => entry.work))].filter((work) => work.appends.length > 0);
    if (count === 0 && works.length === 0) return [];
    const last = window[count - 1];
    return [{ partition, window, count, works, offset: last ? last.record.offset + 1n : first.record.offset }];
  });
}

/** Removes what was committed from its window, unless the partition was revoked meanwhile. */
function advance<T>({ windows, stats, gate }: State<T>, { partition, window, count }: Cut<T>): void {
  if (windows.get(partition) !== window || count === 0) return;
  release(gate, window.splice(0, count));
  stats.records += count;
}

function release<T>(gate: CreditGate, entries: readonly Entry<T>[]): void {
  const taken = entries.filter(({ takesCredit }) => takesCredit).length;
  if (taken > 0) gate.release(taken);
  else gate.wake();
}

/**
 * Revoked partitions have been forgotten by now, and the others are committed again. Where this member still seems to
 * own all of them, forget them all.
 */
function forgetFenced<T>(state: State<T>, cuts: readonly Cut<T>[]): void {
  const revoked = cuts.some(({ partition, window }) => state.windows.get(partition) !== window);
  if (!revoked) for (const { partition } of cuts) forget(state, partition);
}

function forget<T>({ windows, gate, onForgotten }: State<T>, partition: number): void {
  const window = windows.get(partition) ?? [];
  windows.delete(partition);
  for (const { work } of window) onForgotten(work);
  release(gate, window);
}

/** Running units that do not wait for other stages. */
const runningSoon = <T>({ stats, stage }: State<T>): number => stats.running - (stage.waiting?.() ?? 0);

/** Resolves when no unit is running, or after a while. */
function linger<T>(state: State<T>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, state.lingerMs);
    state.endLinger = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
