import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { noFeedback } from '../../../src/pipelines/feeds/feedback.js';
import { ingest } from '../../../src/pipelines/feeds/ingest.js';
import { promptFeed } from '../../../src/pipelines/feeds/prompts.js';
import { openSources } from '../../../src/pipelines/feeds/sources.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { openEmbedded } from '../../../src/topics/embedded/index.js';
import type { TopicLog } from '../../../src/topics/log.js';
import { fromRecord, type TopicName } from '../../../src/topics/record-codec.js';
import { storeOf } from '../../../src/topics/registry.js';
import { scan } from '../../../src/topics/scan.js';
import { tinyPipeline } from '../../runs/tiny-run.js';

/** A folder and a log with the topics of an ingest stage and one of prompts. */
async function place(partitions = 1) {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-feed-'));
  const log = await openEmbedded(join(folder, 'topics'));
  onTestFinished(async () => {
    await log.close();
    rmSync(folder, { recursive: true });
  });
  const names = ['source', 'prompts', 'references', 'privileged', 'dead-letters'];
  await log.ensureTopics([...names.map((name) => ({ name, partitions: 1 })), { name: 'questions', partitions }]);
  return { folder, log };
}

const written = async <K extends TopicName>(log: TopicLog, topic: K) => {
  const found = [];
  for await (const { value, ...record } of scan(log, topic, 0))
    if (value !== null) found.push(fromRecord(topic, { ...record, value }));
  return found;
};

/** Runs the ingest stage to its end, or until it has nothing to read. */
async function run({ folder, log }: { folder: string; log: TopicLog }, change: object) {
  const spec = checkSpec({ ...tinyPipeline, ...change });
  const { tasks } = await openSources(spec, folder);
  const stop = new AbortController();
  const environment = {
    ...{ name: 'ingest', log, spec, store: storeOf(spec.topics), run: 'r', feedback: noFeedback(spec) },
    now: () => 0,
    published: async () => {},
    table: { catchUp: async () => {}, document: async () => undefined },
    onIdle: (isIdle: boolean) => {
      if (isIdle) stop.abort();
    },
  };
  const consumer = await log.consumer('ingest', ['source']);
  await ingest(promptFeed(tasks, environment), consumer, environment, stop.signal);
  await consumer.close();
}

describe('the prompts of several passes', () => {
  it('have different ids, whatever the ids of the file are', async () => {
    const there = await place();
    const items = ['a', 'a#1', 'a#1#0', '#1', 'a/1', '__proto__', 'constructor', 'é\n', 'x'.repeat(900)];
    const rows = items.map((id) => JSON.stringify({ id, question: `${id}?` }));
    writeFileSync(join(there.folder, 'p.jsonl'), rows.join('\n'));
    await run(there, {
      prompts: { file: 'p.jsonl' },
      steps: 3,
      learn: { ...tinyPipeline.learn, prompts: items.length },
    });
    const ids = (await written(there.log, 'prompts')).map(({ promptId }) => promptId);
    expect(new Set(ids).size).toBe(3 * items.length);
    expect(ids.filter((id) => id.startsWith('a/1'))).toEqual(['a/1', 'a/1#1', 'a/1#2']);
  });
});

