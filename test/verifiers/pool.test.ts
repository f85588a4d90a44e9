import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPool, type Pool } from '../../src/verifiers/pool.js';
import { probeSandbox } from '../../src/verifiers/sandbox/probe.js';

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

function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

/** A kind with settings and a reference, asked with one of the completions. */
function item(
  kind: string,
  settings: object,
  { answer = '', data }: { readonly answer?: string; readonly data?: object },
  ...completions: readonly string[]
) {
  const reference = { answer, data: data === undefined ? null : JSON.stringify(data) };
  return { ask: (n: number) => ({ kind, settings, question: { ...question(completions[n] ?? ''), reference } }) };
}

describe('the pool of workers', () => {
  let pool: Pool;
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-pool-'));
  beforeAll(() => {
    pool = openPool(2);
  });
  afterAll(() => pool.close());

  it('judges 10,000 mixed items of every kind, one in a hundred hanging, without an error or a memory leak', async () => {
    const python = (await probeSandbox()).length === 0;
    const block = (language: string, code: string) => `\`\`\`${language}\n${code}\n\`\`\``;
    const tests = { tests: [{ stdin: '2', stdout: '4' }] };
    const sql = {
      reference: 'select sum(a) from t',
      databases: ['create table t(a int); insert into t values (1), (2)'],
    };
    const schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
    const code = (languages: string[], seconds = 4) => ({ languages, limits: { seconds } });
    // Each kind with its settings, its reference, and a right, a wrong or an endless completion.
    const js = (n: string) => block('js', `console.log(readline() * ${n})`);
    const py = (n: string) => block('python', `print(int(input()) * ${n})`);
    const math = item('math', {}, { answer: '1/2' }, '\\boxed{0.5}', '\\boxed{0.6}');
    const exact = item('exact', {}, { answer: 'Paris' }, 'Paris', 'Rome');
    const numeric = item('numeric', {}, { answer: '0.5' }, '0.5', '0.6');
    const choice = item('choice', { choices: 4 }, { answer: 'B' }, 'The answer is B', 'The answer is C');
    const json = item('json-schema', { schema }, {}, '{"n": 1}', '{"n": "1"}');
    const shape = item('format', format, {}, 'aab', 'ba');
    const query = item('sql', {}, { data: sql }, block('sql', 'select 3'), block('sql', 'select 2'));
    const script = item('code', code(['javascript']), { data: tests }, js('2'), js('3'));
    const typed = item('compile', { languages: ['javascript'] }, {}, block('js', 'let x = 1'), block('js', 'let x ='));
    const boxed = python ? item('code', code(['python']), { data: tests }, py('2'), py('3')) : script;
    const quick = [math, exact, numeric, choice, json, shape];
    const kindOf = (i: number) => {
      if (i % 200 === 1) return boxed;
      if (i % 50 === 2) return query;
      if (i % 1000 === 3) return typed;
      return i % 10 === 4 ? script : (quick[i % quick.length] ?? shape);
    };
    const endlessForm = item('format', exploding, {}, bomb);
    const endlessSchema = item('json-schema', { schema: { pattern: '^(a+)+$' } }, {}, JSON.stringify(bomb));
    const endlessScript = item('code', code(['javascript'], 0.1), { data: tests }, block('js', 'for (;;);'));
    const product = block('sql', 'select count(*), 1 from range(100000000) a, range(1000000) b');
    const endlessQuery = item('sql', { seconds: 0.1 }, { data: sql }, product);
    // The first and last can only be ended with their worker, the others within it.
    const hanging = [
      endlessForm,
      endlessScript,
      endlessQuery,
      endlessScript,
      endlessQuery,
      endlessScript,
      endlessQuery,
      endlessSchema,
    ];
    const hangingAt = (i: number) => Math.floor(i / 100) % hanging.length;
    const judged = async (i: number): Promise<string> => {
      if (i % 100 === 99) {
        const at = hangingAt(i);
        const seconds = at === 0 || at === hanging.length - 1 ? 0.05 : 60;
        return (await pool.run((hanging[at] ?? endlessForm).ask(0), seconds)).verdict;
      }
      return (await pool.run(kindOf(i).ask(i % 3 === 0 ? 0 : 1), 60)).verdict;
    };
    const expected = (i: number) => (i % 100 === 99 ? 'timeout' : i % 3 === 0 ? 'correct' : 'incorrect');
    const wrong: string[] = [];
    const memory: number[] = [];
    const count = 10_000;
    const size = 1000;
    for (let start = 0; start < count; start += size) {
      const verdicts = await Promise.all(Array.from({ length: size }, (_, i) => judged(start + i)));
      verdicts.forEach((verdict, i) => {
        if (verdict !== expected(start + i)) wrong.push(`${start + i}: ${verdict}`);
      });
      memory.push(residentMiB(process.pid));
    }
    expect(wrong).toEqual([]);
    const ended = Array.from({ length: count / 100 }, (_, i) => i % hanging.length).filter(
      (at) => at === 0 || at === 7,
    );
    // An item that hangs next to others ends two workers: the shared one, and its own.
    expect(pool.state.replaced).toBeGreaterThanOrEqual(ended.length);
    expect(pool.state.replaced).toBeLessThanOrEqual(2 * ended.length);
    expect(pool.state.alive).toBeLessThanOrEqual(2);
    expect((memory.at(-1) ?? 0) - (memory[2] ?? 0)).toBeLessThan(50);
  }, 600_000);

  it('does not leak memory in a worker', async () => {
    const one = openPool(1);
    const script = item(
      'code',
      { languages: ['javascript'] },
      { data: { tests: [{ stdout: '1' }] } },
      '```js\nconsole.log(1)\n```',
    );
    const query = item(
      'sql',
      {},
      { data: { reference: 'select 1', databases: ['select 1'] } },
      '```sql\nselect 1\n```',
    );
    const worker = () =>
      Number(readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').at(-1));
    const rounds = async (n: number) => {
      for (let i = 0; i < n; i++) {
        expect((await one.run(script.ask(0), 60)).verdict).toBe('correct');
        expect((await one.run(query.ask(0), 60)).verdict).toBe('correct');
      }
      return residentMiB(worker());
    };
    const before = await rounds(20);
    expect((await rounds(100)) - before).toBeLessThan(50);
    await one.close();
  });

  it('retries an item whose worker died, and reports a crash if the second dies too', async () => {
    const module = join(folder, 'dies.mjs');
    writeFileSync(module, 'export default () => process.abort();');
    const judgement = await pool.run({ kind: 'module', settings: { module }, question: question('') }, 5);
    expect(judgement.verdict).toBe('crash');
    const next = await pool.run({ kind: 'format', settings: format, question: question('ab') }, 5);
    expect(next.verdict).toBe('correct');
  });

  it('rejects if the verifier itself fails', async () => {
    const module = join(folder, 'throws.mjs');
    writeFileSync(module, 'export default () => { throw new Error("no such table"); };');
    await expect(pool.run({ kind: 'module', settings: { module }, question: question('') }, 5)).rejects.toThrow(
      'no such table',
    );
  });

  it('stops an item on abort, and continues', async () => {
    const stop = new AbortController();
    const module = join(folder, 'waits.mjs');
    writeFileSync(module, 'export default () => new Promise(() => setInterval(() => {}, 1000));');
    const judged = pool.run({ kind: 'module', settings: { module }, question: question('') }, 60, stop.signal);
    const other = pool.run({ kind: 'format', settings: format, question: question('ab') }, 5);
    expect((await other).verdict).toBe('correct');
    stop.abort(new Error('enough'));
    await expect(judged).rejects.toThrow('enough');
  });

  it('rejects open items when it closes', async () => {
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
