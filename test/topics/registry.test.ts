import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadTopicStore, storeOf, topicStore, topicStores } from '../../src/topics/registry.js';
import { defineTopicStore } from '../../src/topics/store.js';

const place = { folder: '/runs/7/topics', run: '7' };

describe('the registry of topic stores', () => {
  it('lists each store once, with a summary', () => {
    expect(topicStores.map(({ name }) => name)).toEqual(['embedded', 'kafka']);
    for (const { summary } of topicStores) expect(summary).toMatch(/\.$/);
  });

  it('finds a store by its name and settings', () => {
    expect(storeOf('embedded').name).toBe('embedded');
    expect(storeOf({ kafka: { brokers: 'a:1' } }).name).toBe('kafka');
  });

  it.each([
    ['imbedded', /found "imbedded"; did you mean embedded\?/],
    ['sqlite', /found "sqlite"; expected one of embedded, kafka, or a module/],
    [{ kafak: {} }, /did you mean kafka\?/],
    [{}, /found nothing, expected one store/],
    [{ kafka: {}, embedded: {} }, /found kafka, embedded, expected one store/],
    [{ kafka: { brokers: 'a' } }, /^topics\.kafka\.brokers\[0\]: found "a", expected "host:port"|brokers/],
    [{ embedded: { path: 'x' } }, /^topics\.embedded\.path: unknown field/],
  ])('refuses %j', (topics, message) => {
    expect(() => storeOf(topics)).toThrow(message);
  });
});

describe('traits', () => {
  it('of the embedded store: one process, in the folder', () => {
    expect(topicStore('embedded').traits).toEqual({
      multiProcess: false,
      location: 'folder',
      partitions: 1,
      weights: 'folder',
    });
  });

  it.each([
    [{}, { partitions: 6, weights: 'topics' }],
    [{ partitions: 3 }, { partitions: 3, weights: 'topics' }],
    [{ sharedFolder: true }, { partitions: 6, weights: 'folder' }],
  ])('of Kafka follow from its settings: %j', (settings, expected) => {
    const { traits } = topicStore('kafka', { brokers: 'a:1', ...settings });
    expect(traits).toEqual({ multiProcess: true, location: 'server', ...expected });
  });
});

describe('the dataset of a topic', () => {
  it('is a path for a store in a folder', () => {
    expect(topicStore('embedded').dataset(place, 'verdicts')).toEqual({
      namespace: 'file',
      name: '/runs/7/topics/verdicts',
    });
  });

  it('is the first broker and the full name on Kafka', () => {
    const store = topicStore('kafka', { brokers: 'a:1,b:2', topicPrefix: 'team.' });
    expect(store.dataset(place, 'verdicts')).toEqual({ namespace: 'kafka://a:1', name: 'team.7.verdicts' });
  });

  it('rejects a run name that is invalid in Kafka topics', () => {
    const store = topicStore('kafka', { brokers: 'a:1' });
    expect(() => store.dataset({ ...place, run: 'a b' }, 'verdicts')).toThrow(/run "a b".*expected letters/);
  });
});

describe('a custom store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-store-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

  it('needs only settings, traits and open', async () => {
    const kind = defineTopicStore({
      name: 'mine',
      summary: 'Mine.',
      settings: z.strictObject({ size: z.int().default(4) }),
      traits: ({ size }) => ({ multiProcess: false, location: 'folder', partitions: size, weights: 'folder' }),
      open: async () => {
        throw new Error('not opened here');
      },
    });
    const store = kind.bind({});
    expect(store.traits.partitions).toBe(4);
    expect(await store.check(place, [])).toEqual([]);
    expect(await store.findDamage(place, true)).toBeUndefined();
    expect(await store.purge(place)).toBeUndefined();
    expect(() => kind.bind({ sise: 3 })).toThrow('topics.mine.sise: unknown field; did you mean size?');
  });

  it('is loaded from a module', async () => {
    write('good.mjs', "export default { name: 'good', summary: 'Good.', bind: () => ({ name: 'good' }) };");
    expect((await loadTopicStore('./good.mjs', folder)).name).toBe('good');
  });

  it.each([
    ['empty.mjs', '', /the default export of .*empty\.mjs is missing; expected what defineTopicStore returns/],
    ['text.mjs', "export default 'x';", /is of type string/],
    ['broken.mjs', "throw new Error('boom');", /broken\.mjs cannot be loaded: boom/],
  ])('is refused: %s', async (name, text, message) => {
    write(name, text);
    await expect(loadTopicStore(name, folder)).rejects.toThrow(message);
  });

  it('is named in the error if it is missing', async () => {
    await expect(loadTopicStore('none.mjs', folder)).rejects.toMatchObject({ code: 'bad-module' });
  });
});
