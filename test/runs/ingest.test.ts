import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Feedback, noFeedback } from '../../src/pipelines/feeds/feedback.js';
import { ingest } from '../../src/pipelines/feeds/ingest.js';
import { promptFeed } from '../../src/pipelines/feeds/prompts.js';
import { openSources } from '../../src/pipelines/feeds/sources.js';
import { tokenAppend } from '../../src/pipelines/feeds/token.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import { learnOf, stepsOf } from '../../src/pipelines/spec/sections.js';
import { openEmbedded } from '../../src/topics/embedded/index.js';
import type { Consumer, TopicLog } from '../../src/topics/log.js';
import { fromRecord } from '../../src/topics/record-codec.js';
import { storeOf } from '../../src/topics/registry.js';
import { tinyPipeline } from './tiny-run.js';

let folder: string;
let log: TopicLog;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rlsd-ingest-'));
  log = await openEmbedded(folder);
  const names = ['source', 'prompts', 'references', 'privileged', 'dead-letters'];
  await log.ensureTopics(names.map((name) => ({ name, partitions: 1 })));
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

const spec = checkSpec({ ...tinyPipeline, steps: 4, prompts: { generate: 'chain-sum', heldOut: 0 } });
const table = { catchUp: async () => {}, document: async () => undefined };
const write = async (
  consumer: Consumer,
  signal = new AbortController().signal,
  feedback: Feedback = noFeedback(spec),
) => {
  const environment = {
    name: 'ingest',
    log,
    spec,
    store: storeOf(spec.topics),
    feedback,
    published: async () => {},
    table,
    run: 'r',
    now: () => 0,
  };
  const { tasks } = await openSources(spec, folder);
  await ingest(promptFeed(tasks, environment), consumer, environment, signal);
};
const sequences = async () =>
  (await log.read('prompts', 0, 0n, 100)).map(({ value, ...rest }) =>
    value === null ? null : Number(fromRecord('prompts', { ...rest, value }).sequence),
  );
const allOnce = Array.from({ length: stepsOf(spec) * learnOf(spec).prompts }, (_, n) => n);

describe('the prompts of a run', () => {
  it('are written once by one process after another', async () => {
    await write(await log.consumer('ingest', ['source']));
    expect(await sequences()).toEqual(allOnce);
  });

  it('are written once if two processes start at the same moment', async () => {
    const consumer = await log.consumer('ingest', ['source']);
    let commits = 0;
    await write({
      ...consumer,
      async commit(transaction) {
        await consumer.commit(transaction);
        if (commits++ === 0) await log.append([tokenAppend({ places: new Map(), sequence: 0n })]);
      },
    });
    expect(await sequences()).toEqual(allOnce);
  });

  it('are written once if another process wrote some and left, just after this one had written', async () => {
    const consumer = await log.consumer('ingest', ['source']);
    const other = async () => {
      const given = await consumer.poll(1, 0);
      const gone = new AbortController();
      const once: Consumer = {
        ...consumer,
        poll: async () => given.splice(0),
        async commit(transaction) {
          await consumer.commit(transaction);
          gone.abort();
        },
      };
      await write(once, gone.signal);
    };
    let commits = 0;
    await write({
      ...consumer,
      async commit(transaction) {
        await consumer.commit(transaction);
        if (commits++ === 0) await other();
      },
    });
    // One of the steps was the other's.
    expect(commits).toBe(stepsOf(spec) - 1);
    expect(await sequences()).toEqual(allOnce);
  });

  it('are chosen by what is known, also where a process continues in the middle of a step', async () => {
    await log.append([tokenAppend({ places: new Map(), sequence: 3n, round: 1 })]);
    const asked: string[] = [];
    const feedback: Feedback = {
      ...noFeedback(spec),
      prepare: async (step) => void asked.push(`prepare ${step}`),
      quota: async ({ step, taken, round }) => {
        asked.push(`quota ${step}, ${taken} taken, round ${round}`);
        return learnOf(spec).prompts - taken;
      },
    };
    await write(await log.consumer('ingest', ['source']), undefined, feedback);
    expect(asked.slice(0, 3)).toEqual(['prepare 1', 'quota 1, 1 taken, round 1', 'prepare 2']);
    expect(await sequences()).toEqual([3, 4, 5, 6, 7]);
  });
});