describe('a topic of prompts', () => {
  const row = (id: string) => JSON.stringify({ id, question: `${id}?`, answer: '1' });
  const produce = (log: TopicLog, ...values: (string | Uint8Array | null)[]) =>
    log.append(
      values.map((value, n) => ({
        topic: 'questions',
        key: String(n),
        value: typeof value === 'string' ? Buffer.from(value) : value,
      })),
    );
  const prompts = { topic: 'questions' };

  it('is read once, and what is wrong with it is told of', async () => {
    const there = await place();
    await produce(there.log, row('a'), row('a'), 'broken', null, Buffer.from([0xff]), row('b'), '{"question":"c?"}');
    await produce(there.log, row('b'), '{"question":"c?"}', row('d'));
    await run(there, { prompts, steps: 2 });
    expect((await written(there.log, 'prompts')).map(({ messages }) => messages[0]?.content)).toEqual([
      ...['a?', 'b?', 'c?', 'd?'],
    ]);
    const letters = await written(there.log, 'dead-letters');
    expect(letters.map(({ cause, error, topic, offset }) => [cause, error, topic, Number(offset)])).toEqual([
      ['duplicate', 'questions/0@1: id: found a again; the first record counts', 'questions', 1],
      ['bad-prompt-line', expect.stringMatching(/^questions\/0@2: not JSON/), 'questions', 2],
      ['bad-prompt-line', 'questions/0@3: found no value, expected a prompt', 'questions', 3],
      ['bad-prompt-line', 'questions/0@4: found bytes that are not UTF-8, expected UTF-8', 'questions', 4],
      ['duplicate', 'questions/0@7: id: found b again; the first record counts', 'questions', 7],
      ['duplicate', expect.stringMatching(/^questions\/0@8: id: found [0-9a-f]{16} again/), 'questions', 8],
    ]);
  });

  it('goes on where it was, with what it had before', async () => {
    const there = await place(3);
    await produce(there.log, ...['a', 'b', 'c', 'd', 'e'].map(row));
    await run(there, { prompts, steps: 8 });
    const first = (await written(there.log, 'prompts')).map(({ promptId }) => promptId);
    expect(first).toHaveLength(4);
    await produce(there.log, ...['f', 'c', 'g', 'h'].map(row), 'broken');
    await run(there, { prompts, steps: 8 });
    const all = (await written(there.log, 'prompts')).map(({ promptId }) => promptId);
    expect(all.slice(0, 4)).toEqual(first);
    expect([...all].sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
    expect((await written(there.log, 'dead-letters')).map(({ cause }) => cause).sort()).toEqual([
      'bad-prompt-line',
      'duplicate',
    ]);
  });

  it('writes its dead letters although no prompt comes', async () => {
    const there = await place();
    await produce(there.log, 'broken');
    await run(there, { prompts, steps: 2 });
    expect(await written(there.log, 'dead-letters')).toHaveLength(1);
    await run(there, { prompts, steps: 2 });
    expect(await written(there.log, 'dead-letters')).toHaveLength(1);
  });

  it('leaves out the held-out questions of a file, and ends at a limit', async () => {
    const there = await place();
    writeFileSync(join(there.folder, 'test.jsonl'), row('b'));
    await produce(there.log, ...['a', 'b', 'c', 'd'].map(row));
    const change = { prompts: { ...prompts, heldOut: { file: 'test.jsonl' }, limit: 2 } };
    await run(there, { ...change, steps: undefined, learn: undefined, shape: undefined });
    expect((await written(there.log, 'prompts')).map(({ promptId }) => promptId)).toEqual(['a', 'c']);
  });

  it('is mixed with a file, which goes on alone while the topic has nothing', async () => {
    const there = await place();
    writeFileSync(join(there.folder, 'p.jsonl'), [row('x'), row('y'), row('z')].join('\n'));
    await produce(there.log, row('a'), row('b'));
    const tasks = {
      live: { prompts, weight: 1 },
      file: { prompts: { file: 'p.jsonl', shuffle: false }, weight: 1 },
    };
    const change = { prompts: undefined, tasks, steps: 4, learn: { ...tinyPipeline.learn, prompts: 2 } };
    await run(there, change);
    expect((await written(there.log, 'prompts')).map(({ promptId }) => promptId)).toEqual([
      ...['live/a', 'file/x', 'live/b', 'file/y', 'file/z', 'file/x#1', 'file/y#1', 'file/z#1'],
    ]);
  });

  it('that does not exist is told by name', async () => {
    await expect(run(await place(), { prompts: { topic: 'qestions' } })).rejects.toMatchObject({ code: 'no-topic' });
  });
});
