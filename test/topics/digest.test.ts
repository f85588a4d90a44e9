import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  type Append,
  codecFor,
  type DeadLetter,
  openEmbedded,
  type Privileged,
  type Prompt,
  type TopicRecords,
  topicDigest,
} from '../../src/topics/index.js';
import { temporaryFolder } from './folder.js';

const prompt = (run: string, n: number, text = `${n} + 1?`): Prompt => ({
  run,
  promptId: `p${n}`,
  itemId: `i${n}`,
  sequence: BigInt(n),
  step: 0,
  messages: [{ role: 'user', content: text }],
  seed: 7n,
  source: 'chain-sum',
  level: null,
});

function record<K extends keyof TopicRecords>(topic: K, key: string, value: TopicRecords[K], headers = {}): Append {
  const { encode, fingerprint } = codecFor(topic);
  return { topic, key, value: encode(value), headers: { schema: fingerprint, ...headers } };
}

async function digestOf(topic: string, appends: readonly Append[], partitions = 1, batch = appends.length) {
  const log = await openEmbedded(temporaryFolder());
  await log.ensureTopics([{ name: topic, partitions }]);
  for (let i = 0; i < appends.length; i += batch) await log.append(appends.slice(i, i + batch));
  const result = await topicDigest(log, topic);
  await log.close();
  return result;
}

describe('the digest of a topic', () => {
  const prompts = (run: string) => [0, 1, 2, 3, 4].map((n) => record('prompts', `p${n}`, prompt(run, n)));

  it('counts records, and does not depend on run, batches or time', async () => {
    const one = await digestOf('prompts', prompts('one'), 2);
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000 });
    const other = await digestOf('prompts', prompts('other'), 2, 1);
    vi.useRealTimers();
    expect(one).toEqual(other);
    expect(one).toMatchObject({ topic: 'prompts', count: 5, digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it('of metrics leaves out how long steps took, what was warned of, and the order of the stages', async () => {
    const metric = (stage: string, loss: number, seconds: number, message: string | null) =>
      record('metrics', stage, { run: 'r', stage, step: 0, time: seconds, values: { loss, seconds }, message });
    const one = await digestOf('metrics', [metric('learn', 1, 2, null), metric('evaluate', 3, 4, null)]);
    const other = await digestOf('metrics', [metric('evaluate', 3, 9, 'look'), metric('learn', 1, 7, null)]);
    const changed = await digestOf('metrics', [metric('learn', 1.5, 2, null), metric('evaluate', 3, 4, null)]);
    expect(one).toEqual(other);
    expect(one.digest).not.toBe(changed.digest);
  });

  it('depends on every field, key, order, partition, gap and header of the data', async () => {
    const base = prompts('r');
    const [first, second, ...rest] = base;
    if (!first || !second) throw new Error('too few');
    const variants = [
      [base, 1],
      [base, 2],
      [[second, first, ...rest], 1],
      [[{ ...first, key: 'x' }, second, ...rest], 1],
      [[record('prompts', 'p0', prompt('r', 0, 'other')), second, ...rest], 1],
      [[record('prompts', 'p0', prompt('r', 0), { tenant: 'a' }), second, ...rest], 1],
      [[...base, { topic: 'prompts', key: 'p9', value: null }], 1],
      [[first, second], 1],
    ] as const;
    const digests = await Promise.all(
      variants.map(async ([appends, n]) => (await digestOf('prompts', appends, n)).digest),
    );
    expect(new Set(digests).size).toBe(variants.length);
  });

  it('does not depend on transport headers', async () => {
    const traced = [record('prompts', 'p', prompt('r', 0), { traceparent: '00-1', tracestate: 'x' })];
    expect(await digestOf('prompts', traced)).toEqual(
      await digestOf('prompts', [record('prompts', 'p', prompt('r', 0))]),
    );
  });

  it('ignores times in the record', async () => {
    const document = (time: number, content: string): Privileged => ({
      run: 'r',
      documentId: 'd',
      itemId: null,
      kind: 'document',
      version: 'v',
      title: '',
      content,
      start: 0,
      end: 1,
      label: null,
      source: 's',
      time,
    });
    const at = async (time: number, content: string) =>
      digestOf('privileged', [record('privileged', 'd', document(time, content))]);
    expect(await at(1, 'a')).toEqual(await at(2_000_000_000_000, 'a'));
    expect(await at(1, 'a')).not.toEqual(await at(1, 'b'));
  });

  it('ignores run and times of a dead letter and of the record in it', async () => {
    const letter = (run: string, time: number, value: Uint8Array | null, content = 'x'): DeadLetter => ({
      run,
      id: 'id',
      stage: 'rollout',
      cause: 'prompt-too-long',
      error: content,
      topic: 'prompts',
      partition: 0,
      offset: 3n,
      key: 'p',
      value,
      headers: { schema: codecFor('prompts').fingerprint },
      attempts: 1,
      time,
    });
    const of = (dead: DeadLetter) => digestOf('dead-letters', [record('dead-letters', 'id', dead)]);
    const { encode } = codecFor('prompts');
    const one = await of(letter('a', 1, encode(prompt('a', 0))));
    expect(await of(letter('b', 2, encode(prompt('b', 0))))).toEqual(one);
    expect(await of(letter('b', 2, encode(prompt('b', 1))))).not.toEqual(one);
    const garbage = await of(letter('a', 1, new Uint8Array([1, 2, 3])));
    expect(await of(letter('a', 1, new Uint8Array([1, 2, 4])))).not.toEqual(garbage);
  });

  it('hashes the bytes of a topic without a schema', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.uint8Array(), async (a, b) => {
        const of = (value: Uint8Array) => digestOf('mine', [{ topic: 'mine', key: 'k', value }]);
        const same = Buffer.from(a).equals(b);
        expect((await of(a)).digest === (await of(b)).digest).toBe(same);
      }),
      { numRuns: 10 },
    );
  });

  it('requires the topic to exist', async () => {
    const log = await openEmbedded(temporaryFolder());
    await expect(topicDigest(log, 'nothing')).rejects.toMatchObject({ code: 'unknown-topic' });
    await log.close();
  });
});
