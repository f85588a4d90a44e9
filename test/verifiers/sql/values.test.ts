import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cell } from '../../../src/verifiers/sql/cells.js';
import { difference } from '../../../src/verifiers/sql/compare.js';
import { extractQuery, withoutProse } from '../../../src/verifiers/sql/extract.js';
import { judgeSql } from '../../../src/verifiers/sql/judge-sql.js';
import { readSqlSettings } from '../../../src/verifiers/sql/settings.js';

const databases = ["create table emp(id int, name varchar); insert into emp values (1,'Ann'),(2,'Bo')"];

interface Case {
  readonly verdict: string;
  readonly query: string;
  readonly reference: string;
}

const cases = readFileSync(new URL('./values.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Case);

describe('values of a result', () => {
  it.each(cases)('$query against $reference: $verdict', async ({ verdict, query, reference }) => {
    const judgement = await judgeSql(readSqlSettings({}, 'sql'), { reference, databases }, query);
    expect(judgement.verdict, judgement.reason).toBe(verdict);
  });

  const settings = { tolerance: 1e-6, columnNames: false };
  const same = (found: readonly Cell[], expected: readonly Cell[], ordered = false) => {
    const table = (rows: readonly Cell[]) => ({ columns: ['a'], rows: rows.map((row) => [row]), cut: false });
    return (
      difference(table(found), table(expected), ordered ? expected.map(() => 1) : undefined, settings) === undefined
    );
  };
  const special = fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN);

  it('an infinite number or NaN equals only itself', () => {
    fc.assert(
      fc.property(special, fc.oneof(special, fc.double(), fc.bigInt(), fc.string()), (a, b) => {
        expect(same([a], [b])).toBe(Object.is(a, b));
        expect(same([b], [a])).toBe(Object.is(a, b));
      }),
    );
  });

  it('whole numbers of any size are equal only if they are the same', () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.constantFrom(-1n, 0n, 1n), (a, step) => {
        expect(same([a], [a + step])).toBe(step === 0n);
      }),
    );
  });

  it('rows in another order are equal unless the order counts', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.bigInt(), { minLength: 2 }), (rows) => {
        const turned = [...rows.slice(1), ...rows.slice(0, 1)];
        expect(same(turned, rows)).toBe(true);
        expect(same(turned, rows, true)).toBe(false);
      }),
    );
  });
});

describe('the query of a completion', () => {
  const query = 'select name from emp';

  it.each([
    ['after thinking', `<think>hmm</think>\n${query}`],
    ['after thinking that the prompt opened', `hmm\n</think>\n${query}`],
    ['after thinking about another one', `<think>\n\`\`\`sql\nselect 1\n\`\`\`\n</think>\n${query}`],
    ['on one line with its fences', `\`\`\`sql ${query}\`\`\``],
    ['on one line with its fences and no label', `\`\`\`${query}\`\`\``],
    ['in a fence closed on the last line', `\`\`\`sql\n${query}\`\`\``],
    ['in a fence closed on the last line, before prose', `\`\`\`sql\n${query}\`\`\`\nIt lists all \`names\`.`],
    ['with prose behind the closing fence', `\`\`\`sql\n${query}\n\`\`\` This lists all names.\nDone.`],
    ['that starts on the line of the label', `\`\`\`sql ${query}\n\`\`\``],
    ['with attributes behind the label', `\`\`\`sql title="q"\n${query}\n\`\`\``],
    ['in a quote', `> \`\`\`sql\n> ${query}\n> \`\`\``],
    ['in a quote that ends before the fence', `> \`\`\`sql\n> ${query}\n\`\`\``],
    [
      'before a block of another language that was opened too early',
      `\`\`\`sql\n${query}\n\`\`\`\n\`\`\`text\nAnn\n\`\`\``,
    ],
    ['in backticks', `\`${query}\``],
    ['before the mark of an ended turn', `${query}\n<|im_end|>`],
  ])('is found %s', (_, completion) => {
    expect(extractQuery(completion)).toBe(query);
  });

  it.each([
    ['only in thinking', `<think>\n\`\`\`sql\n${query}\n\`\`\`\n</think>\nI cannot answer.`],
    ['only in thinking that is cut off', `<think>\n\`\`\`sql\n${query}\n\`\`\``],
    [
      'only in the last of several thoughts',
      `<think>a</think>\nHm.\n<thinking>\n\`\`\`sql\n${query}\n\`\`\`\n</thinking>\n`,
    ],
  ])('is not found %s', (_, completion) => {
    expect(extractQuery(completion)).toBeUndefined();
  });

  it('ends before paragraphs of prose, unless they contain another statement', () => {
    expect(withoutProse(`${query};\n\nThis lists all names.`)).toBe(`${query};`);
    expect(withoutProse(`${query}\n\nor\n\nselect 1`)).toBeUndefined();
    expect(withoutProse(query)).toBeUndefined();
  });
});
