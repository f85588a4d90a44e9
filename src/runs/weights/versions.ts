import { join } from 'node:path';
import type { Policy } from '../../engines/policy.js';
import type { PolicyVersion } from '../../operators/rollout.js';
import type { Weights } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import { fromRecord } from '../../topics/record-codec.js';
import { type Announce, materialise, type RunFiles } from './publisher.js';

/** Follows the `weights` topic and keeps the versions that are in use loaded in the policy. */
export interface Versions {
  /** Takes note of what was published since the last look. */
  look(): Promise<void>;
  /** Resolves to the newest version's number once it is at least `least`; loads nothing. */
  published(least: number): Promise<number>;
  /**
   * Takes note of weights that lie in their folder and are about to be published, so that sampling need not wait for their checkpoint.
   * Nothing that they made may be committed before they are `published`.
   */
  announce: Announce;
  /** The newest version that is published or announced, loaded, once it is at least `least`. */
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

interface Waiter {
  readonly least: number;
  /** The state that the version has to have reached. */
  readonly state: 'published' | 'announced';
  resolve(version: number): void;
  reject(error: Error): void;
}

/** What is remembered of a version; its tensors stay in the topic. */
type Known = Pick<Weights, 'digest' | 'location'> & { readonly offset: bigint };

export async function followVersions(settings: VersionSettings): Promise<Versions> {
  const { files, policy, keep, teacherOf } = settings;
  const { log } = files;
  const known = new Map<number, Known>();
  const loading = new Map<number, Promise<void>>();
  const held = new Map<number, number>();
  const waiting = new Set<Waiter>();
  const newest = { published: -1, announced: -1 };
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
        known.set(version, { digest, location, offset: record.offset });
        newest.published = Math.max(newest.published, version);
        newest.announced = Math.max(newest.announced, version);
      }
      if (records.length === 0) break;
    }
    wake();
  };

  const wake = () => {
    for (const waiter of waiting)
      if (newest[waiter.state] >= waiter.least) {
        waiting.delete(waiter);
        waiter.resolve(newest[waiter.state]);
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
    const found = known.get(version);
    if (!found) throw new Error(`weights: version ${version} was not published`);
    const { location, offset } = found;
    if (location !== null) return join(files.folder, location);
    const [record] = await log.read('weights', 0, offset, 1);
    if (!record?.value)
      throw new UserError('records-gone', `weights: the record of version ${version} at offset ${offset} is gone`);
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
    const teacher = teacherOf(newest.published - keep);
    for (const version of loading.keys())
      if (version < newest.published - keep && version < teacher && !held.has(version)) {
        loading.delete(version);
        // Nothing waits for it: a run that ends closes the policy meanwhile, and a policy that fails says so to who calls it next.
        policy.unload(version).catch(() => {});
      }
  };

  const ready = async (version: number) => {
    if (!known.has(version)) await look();
    await load(version);
  };

  const newestAtLeast = async (state: Waiter['state'], least: number) => {
    if (newest[state] < least) await look();
    if (newest[state] >= least) return newest[state];
    if (closed) throw new Error('the run was stopped');
    return new Promise<number>((resolve, reject) => {
      waiting.add({ least, state, resolve, reject });
      watch();
    });
  };
  const publishedAtLeast = (least: number) => newestAtLeast('published', least);

  const use = async (version: number): Promise<PolicyVersion> => {
    await load(version);
    unloadOld();
    return { version, digest: known.get(version)?.digest ?? '' };
  };

  await look();
  return {
    look,
    folderOf: async (version) => {
      if (!known.has(version)) await look();
      return folderOf(version);
    },
    async digestOf(version) {
      await publishedAtLeast(version);
      return known.get(version)?.digest ?? '';
    },
    ready,
    announce(version, announced) {
      known.set(version, { ...announced, offset: -1n });
      newest.announced = version;
      wake();
    },
    published: publishedAtLeast,
    waiting: () => waiting.size,
    async exactly(version) {
      await publishedAtLeast(version);
      return use(version);
    },
    // Early steps may be sampled by any version, but there is none before the base.
    atLeast: async (least) => use(await newestAtLeast('announced', Math.max(least, 0))),
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
