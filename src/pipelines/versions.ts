import { join } from 'node:path';
import type { PolicyVersion } from '../operators/rollout.js';
import type { Policy } from '../policy/policy.js';
import type { TopicLog } from '../topics/log.js';
import type { Weights } from '../topics/records.js';
import { fromRecord } from './wire.js';

/** Follows the `weights` topic and keeps the versions that are in use loaded in the policy. */
export interface Versions {
  /** Resolves to the newest version's number once it is at least `least`; loads nothing. */
  published(least: number): Promise<number>;
  /** The newest version, loaded, once it is at least `least`. */
  atLeast(least: number): Promise<PolicyVersion>;
  /** That version, loaded, once it is published. */
  exactly(version: number): Promise<PolicyVersion>;
  /** Loads a version that is in use by the run's own rules. */
  ready(version: number): Promise<void>;
  /** Loads a version and keeps it until `release`. */
  hold(version: number): Promise<void>;
  release(version: number): void;
  /** How many wait for a version that was not published yet. */
  readonly waiting: () => number;
  close(): void;
}

export interface VersionSettings {
  readonly log: TopicLog;
  readonly policy: Policy;
  /** Folder that locations in the topic are relative to. */
  readonly folder: string;
  /** Versions before the newest that stay loaded. */
  readonly keep: number;
  /** A version from which later ones are still taught; -1 for none. */
  readonly teacherOf: (version: number) => number;
}

/** Milliseconds between looks at the topic while somebody waits for a version. */
const LOOK_EVERY = 10;

export async function followVersions(settings: VersionSettings): Promise<Versions> {
  const { log, policy, folder, keep, teacherOf } = settings;
  const published = new Map<number, Weights>();
  const loading = new Map<number, Promise<void>>();
  const held = new Map<number, number>();
  const waiting = new Set<{ least: number; resolve: (version: number) => void; reject: (error: Error) => void }>();
  let newest = -1;
  let next = 0n;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const look = async () => {
    for (;;) {
      const records = await log.read('weights', 0, next, 64);
      for (const record of records) {
        next = record.offset + 1n;
        if (record.value === null) continue;
        const weights = fromRecord('weights', { ...record, value: record.value });
        published.set(weights.version, weights);
        newest = Math.max(newest, weights.version);
      }
      if (records.length === 0) break;
    }
    for (const waiter of waiting)
      if (newest >= waiter.least) {
        waiting.delete(waiter);
        waiter.resolve(newest);
      }
  };

  const watch = () => {
    if (timer || closed || waiting.size === 0) return;
    timer = setTimeout(() => {
      timer = undefined;
      look().then(watch, (error) => {
        for (const waiter of waiting) waiter.reject(error);
        waiting.clear();
      });
    }, LOOK_EVERY);
  };

  const load = (version: number): Promise<void> => {
    const running = loading.get(version);
    if (running) return running;
    const location = published.get(version)?.location;
    if (typeof location !== 'string') return Promise.reject(new Error(`weights: version ${version} was not published`));
    const started = policy.load(version, join(folder, location));
    loading.set(version, started);
    started.catch(() => loading.delete(version));
    return started;
  };

  const unloadOld = () => {
    const teacher = teacherOf(newest - keep);
    for (const version of loading.keys())
      if (version < newest - keep && version < teacher && !held.has(version)) {
        loading.delete(version);
        void policy.unload(version);
      }
  };

  const ready = async (version: number) => {
    if (!published.has(version)) await look();
    await load(version);
  };

  const publishedAtLeast = async (least: number) => {
    if (newest < least) await look();
    if (newest >= least) return newest;
    return new Promise<number>((resolve, reject) => {
      waiting.add({ least, resolve, reject });
      watch();
    });
  };

  const use = async (version: number): Promise<PolicyVersion> => {
    await load(version);
    unloadOld();
    return { version, digest: published.get(version)?.digest ?? '' };
  };

  await look();
  return {
    ready,
    published: publishedAtLeast,
    waiting: () => waiting.size,
    async exactly(version) {
      await publishedAtLeast(version);
      return use(version);
    },
    atLeast: async (least) => use(await publishedAtLeast(least)),
    async hold(version) {
      held.set(version, (held.get(version) ?? 0) + 1);
      await ready(version);
    },
    release(version) {
      const holders = (held.get(version) ?? 0) - 1;
      if (holders > 0) held.set(version, holders);
      else held.delete(version);
      unloadOld();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      for (const waiter of waiting) waiter.reject(new Error('the run was stopped'));
      waiting.clear();
    },
  };
}
