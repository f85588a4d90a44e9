import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codecFor } from '../../../../src/records/codec.js';
import type { Reference } from '../../../../src/records/records.js';
import { openEmbedded } from '../../../../src/topics/embedded/index.js';
import { framed } from '../../../../src/topics/kafka/schema-registry/framing.js';
import { openRegistry } from '../../../../src/topics/kafka/schema-registry/registry.js';
import type { TopicLog } from '../../../../src/topics/log.js';
import { startRegistry } from './registry-server.js';

const codec = codecFor('references');
const reference: Reference = { run: 'r', itemId: 'i', answer: '4', data: null, hash: 'h' };
const record = {
  topic: 'references',
  key: 'i',
  value: codec.encode(reference),
  headers: { schema: codec.fingerprint },
};

// The frames are the same on every log; the embedded one is at hand without a broker.
describe('values in the wire format of a schema registry', () => {
  let registry: Awaited<ReturnType<typeof startRegistry>>;
  let folder: string;
  let inner: TopicLog;
  let log: TopicLog;
  beforeEach(async () => {
    registry = await startRegistry();
    folder = mkdtempSync(join(tmpdir(), 'rlsd-framing-'));
    inner = await openEmbedded(folder);
    log = framed(inner, openRegistry({ url: `${registry.url}/` }), 'p.');
  });
  afterEach(async () => {
    await inner.close();
    await registry.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const specs = [{ name: 'references', partitions: 1 }];

  it('are a zero byte, the id, and the Avro bytes; callers see the Avro bytes', async () => {
    await log.ensureTopics(specs);
    expect([...registry.subjects.keys()]).toEqual(['p.references-value']);
    await log.append([record]);
    const [stored] = await inner.read('references', 0, 0n, 1);
    expect([...(stored?.value?.subarray(0, 5) ?? [])]).toEqual([0, 0, 0, 0, 1]);
    expect(JSON.parse(registry.schemas[0] ?? '')).toEqual(codec.schema);
    const [seen] = await log.read('references', 0, 0n, 1);
    expect(seen?.headers).toEqual(record.headers);
    expect(codec.decode(seen?.value ?? new Uint8Array(), seen?.headers.schema)).toEqual(reference);
  });

  it('pass through a consumer, with one lookup per id', async () => {
    await log.ensureTopics(specs);
    await log.append([record, record]);
    const consumer = await log.consumer('g', ['references']);
    const records = await consumer.poll(2, 5000);
    const last = records[1];
    await consumer.commit({
      appends: [record],
      offsets: [{ topic: 'references', partition: 0, offset: (last?.offset ?? 0n) + 1n }],
    });
    const [third] = await consumer.poll(1, 5000);
    expect(codec.decode(third?.value ?? new Uint8Array(), third?.headers.schema)).toEqual(reference);
    expect(registry.requests).toHaveLength(2);
    await consumer.close();
  });

  it('from another producer get the fingerprint of their schema', async () => {
    await log.ensureTopics(specs);
    const value = Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), codec.encode(reference)]);
    await inner.append([{ topic: 'references', key: 'i', value }]);
    const [seen] = await log.read('references', 0, 0n, 1);
    expect(codec.decode(seen?.value ?? new Uint8Array(), seen?.headers.schema)).toEqual(reference);
  });

  it('under an id that the registry does not have are an unknown schema', async () => {
    await log.ensureTopics(specs);
    const value = Buffer.concat([Buffer.from([0, 0, 0, 0, 99]), codec.encode(reference)]);
    await inner.append([{ topic: 'references', key: 'i', value }]);
    const [seen] = await log.read('references', 0, 0n, 1);
    const decode = () => codec.decode(seen?.value ?? new Uint8Array(), seen?.headers.schema);
    expect(decode).toThrow(/id 99, which is not in the registry/);
  });

  it('are dropped if their partition is revoked during the lookup', async () => {
    await inner.ensureTopics(specs);
    const value = Buffer.concat([Buffer.from([0, 0, 0, 0, 99]), codec.encode(reference)]);
    await inner.append([{ topic: 'references', key: 'i', value }]);
    const consumer = await inner.consumer('g', ['references']);
    let takeAway = () => {};
    const onRevoked: typeof consumer.onRevoked = (listener) => {
      takeAway = () => listener(consumer.assigned());
    };
    const asking = { ...openRegistry({ url: registry.url }), byId: async () => void takeAway() };
    const seen = await framed({ ...inner, consumer: async () => ({ ...consumer, onRevoked }) }, asking, '').consumer(
      'g',
      ['references'],
    );
    expect(await seen.poll(1, 5000)).toEqual([]);
  });

  it('do not affect earlier records, tombstones and other topics', async () => {
    await log.ensureTopics([...specs, { name: 'other', partitions: 1 }]);
    await inner.append([record]);
    await log.append([
      { ...record, value: null },
      { topic: 'other', key: 'k', value: new Uint8Array([0, 1, 2, 3, 4, 5]) },
    ]);
    const [before, tombstone] = await log.read('references', 0, 0n, 2);
    expect(codec.decode(before?.value ?? new Uint8Array(), before?.headers.schema)).toEqual(reference);
    expect(tombstone?.value).toBeNull();
    const [other] = await log.read('other', 0, 0n, 1);
    expect([...(other?.value ?? [])]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('are rejected before a topic is created if the schema is incompatible', async () => {
    const fields = [{ name: 'somethingElse', type: 'string' }];
    registry.subjects.set('p.references-value', [JSON.stringify({ ...codec.schema, fields })]);
    const ensuring = log.ensureTopics(specs);
    await expect(ensuring).rejects.toMatchObject({ code: 'schema-incompatible' });
    await expect(ensuring).rejects.toThrow(/p\.references-value/);
    expect(await inner.describe()).toEqual([]);
  });

  it('require a reachable registry', async () => {
    const lost = framed(inner, openRegistry({ url: 'http://127.0.0.1:1' }), '');
    const ensuring = lost.ensureTopics(specs);
    await expect(ensuring).rejects.toMatchObject({ code: 'registry-unreachable' });
    await expect(ensuring).rejects.toThrow('http://127.0.0.1:1');
  });
});
