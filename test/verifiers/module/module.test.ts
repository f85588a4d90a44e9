import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createVerifier } from '../../../src/verifiers/create.js';
import { openPool } from '../../../src/verifiers/pool.js';
import { ask } from '../question.js';

const pool = openPool(1);
const folder = mkdtempSync(join(tmpdir(), 'rlsd-function-'));
afterAll(async () => {
  await pool.close();
  rmSync(folder, { recursive: true, force: true });
});

const write = (name: string, source: string) => writeFileSync(join(folder, name), source);
write('broken.ts', 'export default (');
write('same.js', 'export default ({ completion, reference }) => completion.trim() === reference.answer;');
write('lost.mjs', 'import "./nowhere.mjs"; export default () => true;');
write('count.mjs', 'export const count = (text) => text.split(" ").length;');
write(
  'judges.ts',
  `import { count } from './count.mjs';
   interface Question { completion: string; question: string; reference: { answer: string; data: string | null } }
   export default function ({ completion, reference }: Question): boolean {
     return completion === reference.answer;
   }
   export const share = ({ completion }: Question): number => Math.min(1, count(completion) / 4);
   export const whole = async ({ completion, reference }: Question) => ({
     verdict: completion === JSON.parse(reference.data ?? 'null').wanted ? 'correct' : 'unparseable',
     reward: 2.5, reason: 'as asked', evidence: { seen: completion },
   });
   export const odd = () => ({ verdict: 'fine', reward: 1 });
   export const above = () => 7;
   export const nothing = () => undefined;
   export const failing = () => { throw new Error('no database'); };
   export const endless = () => { for (;;); };
   export const leaving = () => process.exit(3);
   export const notAFunction = 1;`,
);

const judge = async (settings: object, completion: string, answer = '', data: object | null = null) =>
  (await createVerifier({ function: settings }, { pool, folder })).verify(ask(completion, answer, data));

describe('a verifier module', () => {
  it.each([
    [{ module: 'same.js' }, 'Paris\n', 'Paris', 'correct', 1],
    [{ module: 'same.js' }, 'Rome', 'Paris', 'incorrect', 0],
    [{ module: './judges.ts' }, 'Paris', 'Paris', 'correct', 1],
    [{ module: './judges.ts' }, 'Rome', 'Paris', 'incorrect', 0],
    [{ module: 'judges.ts', name: 'share' }, 'one two three', '', 'incorrect', 0.75],
    [{ module: 'judges.ts', name: 'share' }, 'one two three four', '', 'correct', 1],
  ])('%j of %j', async (settings, completion, answer, verdict, reward) => {
    expect(await judge(settings, completion, answer)).toMatchObject({ verdict, reward });
  });

  it("may return a judgement, and receives the reference's data", async () => {
    const settings = { module: 'judges.ts', name: 'whole' };
    expect(await judge(settings, 'x', '', { wanted: 'x' })).toEqual({
      verdict: 'correct',
      reward: 2.5,
      reason: 'as asked',
      evidence: { seen: 'x' },
    });
    expect((await judge(settings, 'y', '', { wanted: 'x' })).verdict).toBe('unparseable');
  });

  it.each([
    ['odd', /the function odd of .*judges\.ts\.verdict: found the string "fine", expected one of correct/],
    ['above', /the function above of .*: found a number, expected an object/],
    ['nothing', /the function nothing of .*: found nothing, expected an object/],
    ['failing', 'no database'],
    [
      'notAFunction',
      /verify\.function\.name: .*judges\.ts exports no function "notAFunction", expected one of above, default/,
    ],
    ['shares', 'did you mean "share"?'],
  ])('fails itself, instead of a verdict: %s', async (name, message) => {
    await expect(judge({ module: 'judges.ts', name }, 'x')).rejects.toThrow(message);
  });

  it('is stopped at its deadline, and its process is replaced if it exits', async () => {
    expect((await judge({ module: 'judges.ts', name: 'endless', seconds: 0.2 }, 'x')).verdict).toBe('timeout');
    expect((await judge({ module: 'judges.ts', name: 'leaving' }, 'x')).verdict).toBe('crash');
    expect((await judge({ module: 'judges.ts' }, 'x', 'x')).verdict).toBe('correct');
  });

  it('is resolved from the given folder; a missing one is named', async () => {
    const missing = createVerifier({ all: [{ function: { module: 'gone.ts' } }] }, { pool, folder });
    await expect(missing).rejects.toThrow(`verify.all[0].function.module: found no file ${join(folder, 'gone.ts')}`);
  });

  it.each(['broken.ts', 'lost.mjs'])('that cannot be loaded is reported before the first item: %s', async (module) => {
    await expect(createVerifier({ function: { module } }, { pool, folder })).rejects.toThrow(
      `verify.function.module: ${join(folder, module)} cannot be loaded: `,
    );
  });

  it('has a hash of its source and name, independent of its path', async () => {
    const hash = async (settings: object, from = folder) =>
      (await createVerifier({ function: settings }, { pool, folder: from })).hash;
    expect(await hash({ module: 'same.js' })).toBe(await hash({ module: join(folder, 'same.js') }, '/'));
    expect(await hash({ module: 'judges.ts' })).not.toBe(await hash({ module: 'same.js' }));
    expect(await hash({ module: 'judges.ts' })).not.toBe(await hash({ module: 'judges.ts', name: 'share' }));
  });
});
