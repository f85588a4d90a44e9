import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { judgeSql } from '../../../src/verifiers/sql/judge-sql.js';
import { readSqlSettings, readSqlTask } from '../../../src/verifiers/sql/settings.js';
import { ask, judgeLine, open } from '../question.js';

const databases = [
  "create table emp(id int, name varchar, dept varchar, salary double, hired date, boss int); insert into emp values (1, 'Ann', 'eng', 100.0, '2020-01-01', null), (2, 'Bob', 'eng', 100.0, '2021-03-01', 1), (3, 'Cid', 'ops', 50.5, '2019-06-01', 1), (4, 'dee', 'ops', null, '2022-01-01', 3), (5, 'Eve', null, 75.25, '2020-01-01', 1)",
  "create table emp(id int, name varchar, dept varchar, salary double, hired date, boss int); insert into emp values (1, 'Zed', 'eng', 10.0, '2020-01-01', null), (2, 'Yan', 'ops', 20.0, '2021-03-01', 1)",
];
const block = (query: string) => `\`\`\`sql\n${query}\n\`\`\``;

interface Case {
  readonly verdict: string;
  readonly completion: string;
  readonly reference: string;
  readonly ordered?: boolean;
  readonly columnNames?: boolean;
}

const cases = readFileSync(new URL('./cases.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Case);

describe('sql', () => {
  it.each(cases)('$completion against $reference: $verdict', async ({ verdict, completion, ...rest }) => {
    const { columnNames = false, ...task } = rest;
    const settings = readSqlSettings({ columnNames }, 'sql');
    const judgement = await judgeSql(settings, readSqlTask({ ...task, databases }, ''), completion);
    expect(judgement.verdict, judgement.reason).toBe(verdict);
    expect(judgement.reward).toBe(verdict === 'correct' ? 1 : 0);
  });

  const judge = (query: string, reference = 'select count(*) from emp') =>
    judgeLine('sql', { id: 1, completion: block(query), reference, databases, seconds: 0.3 });

  it.each([
    ['an endless product', 'select count(*), 1 from range(100000000) a, range(1000000) b', 'timeout'],
    [
      'an endless recursion',
      'with recursive r as (select 1 as n union all select n + 1 from r) select count(*) from r',
      'timeout',
    ],
    [
      'a function that cannot be interrupted',
      "select levenshtein(repeat('ab', 200000), repeat('ba', 200000))",
      'timeout',
    ],
    ['a text that is too long', "select string_agg(repeat('x', 1000000), '') from range(100000)", /crash|timeout/],
    ['rows without end', 'select * from range(1000000000000)', 'incorrect'],
    ['brackets without end', `select ${'('.repeat(100_000)}1`, 'unparseable'],
  ])('holds %s', async (_, query, verdict) => {
    expect((await judge(query)).verdict).toMatch(verdict);
    expect((await judge('select count(*) from emp')).verdict).toBe('correct');
  });

  it("judges items without databases on the verifier's", async () => {
    const [shared, none] = [await open('sql', { databases }), await open('sql')];
    const asked = (data: object | null = null) =>
      ask(block('select 2'), 'select count(*) from emp where salary = 100', data);
    // Two employees have that salary on the first database, none on the second.
    expect(await shared.judge(asked())).toMatchObject({ verdict: 'incorrect' });
    expect(await shared.judge(asked({ databases: databases.slice(0, 1) }))).toMatchObject({ verdict: 'correct' });
    await expect(async () => none.judge(asked())).rejects.toThrow('databases');
    expect(shared.hash).not.toBe(none.hash);
  });

  it('rejects if the task does not run, without quoting it', async () => {
    await expect(judge('select 1', 'select secret from nowhere')).rejects.toThrow(/^f:1: .*Catalog Error$/);
    const bad = { id: 1, completion: block('select 1'), reference: 'select 1', databases: ['creat table t(a int)'] };
    await expect(judgeLine('sql', bad)).rejects.toThrow(/^f:1: .*Parser Error$/);
  });
});
