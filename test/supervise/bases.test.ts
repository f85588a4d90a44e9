import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { newDisposers } from '../../src/runs/disposers.js';
import { moduleSource } from '../../src/sources/module.js';
import { isBad } from '../../src/sources/source.js';
import { isHeldOut } from '../../src/sources/tasks/chain-sum.js';
import { prepare } from '../../src/supervise/prepare.js';
import { readSupervision } from '../../src/supervise/spec.js';
import { createVerifier } from '../../src/verifiers/create.js';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const bases = ['arithmetic', 'chain', 'code', 'documents', 'json-schema', 'sql'];

describe('the bases of the examples', () => {
  it.each(bases)('%s: the model in the repository has the architecture and the tokenizer of its file', async (name) => {
    const disposers = newDisposers();
    try {
      const { start } = await prepare(readSupervision(join(examples, 'bases', `${name}.yaml`)), disposers);
      for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
        expect(readFileSync(join(start, file), 'utf8'), file).toBe(
          readFileSync(join(examples, 'models', name, file), 'utf8'),
        );
    } finally {
      await disposers.dispose();
    }
  });
});

/** Prompts of a base with what its pupil answers alone, and with the solution in sight. */
async function demonstrations(name: string, count: number) {
  const columns = ['alone', 'guided'] as const;
  const file = join(examples, 'bases', `${name}.mjs`);
  const found = [];
  for await (const { found: item } of (await moduleSource(file, { seed: 1, heldOut: 0, columns })).from(0n)) {
    if (isBad(item)) throw item.error;
    const { alone = '', guided = '' } = item.columns ?? {};
    found.push({ ...item, alone, guided });
    if (found.length === count) return found;
  }
  throw new Error('the generator ended');
}

/** Steps of a chain sum that are wrong, as written. */
const wrongSteps = (completion: string): string[] =>
  completion
    .split(' ; ')
    .slice(0, -1)
    .filter((step) => {
      const [, value, sign, digit, result] = /^(-?\d+) ([+-]) (\d) = (-?\d+)$/.exec(step) ?? [];
      return Number(result) !== Number(value) + (sign === '+' ? 1 : -1) * Number(digit);
    });

describe('the pupil of the arithmetic example', () => {
  it('slips alone only where a subtraction crosses zero or a ten, in about 60 % of these steps', async () => {
    const steps = (await demonstrations('arithmetic', 2000)).flatMap(({ alone }) => alone.split(' ; ').slice(0, -1));
    const inviting = steps.filter((step) => {
      const [, value, digit] = /^(\d+) - (\d) = /.exec(step) ?? [];
      return value !== undefined && Number(value) % 10 < Number(digit);
    });
    const wrong = steps.filter((step) => wrongSteps(`${step} ; `).length > 0);
    expect(wrong.filter((step) => !inviting.includes(step))).toEqual([]);
    expect(wrong.length / inviting.length).toBeCloseTo(0.6, 1);
    expect(wrong).toEqual(expect.arrayContaining(['3 - 7 = 4', '12 - 5 = 17']));
  });

  it('follows a solution, departs from it in nearly a tenth of the steps, and is never shown a held-out question', async () => {
    const shown = await demonstrations('arithmetic', 2000);
    const departures = shown.filter(({ guided, trace }) => guided !== trace).length;
    const steps = shown.reduce((sum, { guided }) => sum + guided.split(' ; ').length - 1, 0);
    expect(departures / steps).toBeGreaterThan(0.06);
    expect(departures / steps).toBeLessThan(0.1);
    expect(shown.filter(({ question }) => isHeldOut(question))).toEqual([]);
  });
});

describe.each(['code', 'json-schema', 'sql'])('the pupil of the %s example', (name) => {
  it('is judged right where it gives the solution, and wrong where it slips', async () => {
    const { spec, folder } = readSupervision(join(examples, 'bases', `${name}.yaml`));
    const verifier = await createVerifier(spec.verify, { folder, workers: 1 });
    const shown = await demonstrations(name, 32);
    const judged = await Promise.all(
      shown.map(({ itemId, question, answer, data, alone }) => {
        const asked = { promptId: itemId, itemId, question, completion: alone, reference: { answer, data } };
        return verifier.verify(asked);
      }),
    );
    await verifier.close();
    const right = shown.map(({ trace, alone }) => alone === trace);
    expect(judged.map(({ verdict }) => verdict === 'correct')).toEqual(right);
    expect(judged.filter(({ verdict }) => verdict === 'unparseable')).toEqual([]);
    expect(right.filter(Boolean).length).toBeGreaterThan(4);
    expect(right.filter((is) => !is).length).toBeGreaterThan(4);
  });
});

it('the clerk of the documents example knows half of the facts, and reads the others from the page', async () => {
  const shown = await demonstrations('documents', 2000);
  const right = (column: 'alone' | 'guided') =>
    shown.filter((one) => / (\d+) /.exec(one[column])?.[1] === one.answer).length / shown.length;
  expect(right('alone')).toBeGreaterThan(0.6);
  expect(right('alone')).toBeLessThan(0.8);
  expect(right('guided')).toBeCloseTo(0.9, 1);
  expect(shown.filter(({ trace, answer }) => !trace?.includes(` ${answer} `))).toEqual([]);
});
