import type { z } from 'zod';
import { parseSettings } from '../support/settings.js';
import type { TopicLog, TopicSpec } from './log.js';

/** Properties of a store, so that callers need not test for its name. */
export interface TopicStoreTraits {
  /**
   * Several processes may run stages of one pipeline at once, each with access to the topics that its stages need.
   * Otherwise one process writes at a time, and it may read every topic.
   */
  readonly multiProcess: boolean;
  /**
   * `folder`: the log is part of the run's folder. `server`: it lives elsewhere under the run's name, outlives the
   * folder, and answers over a network, so its state is polled less often.
   */
  readonly location: 'folder' | 'server';
  /** Partitions of the topics between prompts and advantages: the most processes that one stage can use. */
  readonly partitions: number;
  /** How weights and checkpoints reach other processes: through the run's folder or through topics. */
  readonly weights: 'folder' | 'topics';
}

/** Where the topics of one run live. */
export interface StorePlace {
  /** A folder for the store's own files; it need not exist. */
  readonly folder: string;
  /** Name of the run. A server keeps the topics of several runs apart by it. */
  readonly run: string;
}

export interface OpenOptions {
  /** Read only, next to a process that may be writing. */
  readonly readOnly?: boolean;
  /** Told when a server stops answering, and when it answers again. */
  readonly onOutage?: (message: string) => void;
}

/** A damaged record, or another damaged entry of a store. */
export interface Damage {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the record; 0 for an entry of the store's own bookkeeping. */
  readonly offset: bigint;
  /** `checksum` or `record`, or the entry, such as `bounds`. */
  readonly field: string;
  readonly expected: string;
  readonly found: string;
}

/** Operations of a store, given its settings. */
export interface TopicStoreDefinition<Settings extends z.ZodType = z.ZodType, Name extends string = string> {
  /** Name in a pipeline's `topics`. */
  readonly name: Name;
  /** One sentence for the docs. */
  readonly summary: string;
  readonly settings: Settings;
  readonly traits: (settings: z.output<Settings>) => TopicStoreTraits;
  readonly open: (settings: z.output<Settings>, place: StorePlace, options: OpenOptions) => Promise<TopicLog>;
  /**
   * Problems that would stop a run, one line each: an unreachable server, missing permissions, topics that differ.
   * Creates nothing. Without a place, only what does not depend on the run.
   */
  readonly check?: (
    settings: z.output<Settings>,
    place: StorePlace | undefined,
    topics: readonly TopicSpec[],
  ) => Promise<string[]>;
  /**
   * The first damaged record or entry.
   * @param gapless whether offsets of uncompacted topics are consecutive; those copied from another store need not be
   */
  readonly findDamage?: (
    settings: z.output<Settings>,
    place: StorePlace,
    gapless: boolean,
  ) => Promise<Damage | undefined>;
  /** Erases remains of deleted records from files. Call it after the log is closed. */
  readonly purge?: (settings: z.output<Settings>, place: StorePlace) => Promise<void>;
  /** OpenLineage's namespace and name of a topic. Default: the path of the topic in the place's folder. */
  readonly dataset?: (
    settings: z.output<Settings>,
    place: StorePlace,
    topic: string,
  ) => { readonly namespace: string; readonly name: string };
}

/** A store with its settings. */
export interface TopicStore {
  readonly name: string;
  readonly traits: TopicStoreTraits;
  open(place: StorePlace, options?: OpenOptions): Promise<TopicLog>;
  check(place: StorePlace | undefined, topics: readonly TopicSpec[]): Promise<string[]>;
  /** undefined if nothing is damaged, or if the store leaves that check to its server. */
  findDamage(place: StorePlace, gapless: boolean): Promise<Damage | undefined>;
  purge(place: StorePlace): Promise<void>;
  dataset(place: StorePlace, topic: string): { readonly namespace: string; readonly name: string };
}

/** A store without its settings, as registered or exported by a module. */
export interface TopicStoreKind<Settings extends z.ZodType = z.ZodType, Name extends string = string> {
  readonly name: Name;
  readonly summary: string;
  readonly settings: Settings;
  /** @throws {UserError} `bad-settings`, one line per problem */
  bind(settings: unknown): TopicStore;
}

/**
 * Defines a topic store.
 * @example
 * export default defineTopicStore({
 *   name: 'memory',
 *   summary: 'Topics in the memory of one process.',
 *   settings: z.strictObject({}),
 *   traits: () => ({ multiProcess: false, location: 'folder', partitions: 1, weights: 'folder' }),
 *   open: async () => openMemoryLog(),
 * });
 */
export function defineTopicStore<Settings extends z.ZodType, const Name extends string>(
  definition: TopicStoreDefinition<Settings, Name>,
): TopicStoreKind<Settings, Name> {
  const { name, summary } = definition;
  return {
    name,
    summary,
    settings: definition.settings,
    bind: (input) => bound(definition, parseSettings(definition.settings, input, `topics.${name}`)),
  };
}

function bound<Settings extends z.ZodType>(
  { name, traits, open, check, findDamage, purge, dataset }: TopicStoreDefinition<Settings>,
  settings: z.output<Settings>,
): TopicStore {
  return {
    name,
    traits: traits(settings),
    open: (place, options = {}) => open(settings, place, options),
    check: async (place, topics) => (check ? check(settings, place, topics) : []),
    findDamage: async (place, gapless) => findDamage?.(settings, place, gapless),
    purge: async (place) => purge?.(settings, place),
    dataset: (place, topic) =>
      dataset?.(settings, place, topic) ?? { namespace: 'file', name: `${place.folder}/${topic}` },
  };
}
