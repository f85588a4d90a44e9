import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import { exportRun } from '../../src/runs/bundle/export.js';
import { importRun } from '../../src/runs/bundle/import.js';
import { readDeadLetters } from '../../src/runs/inspect/dead-letters.js';
import { stageLag } from '../../src/runs/inspect/lag.js';
import { openRunFolder } from '../../src/runs/inspect/run-folder.js';
import { runPipeline, type Summary } from '../../src/runs/run.js';
import { embeddedStore } from '../../src/topics/embedded/store-kind.js';
import type { Append, TopicLog } from '../../src/topics/log.js';
import type { TopicStore } from '../../src/topics/store.js';
import { constantEngine, newTinyFolder, sums, tinyPipeline } from './tiny-run.js';

/** A foreign record, given one that the run itself has just written to the same topic. */
type Forge = (own: Append) => Append;

const bytes = new TextEncoder().encode('no record of ours');
const forgeries: readonly Forge[] = [
  (own) => own,
  ({ headers: _, ...own }) => own,
  ({ topic }) => ({ topic, key: 'foreign', value: null }),
  ({ topic, key }) => ({ topic, key, value: null }),
  ({ topic }) => ({ topic, key: 'foreign', value: bytes }),
  ({ topic, key }) => ({ topic, key, value: bytes }),
  (own) => ({ ...own, value: bytes }),
  (own) => ({ ...own, value: null, headers: { ...own.headers, gap: 'foreign' } }),
  (own) => ({ ...own, headers: { ...own.headers, schema: '0'.repeat(16) } }),
  (own) => ({ ...own, key: 'foreign', headers: { ...own.headers, step: '1000000' } }),
  (own) => ({ ...own, key: 'foreign', headers: { ...own.headers, step: 'x', of: 'y' } }),
];

/** The embedded topics, with the forgeries written right after the run's own first transaction to `topic`. */
function polluted(topic: string): TopicStore {
  const store = embeddedStore.bind({});
  return {
    ...store,
    async open(place, options) {
      const log = await store.open(place, options);
      if (options?.readOnly) return log;
      let isPolluted = false;
      const after = async (appends: readonly Append[]) => {
        const own = appends.find((append) => append.topic === topic);
        if (!own || isPolluted) return;
        isPolluted = true;
        await log.append(forgeries.map((forge) => forge(own)));
      };
      const joined: TopicLog['consumer'] = async (group, topics) => {
        const consumer = await log.consumer(group, topics);
        return {
          ...consumer,
          async commit(transaction) {
            await consumer.commit(transaction);
            await after(transaction.appends);
          },
        };
      };
      return {
        ...log,
        consumer: joined,
        async append(appends) {
          const positions = await log.append(appends);
          await after(appends);
          return positions;
        },
      };
    },
  };
}

let base: string;
let alone: Summary;
const spec = checkSpec({
  ...tinyPipeline,
  model: { base: 'model', engine: { module: constantEngine } },
});
const runOn = (name: string, store: TopicStore) =>
  runPipeline({ plan: planOf(spec, base, [], { store }), folder: join(base, name) });

beforeAll(async () => {
  base = newTinyFolder(['no JSON', ...sums(40)]);
  alone = await runOn('alone', embeddedStore.bind({}));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

const topics = [
  'source',
  'prompts',
  'references',
  'privileged',
  'rollouts',
  'verdicts',
  'teacher-scores',
  'advantages',
  'weights',
  'metrics',
  'dead-letters',
  'evaluations',
];

const processed = ['prompts', 'rollouts', 'verdicts', 'teacher-scores', 'advantages', 'weights'];
const foreseen = ['duplicate', 'no-value', 'bad-record', 'unknown-schema', 'bad-prompt-line'];
const causeOf = ({ cause }: { readonly cause: string }): string => cause;

it.each(topics)('foreign records on topic %s change neither the run nor its commands', async (topic) => {
  const folder = join(base, topic);
  const plan = planOf(spec, base, [], { store: polluted(topic) });
  const summary = await runPipeline({ plan, folder });
  expect(summary.weights).toMatchObject({ version: 4, digest: alone.weights.digest });
  expect(summary.heldOut).toEqual(alone.heldOut);
  expect(summary.reward).toEqual(alone.reward);
  const run = await openRunFolder(folder);
  try {
    expect((await stageLag(run.plan, run.log)).filter(({ lag }) => lag > 0)).toEqual([]);
    const causes = new Set((await readDeadLetters(run)).filter((letter) => letter.topic === topic).map(causeOf));
    // Of a step that was trained already, the learner passes over everything.
    expect([...causes].filter((cause) => !foreseen.includes(cause))).toEqual([]);
    if (processed.includes(topic)) expect(causes).toContain('bad-record');
  } finally {
    await run.log.close();
  }
  const bundle = join(base, `${topic}.tar`);
  const { records } = await exportRun(folder, { to: bundle });
  expect(await importRun(bundle, join(base, `${topic} again`), { trust: true })).toMatchObject({ records });
});
