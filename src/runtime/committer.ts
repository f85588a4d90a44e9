import { type Consumer, FencedError } from '../topics/log.js';
import type { TopicName } from '../topics/record-codec.js';
import type { Stage, StageEnvironment, StageStats } from './stage.js';
import { cleanCut, type Entry, finishedCut, type Work } from './window.js';

/**
 * A finished unit waits for others that are at work, to be committed with them: as long as the last commit took, which may double
 * the delay and halves the commits, and this long at most.
 */
const LINGER_MS = 20;

/** Holds what was read of a topic and not yet committed, and commits what is finished of it. */
export interface Committer<T> {
  admit(entry: Entry<T>): void;
  /** Commits all that is finished, or gets finished while a commit is under way. */
  commit(): Promise<void>;
  /** Forgets what was read of a partition. */
  forget(partition: number): void;
}

interface CommitterSettings<T> {
  readonly stage: Pick<Stage<TopicName, TopicName>, 'name' | 'steps' | 'waiting' | 'committed'>;
  readonly topic: string;
  readonly consumer: Pick<Consumer, 'commit'>;
  readonly stats: StageStats;
  readonly observer: StageEnvironment['observer'];
  /** Is told of each unit whose outcome is of no use any more. */
  readonly forgotten: (work: Work<T>) => void;
  /** Called when there is room for more records. */
  readonly changed: () => void;
}

/**
 * Outputs and offsets go in one transaction, in the order of the input, at offsets where no unit is cut in two. Steps may overlap
 * in their topic, so they commit as they finish.
 */
export function committer<T>(settings: CommitterSettings<T>): Committer<T> {
  const { stage, topic, consumer, stats, observer, forgotten, changed } = settings;
  const windows = new Map<number, Entry<T>[]>();
  let moreToCommit = false;
  let lingerMs = 0;
  let atRest = () => {};

  /** Units that may finish before long. */
  const atWork = () => stats.running - (stage.waiting?.() ?? 0);

  /** Resolves when no unit is at work, or it has taken long enough. */
  const linger = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, lingerMs);
      atRest = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const cutOf = (partition: number, window: Entry<T>[]) => {
    const [first] = window;
    if (!first) return [];
    const cut = stage.steps ? finishedCut(window) : cleanCut(window);
    const done = stage.steps ? window.filter((entry) => entry.work.finished) : window.slice(0, cut);
    const works = [...new Set(done.map((entry) => entry.work))].filter((work) => work.appends.length > 0);
    if (cut === 0 && works.length === 0) return [];
    const last = window[cut - 1];
    return [{ partition, window, cut, works, offset: last ? last.record.offset + 1n : first.record.offset }];
  };

  const forget = (partition: number) => {
    const window = windows.get(partition) ?? [];
    windows.delete(partition);
    stats.inFlight -= window.length;
    for (const { work } of window) forgotten(work);
    changed();
  };

  const finished = () => [...windows].flatMap(([partition, window]) => cutOf(partition, window));

  /** Commits what is finished of all partitions in one transaction; resolves to whether there was anything. */
  const commitFinished = async (): Promise<boolean> => {
    if (atWork() > 0 && finished().length > 0) await linger();
    const cuts = finished();
    if (cuts.length === 0) return false;
    // Steps lie in the topic in any order, and the newest weights are the last record of theirs.
    const works = [...new Set(cuts.flatMap(({ works }) => works))].sort((a, b) => a.step - b.step);
    const appends = works.flatMap((work) => work.appends);
    const offsets = cuts.map(({ partition, offset }) => ({ topic, partition, offset }));
    const began = performance.now();
    try {
      await consumer.commit({ appends, offsets });
      lingerMs = Math.min(performance.now() - began, LINGER_MS);
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
      // What was taken away is forgotten by now. The rest goes again, unless the member still seems to own all of it.
      const gone = cuts.filter(({ partition, window }) => windows.get(partition) !== window);
      if (gone.length === 0) for (const { partition } of cuts) forget(partition);
      return true;
    }
    for (const work of works) work.appends = [];
    for (const { partition, window, cut } of cuts) {
      if (windows.get(partition) !== window) continue;
      window.splice(0, cut);
      stats.inFlight -= cut;
      stats.records += cut;
    }
    observer?.committed(stage.name, offsets, appends.length);
    stage.committed?.();
    return true;
  };

  return {
    admit(entry) {
      const { partition } = entry.record;
      const window = windows.get(partition) ?? [];
      windows.set(partition, window);
      window.push(entry);
      stats.inFlight++;
    },
    async commit() {
      // Work that finishes while a commit is under way is seen by one more round.
      moreToCommit = true;
      if (atWork() <= 0) atRest();
      if (stats.committing) return;
      stats.committing = true;
      try {
        while (moreToCommit) {
          moreToCommit = false;
          if (await commitFinished()) moreToCommit = true;
        }
      } finally {
        stats.committing = false;
        changed();
      }
    },
    forget,
  };
}
