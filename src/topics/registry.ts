import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { nearest, UserError } from '../support/errors.js';
import { embeddedStore } from './embedded/store-kind.js';
import { kafkaStore } from './kafka/store-kind.js';
import type { TopicStore, TopicStoreKind } from './store.js';

/** The stores that come with the package. */
export const topicStores: readonly TopicStoreKind[] = [embeddedStore, kafkaStore];

/**
 * A store by its name and settings.
 * @throws {UserError} `unknown-store` with the nearest name, `bad-settings`
 * @example topicStore('kafka', { brokers: ['127.0.0.1:9092'] })
 */
export function topicStore(name: string, settings: unknown = {}): TopicStore {
  const kind = topicStores.find((one) => one.name === name);
  if (kind) return kind.bind(settings);
  const names = topicStores.map((one) => one.name);
  const near = nearest(name, names);
  const rest = near === undefined ? `expected one of ${names.join(', ')}, or a module` : `did you mean ${near}?`;
  throw new UserError('unknown-store', `topics: found ${JSON.stringify(name)}; ${rest}`);
}

/**
 * A store from a module whose default export is made by `defineTopicStore`.
 * @param folder that the path is relative to
 * @throws {UserError} `bad-module` where the module cannot be loaded or exports something else
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

/** `topics` of a pipeline: the name of a store, or a name with its settings. */
export type TopicsChoice = string | Readonly<Record<string, unknown>>;

/**
 * The store that a pipeline's `topics` chooses.
 * @throws {UserError} `unknown-store`, `bad-settings`
 * @example storeOf({ kafka: { brokers: 'broker1:9092' } }).traits.multiProcess // true
 */
export function storeOf(topics: TopicsChoice): TopicStore {
  if (typeof topics === 'string') return topicStore(topics);
  const [chosen, ...others] = Object.entries(topics);
  if (chosen === undefined || others.length > 0)
    throw new UserError(
      'bad-settings',
      `topics: found ${Object.keys(topics).join(', ') || 'nothing'}, expected one store such as embedded or kafka`,
    );
  return topicStore(...chosen);
}
