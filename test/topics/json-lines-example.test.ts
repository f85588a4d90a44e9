import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FencedError, TopicMismatchError } from 'rlsd-streams/topics';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadTopicStore } from '../../src/topics/registry.js';
import type { TopicStore } from '../../src/topics/store.js';
import { conformance } from './conformance.js';

const examples = join(import.meta.dirname, '../../examples');
let store: TopicStore;
beforeAll(async () => {
  store = (await loadTopicStore('topics/json-lines/store.mjs', examples)).bind({});
});

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'rlsd-json-lines-'));

conformance(
  'examples/topics/json-lines',
  async () => {
    const place = { folder: newFolder(), run: 'test' };
    let log = await store.open(place);
    return {
      log,
      async reopen() {
        await log.close();
        log = await store.open(place);
        return log;
      },
      async cleanup() {
        await log.close();
        rmSync(place.folder, { recursive: true, force: true });
      },
    };
  },
  { FencedError, TopicMismatchError },
);

describe('the file of examples/topics/json-lines', () => {
  let place: { readonly folder: string; readonly run: string };
  beforeEach(() => {
    place = { folder: newFolder(), run: 'test' };
  });
  afterEach(() => rmSync(place.folder, { recursive: true, force: true }));
  const file = () => join(place.folder, 'topics.jsonl');
  const topic = { name: 'in', partitions: 1 };
  const record = (key: string) => ({ topic: 'in', key, value: new Uint8Array([1]) });

  it('has one line per transaction', async () => {
    const log = await store.open(place);
    await log.ensureTopics([topic]);
    await log.append([record('a'), record('b')]);
    await log.close();
    expect(readFileSync(file(), 'utf8').trimEnd().split('\n')).toHaveLength(2);
  });

  it('loses only the transaction that was truncated', async () => {
    const log = await store.open(place);
    await log.ensureTopics([topic]);
    await log.append([record('a')]);
    await log.close();
    appendFileSync(file(), '{"appends":[{"topic":"in","key":"b"');
    const again = await store.open(place);
    await again.append([record('c')]);
    expect((await again.read('in', 0, 0n, 9)).map(({ key }) => key)).toEqual(['a', 'c']);
    await again.close();
    const third = await store.open(place, { readOnly: true });
    expect((await third.read('in', 0, 0n, 9)).map(({ key }) => key)).toEqual(['a', 'c']);
    await third.close();
  });

  it('can be read next to its only writer', async () => {
    const log = await store.open(place);
    await log.ensureTopics([topic]);
    const reader = await store.open(place, { readOnly: true });
    await log.append([record('a')]);
    expect(await reader.read('in', 0, 0n, 9)).toHaveLength(1);
    await reader.close();
    await log.close();
    writeFileSync(join(place.folder, 'writer.pid'), `${process.ppid}`);
    await expect(store.open(place)).rejects.toMatchObject({ code: 'topics-locked' });
  });

  it('applies the size limit of a topic', async () => {
    const log = await store.open(place);
    await log.ensureTopics([{ ...topic, retention: { bytes: 2 } }]);
    await log.append(['a', 'b', 'c'].map(record));
    expect((await log.read('in', 0, 0n, 9)).map(({ key }) => key)).toEqual(['b', 'c']);
    expect((await log.describe())[0]?.bounds).toEqual([{ start: 1n, end: 3n }]);
    await log.close();
  });
});
