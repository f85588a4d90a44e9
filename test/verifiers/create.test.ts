import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { createVerifier } from '../../src/verifiers/create.js';
import { verifyJsonSchemaLine, verifySqlLine } from '../../src/verifiers/lines.js';
import { openPool } from '../../src/verifiers/pool.js';
import type { CheckedVerifier } from '../../src/verifiers/verifier.js';

const pool = openPool(2);
afterAll(() => pool.close());

const ask = (completion: string, data: object | null = null) => ({
  promptId: 'p',
  itemId: 'i',
  question: '',
  completion,
  reference: { answer: '', data: data === null ? null : JSON.stringify(data) },
});
const create = (spec: unknown) => createVerifier(spec, { pool });
const form = (pattern: string) => ({ format: { pattern } });

describe('createVerifier', () => {
  it('names what is near an unknown kind or setting', async () => {
    await expect(create({ sqll: {} })).rejects.toThrow('did you mean "sql"?');
    await expect(create({ sql: { tolerence: 1 } })).rejects.toThrow('verify.sql.tolerence: unknown field');
    await expect(create({ all: [] })).rejects.toThrow('verify.all: found a list, expected a list of verifiers');
    await expect(create({ code: { languages: ['pyton'] } })).rejects.toThrow('did you mean "python"?');
  });

  it('judges by mathematics and by simple comparison, in the pool', async () => {
    const judge = async (spec: unknown, completion: string, answer: string) => {
      const question = { ...ask(completion), reference: { answer, data: null } };
      return (await (await create(spec)).verify(question)).verdict;
    };
    expect(await judge({ math: {} }, 'so \\boxed{0.5}', '1/2')).toBe('correct');
    expect(await judge({ math: {} }, 'so \\boxed{0.6}', '1/2')).toBe('incorrect');
    expect(await judge({ exact: {} }, ' Paris\n', 'Paris')).toBe('correct');
    expect(await judge({ regex: { pattern: '^(a+)+$' } }, `${'a'.repeat(60)}!`, '')).toBe('timeout');
  });

  it('combines', async () => {
    const verdict = async (spec: unknown) => {
      const { verdict, reward } = await (await create(spec)).verify(ask('ab'));
      return [verdict, reward];
    };
    expect(await verdict({ all: [form('a.'), form('.b')] })).toEqual(['correct', 1]);
    expect(await verdict({ all: [form('a.'), form('b')] })).toEqual(['incorrect', 0]);
    expect(await verdict({ any: [form('b'), form('a.')] })).toEqual(['correct', 1]);
    const parts = [
      { weight: 0.75, verify: form('b') },
      { weight: 0.25, verify: form('a.') },
    ];
    expect(await verdict({ weighted: parts })).toEqual(['incorrect', 0.25]);
  });

  it('shows where two verifiers of one record disagree', async () => {
    const verifier = (await create({ checked: [form('a.'), form('b')] })) as CheckedVerifier;
    expect((await verifier.verify(ask('ab'))).evidence.disagrees).toBe('incorrect');
    expect(await verifier.judgeTwice(ask('ab'))).toMatchObject({
      judgement: { verdict: 'correct' },
      disagreement: {
        judged: { verdict: 'correct', verifier: 'format' },
        checked: { verdict: 'incorrect', reason: expect.any(String) },
      },
    });
    expect(await verifier.judgeTwice(ask('c'))).not.toHaveProperty('disagreement');
  });

  it.each([
    [{ all: [{ math: { precision: 2.5 } }] }, 'verify.all[0].math.precision: found the number 2.5, expected a whole'],
    [{ any: [form('a'), { choice: { choices: 4.5 } }] }, 'verify.any[1].choice.choices: found the number 4.5'],
    [{ weighted: [{ weight: 1, verify: { exact: { case: 1 } } }] }, 'verify.weighted[0].verify.exact.case: unknown'],
    [{ checked: [form('a'), { numeric: { absolute: -1 } }] }, 'verify.checked[1].numeric.absolute: found'],
    [{ all: [{ regex: { pattern: '(' } }] }, 'verify.all[0].regex.pattern: found'],
    [{ all: [{ code: { limits: { processes: 1.5 } } }] }, 'verify.all[0].code.limits.processes: found'],
  ])('names the place of a wrong setting: %j', async (spec, message) => {
    await expect(create(spec)).rejects.toThrow(message);
  });

  it('has the same hash for the same settings only', async () => {
    const hash = async (spec: unknown) => (await create(spec)).hash;
    expect(await hash(form('a'))).toBe(await hash(form('a')));
    expect(await hash(form('a'))).not.toBe(await hash(form('b')));
  });

  it("asks the user's service, again where it fails in passing", async () => {
    let asked = 0;
    const server = createServer((_, response) => {
      asked += 1;
      if (asked === 1) response.writeHead(503).end();
      else response.end('{"verdict": "correct", "reward": 1}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const verifier = await create({ http: { url, retries: 1 } });
    expect((await verifier.verify(ask('x'))).verdict).toBe('correct');
    expect(asked).toBe(2);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(verifier.verify(ask('x'))).rejects.toThrow('after 2 attempts');
  });
});

describe('sql', () => {
  const databases = [
    "create table t(a int, b double, n varchar); insert into t values (1, 0.5, 'x'), (2, null, 'y'), (2, 1.5, null)",
    "create table t(a int, b double, n varchar); insert into t values (1, 0.5, 'x'), (2, null, 'y')",
  ];
  const judge = (query: string, reference = 'select a, sum(b) from t group by a') =>
    verifySqlLine({ id: 1, completion: `\`\`\`sql\n${query}\n\`\`\``, reference, databases }, 'f', 1);

  it.each([
    ['select a, sum(b) as s from t group by 1 order by 1 desc', undefined, 'correct'],
    ['select a, sum(b) + 1e-12 from t group by 1', undefined, 'correct'],
    ['select a, coalesce(sum(b), 0) from t group by 1', undefined, 'incorrect'],
    ['select a from t order by a desc, b', 'select a from t order by a desc', 'correct'],
    ['select a from t order by a', 'select a from t order by a desc', 'incorrect'],
    ['select count(*) from t where n is null', 'select 1', 'incorrect'],
    ['selec', undefined, 'unparseable'],
    ['select nope from t', undefined, 'incorrect'],
    ['drop table t', undefined, 'denied'],
    ['select 1; drop table t', undefined, 'denied'],
    ["attach '/tmp/x.db' as x", undefined, 'denied'],
    ["copy t to '/tmp/x.csv'", undefined, 'denied'],
    ['install httpfs', undefined, 'denied'],
    ['pragma database_list', undefined, 'denied'],
    ['set threads = 8', undefined, 'denied'],
    ["select * from read_text('/etc/passwd')", undefined, 'denied'],
    ["select * from '/etc/passwd'", undefined, 'denied'],
    ["select * from glob('/*')", undefined, 'denied'],
    ['select count(*), 1 from range(100000000) a, range(1000000) b', undefined, 'timeout'],
    ['select list(range), 1 from range(1000000000)', undefined, 'crash'],
  ])('%s', async (query, reference, verdict) => {
    expect((await judge(query, reference)).verdict).toBe(verdict);
  });

  it('rejects where the reference does not run, without quoting it', async () => {
    await expect(judge('select 1', 'select secret from nowhere')).rejects.toThrow(/^f:1: .*Catalog Error$/);
  });
});

describe('json-schema', () => {
  const judge = (completion: string, schema: unknown, more = {}) =>
    verifyJsonSchemaLine({ id: 'x', completion, schema, ...more }, 'f', 1);
  const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] };

  it.each([
    ['```json\n{"a": 1}\n```', 'correct'],
    ['It is {"a": 1}, I think.', 'correct'],
    ['{"a": "1"}', 'incorrect'],
    ['{"__proto__": {"a": 1}}', 'incorrect'],
    ['nothing', 'unparseable'],
    ['['.repeat(50_000), 'unparseable'],
  ])('%#', async (completion, verdict) => {
    expect((await judge(completion, schema)).verdict).toBe(verdict);
  });

  it('knows the drafts, formats and values', async () => {
    const draft7 = { $schema: 'http://json-schema.org/draft-07/schema#', items: [{ format: 'email' }] };
    expect((await judge('["x"]', draft7)).verdict).toBe('incorrect');
    const draft2020 = { $schema: 'https://json-schema.org/draft/2020-12/schema', prefixItems: [{ type: 'string' }] };
    expect((await judge('[1]', draft2020)).verdict).toBe('incorrect');
    expect((await judge('{"a": 1, "b": 2}', schema, { values: { a: 2 } })).verdict).toBe('incorrect');
    expect((await judge('{"a": 1, "b": 2}', schema, { values: { a: 1 } })).verdict).toBe('correct');
  });

  it('refuses remote references and holds patterns that explode', async () => {
    await expect(judge('1', { $ref: 'http://127.0.0.1/x.json' })).rejects.toThrow('f:1.schema');
    const pattern = { type: 'string', pattern: '^(a+)+$' };
    expect((await judge(JSON.stringify(`${'a'.repeat(50)}b`), pattern)).verdict).toBe('timeout');
  });
});
