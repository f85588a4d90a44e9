import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conceal } from '../../src/verifiers/conceal.js';
import { createVerifier } from '../../src/verifiers/create.js';
import { openPool } from '../../src/verifiers/pool.js';
import { lacks } from '../needs.js';
import { ask } from './question.js';

/** In every text that only the verifier may see: expected values, databases and schemas. */
const marker = 'zqSECRET';
const pool = openPool(1);
let folder = '';
let server: Server;
let url = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rlsd-verifier-containment-'));
  writeFileSync(
    join(folder, 'judges.mjs'),
    `export const quotes = ({ reference }) => ({ verdict: 'incorrect', reward: 0, reason: 'expected ' + reference.answer + ', found 4', evidence: { [reference.answer]: reference.data } });
     export const throws = ({ reference }) => { throw new Error('it cannot be ' + reference.answer + JSON.parse(reference.data).note); };
     export const misjudges = ({ reference }) => ({ verdict: reference.answer, reward: 0 });`,
  );
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      const { answer, data } = JSON.parse(body).reference;
      const judgements: Record<string, object> = {
        '/quotes': {
          verdict: 'incorrect',
          reward: 0,
          reason: `found 4, expected ${answer}`,
          evidence: { [answer]: data },
        },
        '/misjudges': { verdict: answer, reward: 0 },
        '/names': { verdict: 'correct', reward: 1, [answer]: 1 },
      };
      response.statusCode = request.url === '/refuses' ? 400 : 200;
      response.end(JSON.stringify(judgements[request.url ?? ''] ?? { error: answer }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await pool.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

type Reference = { readonly answer?: string; readonly data?: object };
const block = (language: string, code: string) => `\`\`\`${language}\n${code}\n\`\`\``;

/** A verifier's judgement of a completion, or its error with the stack. */
async function said(spec: object, completion: string, { answer = marker, data }: Reference): Promise<string> {
  const verifier = await createVerifier(spec, { pool, folder });
  try {
    return inspect(await verifier.verify(ask(completion, answer, data ?? null)), { depth: 9 });
  } catch (error) {
    return inspect(error);
  } finally {
    await verifier.close();
  }
}

const table = `CREATE TABLE ${marker}table (${marker}column VARCHAR); INSERT INTO ${marker}table VALUES ('${marker}value');`;
const sql = { databases: [table], reference: `SELECT ${marker}column FROM ${marker}table` };
const javascript = { code: { languages: ['javascript'] } };
const select = (query: string) => block('sql', query);
const named = { type: 'object', required: [`${marker}a`], properties: { b: { pattern: `^${marker}$` } } };

/** Kind and settings, expected words in the judgement, completion, and reference. */
const cases: readonly (readonly [spec: object, says: string, completion: string, reference: Reference])[] = [
  [{ math: {} }, 'differs', 'The answer is 4', { answer: `${marker} = 5` }],
  [{ math: {} }, 'could not be read', 'The answer is \\boxed{x+}', { answer: `\\text{${marker}}` }],
  [{ math: {} }, 'incorrect', '(B) 12', { answer: `(A) ${marker}` }],
  [{ exact: {} }, 'differs', 'no', {}],
  [{ numeric: {} }, 'bad-reference', '4', {}],
  [{ choice: {} }, 'bad-reference', 'The answer is B', {}],
  [{ regex: {} }, 'incorrect', 'no', {}],
  [{ regex: {} }, 'bad-field', 'no', { answer: `(${marker}` }],
  [{ regex: { pattern: '(?<answer>n.)' } }, 'differs', 'no', {}],
  [
    javascript,
    'differs',
    block('javascript', 'console.log(4)'),
    { data: { tests: [{ stdin: marker, stdout: marker }] } },
  ],
  [
    javascript,
    'more is expected',
    block('javascript', 'console.log(4)'),
    { data: { tests: [{ stdout: `4\n${marker}` }] } },
  ],
  [javascript, 'bad-field', block('javascript', 'const f = 4'), { data: { tests: marker } }],
  [javascript, 'bad-field', block('javascript', 'const f = 4'), { data: { tests: [[marker]] } }],
  [javascript, 'incorrect', block('javascript', 'const f = 4'), { data: { tests: [marker] } }],
  [
    javascript,
    'language-not-set',
    block('javascript', 'const f = 4'),
    { data: { language: marker, tests: [{ stdout: marker }] } },
  ],
  [{ compile: {} }, 'language-not-set', block('javascript', 'const f = 4'), { data: { language: marker } }],
  [{ compile: {} }, 'TS2322', block('typescript', 'const x: string = 4;'), { data: { note: marker } }],
  [{ sql: {} }, 'not the expected', select("SELECT 'x'"), { data: sql }],
  [{ sql: {} }, 'Binder Error', select('SELECT a.b FROM (SELECT * FROM (SHOW TABLES)) a'), { data: sql }],
  [{ sql: {} }, 'Catalog Error', select('SELECT * FROM zqSECRtable'), { data: sql }],
  [{ sql: {} }, 'fails', select('SELECT error(name) FROM (SHOW TABLES)'), { data: sql }],
  [{ sql: {} }, 'bad-reference', select("SELECT 'x'"), { data: { ...sql, reference: `SELECT ${marker}` } }],
  [{ sql: {} }, 'bad-field', select("SELECT 'x'"), { data: { databases: marker, reference: 'x' } }],
  [{ 'json-schema': {} }, 'required', '{"b": 1}', { data: { schema: named } }],
  [{ 'json-schema': {} }, 'pattern', `{"b": "x"}`, { data: { schema: { ...named, required: [] } } }],
  [{ 'json-schema': {} }, 'bad-schema', '{}', { data: { schema: { $ref: `#/${marker}` } } }],
  [{ 'json-schema': {} }, 'bad-schema', '{}', { data: { schema: { $schema: marker } } }],
  [{ 'json-schema': {} }, 'not the expected', '{"b": {}}', { data: { schema: {}, values: { b: { [marker]: 1 } } } }],
  [{ 'json-schema': {} }, 'not the expected', '{"b": 4}', { data: { schema: {}, values: { b: marker } } }],
  [{ 'json-schema': {} }, 'bad-field', '{}', { data: { schema: marker } }],
  [{ format: { pattern: 'x' } }, 'asked form', 'no', {}],
  [
    { function: { module: 'judges.mjs', name: 'quotes' } },
    'expected …, found 4',
    'It is 4',
    { data: { note: `${marker}\n` } },
  ],
  [
    { function: { module: 'judges.mjs', name: 'throws' } },
    'it cannot be',
    'no',
    { answer: '5', data: { note: `\n${marker}` } },
  ],
  [{ function: { module: 'judges.mjs', name: 'misjudges' } }, 'bad-field', 'no', {}],
];

it.each(cases)('%j does not quote the reference: %s', async (spec, says, completion, reference) => {
  const text = await said(spec, completion, reference);
  expect(text).toContain(says);
  expect(text.replaceAll(completion, '').toLowerCase()).not.toContain(marker.toLowerCase());
});

it.each([
  ['/quotes', 'found 4, expected …'],
  ['/misjudges', 'bad-field'],
  ['/names', 'unknown-field'],
  ['/refuses', 'status 400'],
])('a service that %s has its words of the reference hidden', async (path, says) => {
  const text = await said({ http: { url: `${url}${path}` } }, 'It is 4', { data: { note: marker } });
  expect(text).toContain(says);
  expect(text).not.toContain(marker);
});

it.each(['all', 'any', 'checked'])('verifiers combined by %s do not quote the reference', async (how) => {
  const quotes = { function: { module: 'judges.mjs', name: 'quotes' } };
  const text = await said({ [how]: [quotes, { exact: {} }] }, 'no', { data: { note: marker } });
  expect(text).toContain('incorrect');
  expect(text).not.toContain(marker);
});

describe.skipIf(await lacks('sandbox'))('JavaScript with assertions', () => {
  const later = `new Promise(() => setTimeout(() => { throw new Error('${marker}'); }))`;
  it.each([
    ['returned', { tests: [{ assert: `f() === '${marker}'` }] }],
    ['bad-tests', { testFile: `throw new Error('${marker}')` }],
    ['fails', { testFile: `test('t', () => { throw new Error('${marker}'); })` }],
    ['bad-tests', { testFile: `test('t', () => ${later})` }],
    ['bad-tests', { testFile: `${marker} is not =` }],
  ])('says nothing of its tests: %s', async (says, data) => {
    const text = await said(javascript, block('javascript', 'const f = () => 4'), { data });
    expect(text).toContain(says);
    expect(text).not.toContain(marker);
  });
});

describe.skipIf(await lacks('sandbox', 'python3'))('Python', () => {
  it.each([
    ['differs', { tests: [{ stdin: marker, stdout: marker }] }],
    ['returned', { tests: [{ assert: `f() == '${marker}'` }] }],
    ['bad-tests', { testFile: `raise ValueError('${marker}')` }],
    ['fails', { testFile: `def test_it():\n  assert f() == 5, '${marker}'` }],
    ['bad-tests', { testFile: `import sys\nsys.exit('${marker}')` }],
    ['bad-tests', { testFile: `${marker} is not =` }],
  ])('says nothing of its tests: %s', async (says, data) => {
    const text = await said({ code: { languages: ['python'] } }, block('python', 'def f(): return 4\nprint(4)'), {
      data,
    });
    expect(text).toContain(says);
    expect(text).not.toContain(marker);
  });
});

describe('words that only the reference has', () => {
  const word = fc.stringMatching(/^[a-z0-9_]{1,6}$/);
  it('are hidden, and no others', () => {
    const texts = fc.array(fc.oneof(word, fc.constantFrom(' ', '"', ', ', '=')));
    fc.assert(
      fc.property(texts, fc.array(word), fc.array(word), (parts, reference, own) => {
        const text = parts.join('');
        const shown = conceal(text, reference, own);
        const wordsOf = (one: string) => one.match(/\w+/g) ?? [];
        const secret = reference.filter((one) => !own.includes(one));
        const within = (one: string) => secret.some((part) => part.length >= 4 && one.includes(part));
        const hidden = wordsOf(text).filter((one) => !own.includes(one) && (secret.includes(one) || within(one)));
        for (const one of hidden) expect(wordsOf(shown)).not.toContain(one);
        expect(shown.split('…')).toHaveLength(hidden.length + 1);
        expect(wordsOf(shown)).toEqual(wordsOf(text).filter((one) => !hidden.includes(one)));
      }),
    );
  });
});
