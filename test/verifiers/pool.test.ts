import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPool, type Pool } from '../../src/verifiers/pool.js';

const question = (completion: string) => ({
  promptId: 'p',
  itemId: 'i',
  question: '',
  completion,
  reference: { answer: '', data: null },
});

const format = { pattern: 'a+b?' };
const exploding = { pattern: '(a+)+' };
const bomb = `${'a'.repeat(60)}!`;

function residentMiB(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024;
}

describe('the pool of workers', () => {
  let pool: Pool;
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-pool-'));
  beforeAll(() => {
    pool = openPool(2);
  });
  afterAll(() => pool.close());

  it('judges 10,000 mixed items, one in a hundred hanging, each right, with no worker lost and memory flat', async () => {
    const schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
    const judged = async (i: number): Promise<string> => {
      if (i % 100 === 99)
        return (await pool.run({ kind: 'format', settings: exploding, question: question(bomb) }, 0.05)).verdict;
      const good = i % 3 === 0;
      const item =
        i % 2 === 0
          ? { kind: 'format', settings: format, question: question(good ? 'aab' : 'ba') }
          : { kind: 'json-schema', settings: { schema }, question: question(good ? '{"n": 1}' : '{"n": "1"}') };
      return (await pool.run(item, 5)).verdict;
    };
    const expected = (i: number) => (i % 100 === 99 ? 'timeout' : i % 3 === 0 ? 'correct' : 'incorrect');
    const wrong: string[] = [];
    const memory: number[] = [];
    const size = 1000;
    for (let start = 0; start < 10_000; start += size) {
      const verdicts = await Promise.all(Array.from({ length: size }, (_, i) => judged(start + i)));
      verdicts.forEach((verdict, i) => {
        if (verdict !== expected(start + i)) wrong.push(`${start + i}: ${verdict}`);
      });
      memory.push(residentMiB());
    }
    expect(wrong).toEqual([]);
    expect(pool.state.replaced).toBe(100);
    expect(pool.state.alive).toBeLessThanOrEqual(2);
    expect((memory.at(-1) ?? 0) - (memory[2] ?? 0)).toBeLessThan(50);
  }, 400_000);

  it('tries an item that its worker died under once more, and calls it a crash where that dies too', async () => {
    const module = join(folder, 'dies.mjs');
    writeFileSync(module, 'export default () => process.abort();');
    const judgement = await pool.run({ kind: 'function', settings: { module }, question: question('') }, 5);
    expect(judgement.verdict).toBe('crash');
    const next = await pool.run({ kind: 'format', settings: format, question: question('ab') }, 5);
    expect(next.verdict).toBe('correct');
  });

  it('rejects where the verifier itself fails', async () => {
    const module = join(folder, 'throws.mjs');
    writeFileSync(module, 'export default () => { throw new Error("no such table"); };');
    await expect(pool.run({ kind: 'function', settings: { module }, question: question('') }, 5)).rejects.toThrow(
      'no such table',
    );
  });

  it('gives up an item on a signal, and goes on', async () => {
    const stop = new AbortController();
    const module = join(folder, 'waits.mjs');
    writeFileSync(module, 'export default () => new Promise(() => setInterval(() => {}, 1000));');
    const judged = pool.run({ kind: 'function', settings: { module }, question: question('') }, 60, stop.signal);
    const other = pool.run({ kind: 'format', settings: format, question: question('ab') }, 5);
    expect((await other).verdict).toBe('correct');
    stop.abort(new Error('enough'));
    await expect(judged).rejects.toThrow('enough');
  });

  it('rejects what is left when it closes', async () => {
    const small = openPool(1);
    const judged = [0, 1, 2].map(() =>
      small.run({ kind: 'format', settings: exploding, question: question(bomb) }, 60),
    );
    const settled = Promise.allSettled(judged);
    await small.close();
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(small.state.alive).toBe(0);
  });
});
