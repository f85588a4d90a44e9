import { basename, join } from 'node:path';
import { UserError } from '../support/errors.js';
import { type TopicLog, TopicMismatchError, type TopicSpec } from '../topics/log.js';
import type { OpenOptions, StorePlace, TopicStore } from '../topics/store.js';

/** A topic, and whether it is someone else's, with settings of their choice. */
type PlannedTopic = TopicSpec & { readonly external?: boolean };

/** What a plan says of its topics. */
interface PlannedTopics {
  readonly store: TopicStore;
  readonly topics: readonly PlannedTopic[];
}

/** Folder for the topics of a run that are kept in it. */
export const logFolder = (run: string): string => join(run, 'topics');

/** Where the topics of a run live: in its folder, or on a server under the folder's name. */
export const placeOf = (folder: string): StorePlace => ({ folder: logFolder(folder), run: basename(folder) });

/** Opens the topics of a run. @param folder the run's */
export const openLog = (
  { store }: Pick<PlannedTopics, 'store'>,
  folder: string,
  options: OpenOptions = {},
): Promise<TopicLog> => store.open(placeOf(folder), options);

/**
 * A run that has begun had all of its topics: going on without one would lose what it held.
 * @throws {UserError} `topics-deleted`, with every topic that is gone
 */
export async function refuseDeleted(log: TopicLog, topics: readonly TopicSpec[]): Promise<void> {
  const there = new Set((await log.describe()).map(({ name }) => name));
  const gone = topics.filter(({ name }) => !there.has(name)).map(({ name }) => `topic ${name}: is missing`);
  if (gone.length > 0)
    throw new UserError(
      'topics-deleted',
      `${gone.join('\n')}\nthe run had begun and cannot go on without it; begin another with another --run`,
    );
}

/** Creates the topics that are missing. @throws {UserError} `topics-differ`, with every difference */
export async function ensureTopics(log: TopicLog, topics: readonly PlannedTopic[]): Promise<void> {
  const described = topics.some(({ external }) => external) ? await log.describe() : [];
  const there = new Set(described.map(({ name }) => name));
  try {
    await log.ensureTopics(
      topics
        .filter(({ name, external }) => !external || !there.has(name))
        .map(({ external: _, ...topic }): TopicSpec => topic),
    );
  } catch (error) {
    if (!(error instanceof TopicMismatchError)) throw error;
    const lines = error.message.split('\n').map((line) => `topic ${line}`);
    throw new UserError(
      'topics-differ',
      `${lines.join('\n')}\nthe topics are not those of this pipeline; nothing was changed`,
    );
  }
}

/**
 * What would stop a run on this pipeline's topics, one line each; with the folder of a run, also what is wrong with its
 * topics.
 */
export const checkTopics = ({ store, topics }: PlannedTopics, folder?: string): Promise<string[]> =>
  store.check(
    folder === undefined ? undefined : placeOf(folder),
    topics.filter(({ external }) => !external),
  );
