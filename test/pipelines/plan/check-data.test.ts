import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkData } from '../../../src/pipelines/plan/check-data.js';
import { planOf } from '../../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { tinyFolder, tinyPipeline } from '../../runs/tiny-run.js';

/** What is wrong with the prompts of a file, under a verifier. */
async function report(verify: object, items: readonly (object | string)[]) {
  const folder = tinyFolder();
  const lines = items.map((item, i) =>
    typeof item === 'string' ? item : JSON.stringify({ id: i, question: `q${i}`, ...item }),
  );
  writeFileSync(join(folder, 'items.jsonl'), `${lines.join('\n')}\n`);
  const prompts = { file: 'items.jsonl', heldOut: 1 };
  return checkData(planOf(checkSpec({ ...tinyPipeline, prompts, verify }), folder));
}

describe('checkData', () => {
  it('reports each prompt whose SQL reference cannot be judged by, with its line', async () => {
    const one = 'create table t(a int); insert into t values (1), (2)';
    const item = (reference: string, databases: unknown = [one]) => ({ data: { reference, databases } });
    const { checked, problems } = await report({ sql: {} }, [
      item('select a from t'),
      item('select b from t'),
      item('select a from t where a > 5'),
      item('select a from t where a > 5', [one, `${one}, (9)`]),
      item('select a from t', ['create tabel t(a int)']),
      item('select a, random() from t'),
      item('drop table t'),
      item('select a from t', 'none'),
      { answer: 'select a from t' },
      'not json',
    ]);
    expect(checked).toBe(10);
    expect([...problems].sort()).toEqual([
      'items.jsonl:10: not JSON; expected {"id", "question", "answer"}',
      expect.stringMatching(/^items\.jsonl:2: database 1 of 1: the reference query does not run: Binder Error$/),
      expect.stringMatching(/^items\.jsonl:3: the reference query returns no rows on any database/),
      expect.stringMatching(/^items\.jsonl:5: .*the script does not run: Parser Error/),
      expect.stringMatching(/^items\.jsonl:6: .*the reference query has another result when it runs again/),
      expect.stringMatching(/^items\.jsonl:7: /),
      expect.stringMatching(/^items\.jsonl:8\.databases: found a string/),
      'items.jsonl:9.databases: found nothing, expected a list',
    ]);
  });

  it.each([
    [{ numeric: {} }, { answer: '5' }, { answer: 'five' }, 'items.jsonl:2: numeric: the reference is not a number'],
    [{ math: {} }, { answer: '1/2' }, { answer: '\\frac{1}{' }, 'items.jsonl:2: math: the reference cannot be read'],
    [
      { all: [{ format: { pattern: '.*' } }, { 'json-schema': {} }] },
      { data: { schema: {} } },
      { data: { schema: { type: 'strin' } } },
      'items.jsonl:2.schema: the schema does not compile',
    ],
  ])('checks the references of %j', async (verify, good, bad, message) => {
    const { problems } = await report(verify, [good, bad, good]);
    expect(problems).toEqual([expect.stringContaining(message)]);
  });

  it('checks a limited number of the prompts of a generator', async () => {
    const folder = tinyFolder();
    const prompts = { generate: 'chain-sum', heldOut: 3 };
    const plan = planOf(checkSpec({ ...tinyPipeline, prompts, verify: { numeric: {} } }), folder);
    expect(await checkData(plan)).toEqual({ checked: 1003, problems: [] });
  });
});
