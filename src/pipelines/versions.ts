import { join } from 'node:path';
import { UserError } from '../errors.js';
import type { PolicyVersion } from '../operators/rollout.js';
import type { Policy } from '../policy/policy.js';
import type { Weights } from '../topics/records.js';
import { materialise, type RunFiles } from './publisher.js';
import { fromRecord } from './wire.js';

/** Follows the `weights` topic and keeps the versions that are in use loaded in the policy. */
export interface Versions {
  /** Resolves to the newest version's number once it is at least `least`; loads nothing. */
  published(least: number): Promise<number>;
  /** The newest version, loaded, once it is at least `least`. */
  atLeast(least: number): Promise<PolicyVersion>;
  /** That version, loaded, once it is published. */
  exactly(version: number): Promise<PolicyVersion>;
  /** The folder of a published version; brings it here where it is not. */
  folderOf(version: number): Promise<string>;
  /** SHA-256 of a version's weights, once it is published. */
  digestOf(version: number): Promise<string>;
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
  readonly files: RunFiles;
  readonly policy: Policy;
  /** Versions before the newest that stay loaded. */
  readonly keep: number;
  /** A version from which later ones are still taught; -1 for none. */
  readonly teacherOf: (version: number) => number;
}

/** Milliseconds between looks at the topic while somebody waits for a version. */
const lookEvery = ({ topics }: RunFiles['spec']): number => (topics === 'embedded' ? 10 : 50);

/** What is remembered of a version; its tensors stay in the topic. */
type Known = Pick<Weights, 'digest' | 'location'> & { readonly offset: bigint };

export async function followVersions(settings: VersionSettings): Promise<Versions> {
  const { files, policy, keep, teacherOf } = settings;
  const { log } = files;
  const published = new Map<number, Known>();
  const loading = new Map<number, Promise<void>>();
  const held = new Map<number, number>();
  const waiting = new Set<{ least: number; resolve: (version: number) => void; reject: (error: Error) => void }>();
  let newest = -1;
  let next = 0n;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const look = async () => {
    for (;;) {
      const records = await log.read('weights', 0, next, 8);
      for (const record of records) {
        next = record.offset + 1n;
        if (record.value === null) continue;
        const { version, digest, location } = fromRecord('weights', { ...record, value: record.value });
        published.set(version, { digest, location, offset: record.offset });
        newest = Math.max(newest, version);
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
    }, lookEvery(files.spec));
  };

  const folderOf = async (version: number): Promise<string> => {
    const known = published.get(version);
    if (!known) throw new Error(`weights: version ${version} was not published`);
    if (known.location !== null) return join(files.folder, known.location);
    const [record] = await log.read('weights', 0, known.offset, 1);
    if (!record?.value)
      throw new UserError(
        'records-gone',
        `weights: the record of version ${version} at offset ${known.offset} is gone`,
      );
    return materialise(files, fromRecord('weights', { ...record, value: record.value }));
  };

  const load = (version: number): Promise<void> => {
    const running = loading.get(version);
    if (running) return running;
    const started = folderOf(version).then((folder) => policy.load(version, folder));
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
    if (closed) throw new Error('the run was stopped');
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
    folderOf: async (version) => {
      if (!published.has(version)) await look();
      return folderOf(version);
    },
    async digestOf(version) {
      await publishedAtLeast(version);
      return published.get(version)?.digest ?? '';
    },
    ready,
    published: publishedAtLeast,
    waiting: () => waiting.size,
    async exactly(version) {
      await publishedAtLeast(version);
      return use(version);
    },
    // Early steps may be sampled by any version, but there is none before the base.
    atLeast: async (least) => use(await publishedAtLeast(Math.max(least, 0))),
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
