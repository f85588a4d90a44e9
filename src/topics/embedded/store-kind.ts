import { z } from 'zod';
import type { TopicLog } from '../log.js';
import { defineTopicStore, type OpenOptions } from '../store.js';

// Load LMDB only when a log is opened.
const load = () => import('./index.js');

/**
 * Topics in one folder, on LMDB, without a server. One process writes; any number may read at the same time. Once
 * `append` or `commit` resolves, its records are on disk and survive a crash of the process and a power failure.
 *
 * @throws {UserError} `topics-locked` naming the process that is already writing, `topics-missing`, `topics-version`,
 *   `topics-corrupt`, `topics-permission` or `disk-full`.
 * @example
 * const log = await openEmbedded('runs/7/topics');
 * await log.ensureTopics([{ name: 'prompts', partitions: 1 }]);
 * await log.append([{ topic: 'prompts', key: 'a', value: bytes }]);
 */
export async function openEmbedded(folder: string, options: OpenOptions = {}): Promise<TopicLog> {
  return (await load()).openEmbedded(folder, options);
}

/** Topics in the run's folder. */
export const embeddedStore = defineTopicStore({
  name: 'embedded',
  summary: "Topics in the run's folder, without a server. One process runs the pipeline; any number can read.",
  settings: z.strictObject({}),
  traits: () => ({ multiProcess: false, location: 'folder', partitions: 1, weights: 'folder' }),
  open: (_, { folder }, options) => openEmbedded(folder, options),
  findDamage: async (_, { folder }, gapless) => (await import('./check.js')).checkEmbedded(folder, gapless),
  purge: async (_, { folder }) => (await import('./rewrite.js')).rewriteEmbedded(folder),
});
