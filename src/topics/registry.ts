import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { nearest, UserError } from '../support/errors.js';
import { revealAll } from '../support/secrets.js';
import { embeddedStore } from './embedded/store-kind.js';
import { kafkaStore } from './kafka/store-kind.js';
import type { TopicStore, TopicStoreKind } from './store.js';

/** The stores that come with the package. */
export const topicStores = [embeddedStore, kafkaStore] as const;

/** The store that needs neither a server nor settings. Imported runs and repetitions of a run use it. */
export const localStore = embeddedStore.name;

/**
 * A store by its name and settings.
 * @throws {UserError} `unknown-store` with the nearest name, `bad-settings`
 * @example topicStore('kafka', { brokers: ['127.0.0.1:9092'] })
 */
export function topicStore(name: string, settings: unknown = {}): TopicStore {
  const kind: TopicStoreKind | undefined = topicStores.find((one) => one.name === name);
  if (kind) return kind.bind(settings);
  const names = topicStores.map((one) => one.name);
  const near = nearest(name, names);
  const rest = near === undefined ? `expected one of ${names.join(', ')}, or a module` : `did you mean ${near}?`;
  throw new UserError('unknown-store', `topics: found ${JSON.stringify(name)}; ${rest}`);
}

/**
 * Loads a store from a module whose default export comes from `defineTopicStore`.
 * @param folder that the path is relative to
 * @throws {UserError} `bad-module` if the module cannot be loaded or exports something else
 */
export async function loadTopicStore(module: string, folder: string): Promise<TopicStoreKind> {
  const path = resolve(folder, module);
  let found: unknown;
  try {
    found = ((await import(pathToFileURL(path).href)) as { readonly default?: unknown }).default;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw Object.assign(new UserError('bad-module', `topics.module: ${module} cannot be loaded: ${reason}`), { cause });
  }
  if (!isKind(found))
    throw new UserError(
      'bad-module',
      `topics.module: the default export of ${module} is ${describe(found)}; expected what defineTopicStore returns`,
    );
  return found;
}

const isKind = (value: unknown): value is TopicStoreKind =>
  typeof value === 'object' &&
  value !== null &&
  'name' in value &&
  typeof value.name === 'string' &&
  'bind' in value &&
  typeof value.bind === 'function';

const describe = (value: unknown): string => (value === undefined ? 'missing' : `of type ${typeof value}`);

/** `topics` of a checked pipeline: which store, and its settings as written. */
export type TopicsChoice = string | Readonly<Record<string, unknown>>;

/** A store of the user's own: a module and the settings of its store. */
export interface TopicsModule {
  readonly module: string;
  readonly [setting: string]: unknown;
}

type InputOf<Kind> =
  Kind extends TopicStoreKind<infer Settings, infer Name>
    ? Name | { readonly [N in Name]: z.input<Settings> } | TopicsModule
    : never;

/** What a pipeline file or program writes for `topics`. */
export type TopicsInput = InputOf<(typeof topicStores)[number]>;

/** Schema of the `topics` field: a store's name, `{ NAME: settings }`, or `{ module, …settings }`. */
export function topicsSchema(): z.ZodType<TopicsChoice, TopicsChoice> {
  const withoutSettings = topicStores.filter(({ settings }) => settings.safeParse({}).success);
  const withSettings = topicStores.filter((kind) => !withoutSettings.includes(kind));
  const module = z
    .string()
    .min(1)
    .describe('A store of your own: a module whose default export comes from `defineTopicStore`.');
  return z.union([
    z.enum(withoutSettings.map(({ name }) => name)),
    ...withSettings.map(({ name, settings }) => z.strictObject({ [name]: settings })),
    z.looseObject({ module }),
  ]);
}

const isModule = (topics: TopicsChoice): topics is TopicsModule =>
  typeof topics === 'object' && typeof topics.module === 'string';

/** Identifies a store regardless of its settings: two machines may reach one store in different ways. */
export function storeName(topics: TopicsChoice): string {
  if (typeof topics === 'string') return topics;
  return isModule(topics) ? topics.module : Object.keys(topics).join(', ');
}

/**
 * The store that a pipeline's `topics` chooses.
 * @throws {UserError} `unknown-store`, `bad-settings`; `module-not-loaded` for a module, which `loadStore` loads
 * @example storeOf({ kafka: { brokers: 'broker1:9092' } }).traits.multiProcess // true
 */
export function storeOf(topics: TopicsChoice): TopicStore {
  if (typeof topics === 'string') return topicStore(topics);
  if (isModule(topics))
    throw new UserError('module-not-loaded', `topics.module: ${topics.module} is a file; use \`loadPlan\``);
  const [chosen, ...others] = Object.entries(topics);
  if (chosen === undefined || others.length > 0)
    throw new UserError(
      'bad-settings',
      `topics: found ${Object.keys(topics).join(', ') || 'nothing'}, expected one store such as embedded or kafka`,
    );
  return topicStore(...chosen);
}

/**
 * The store that a pipeline's `topics` chooses, loading its module where it names one.
 * @param folder what the module's path is relative to
 * @throws {UserError} `bad-module`, `unknown-store`, `bad-settings`
 */
export async function loadStore(topics: TopicsChoice, folder: string): Promise<TopicStore> {
  if (!isModule(topics)) return storeOf(topics);
  const { module, ...settings } = topics;
  return (await loadTopicStore(module, folder)).bind(revealAll(settings, 'topics', folder));
}
