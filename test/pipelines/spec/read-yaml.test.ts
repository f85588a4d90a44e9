import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readSpec } from '../../../src/pipelines/spec/parse.js';
import { UserError } from '../../../src/support/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'rlsd-yaml-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'p.yaml');

const good = `pipeline: sums
steps: 4
model: { base: models/sums }
prompts: { generate: chain-sum, heldOut: 8 }
privileged: [reference, trace]
rollout: { maxTokens: 48 }
verify: { math: {} }
shape: rlsd
learn: { prompts: 2, lr: 1.0e-4 }
`;

/** The spec, or the message that refuses it; anything else is a failure of the test. */
function outcome(source: string | Uint8Array, sets: readonly string[] = []): object | string {
  writeFileSync(file, source);
  try {
    return readSpec(file, sets).spec;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message.replaceAll(file, 'p.yaml');
  }
}

describe('a pipeline file', () => {
  it.each([
    ['with CRLF', good.replaceAll('\n', '\r\n')],
    ['with a byte order mark', `\uFEFF${good}`],
    ['with merge keys', `${good.replace('learn: {', 'learn: { <<: &more { epochs: 2 },')}`],
    ['with anchors', good.replace('privileged: [reference', 'privileged: [&r reference')],
    ['with a document mark', `---\n${good}...\n`],
  ])('is read %s', (_what, source) => {
    expect(outcome(source)).toMatchObject({ pipeline: 'sums' });
  });

  it.each([
    ['empty', '', /^p\.yaml:1:1: expected a map of settings/],
    ['a list', '- a\n', /expected a map of settings/],
    ['several documents', `${good}---\n${good}`, /^p\.yaml:10:1: found a second document/],
    ['a repeated field', `${good}steps: 5\n`, /^p\.yaml:10:1: found a field twice/],
    ['tabs', good.replace('model: {', 'model:\n\tbase: x\nx: {'), /^p\.yaml:\d+:\d+: found a tab/],
    ['latin-1', Buffer.from(good.replace('sums', 'caf\xe9'), 'latin1'), /^p\.yaml:1:1: found bytes that are not UTF-8/],
    ['UTF-16', Buffer.from(`\uFEFF${good}`, 'utf16le'), /^p\.yaml:1:1: found bytes .*UTF-16: save it as UTF-8/],
    ['brackets without end', `a: ${'['.repeat(100_000)}`, /nested more than/],
    ['indentation without end', Array.from({ length: 3000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), /nested more/],
    [
      'aliases that multiply',
      `a0: &a0 [x]\n${Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`).join('\n')}`,
      /^p\.yaml:1:1: Excessive alias count/,
    ],
    ['a field named __proto__', `${good}__proto__: { steps: 1 }\n`, /__proto__: is no field name/],
    ['a YAML set', `${good}x: !!set { a, b }\n`, /x: found a YAML Set|x: unknown field/],
    ['keys that are no text', `${good}1: x\n`, /^p\.yaml:10:1: 1: unknown field/],
  ])('is refused when it is or has %s', (_what, source, message) => {
    expect(outcome(source)).toMatch(message);
  });
});

describe('--set', () => {
  it.each([
    ['privileged.999999999=1', /^--set privileged\.999999999: 999999999 is no place in a list of 2; expected 0 to 2/],
    ['privileged.x=1', /x is no place in a list/],
    ['__proto__.x=1', /expected path=value/],
    ['constructor.prototype=1', /constructor: unknown field|constructor\.prototype: unknown field/],
    ['steps=1e15', /^--set steps: steps: found 1000000000000000; expected a number of at most 10000000/m],
    ['rollout.group=1e9', /rollout\.group: found 1000000000; expected a number of at most 65536/],
    ['learn.lr=10', /learn\.lr: found 10; expected a number of at most 1/],
    ['learn.lr=.nan', /learn\.lr: found NaN; expected a number/],
    ['learn.lr=.inf', /learn\.lr: found Infinity; expected/],
    ['rollout.maxTokens=1e300', /rollout\.maxTokens/],
    ['steps=[1', /^--set steps: .*; a value is YAML: put a text with \{ \[ : # in quotes$/],
    ['steps=*a', /^--set steps: /],
    ['steps', /expected path=value/],
  ])('%s is refused', (set, message) => {
    expect(outcome(good, [set])).toMatch(message);
  });

  it('refuses a step of more samples than fit', () => {
    expect(outcome(good, ['rollout.group=60000', 'learn.prompts=60000'])).toMatch(
      /rollout\.group: found 60000, which with learn\.prompts \(60000\) makes 3600000000 samples per step/,
    );
  });

  it('appends to a list and replaces what is there', () => {
    expect(outcome(good, ['privileged.1=reference', 'privileged.0=trace'])).toMatchObject({
      privileged: ['trace', 'reference'],
    });
  });

  it('ends in a spec or a message, whatever it is', () => {
    const key = fc.oneof(
      fc.constantFrom('learn', 'lr', 'privileged', '0', '-1', '1e9', 'model', 'toString', 'shape', 'rlsd', ' ', '<<'),
      fc.string({ maxLength: 6 }),
    );
    const value = fc.oneof(
      fc.constantFrom(
        '',
        '~',
        '{}',
        '[]',
        '&a [*a]',
        '!!binary x',
        '? a',
        '"',
        '- -',
        '{a: {b: [',
        '---',
        '1e999',
        '0x1',
      ),
      fc.string({ maxLength: 12 }),
      fc.json({ maxDepth: 3 }),
    );
    fc.assert(
      fc.property(fc.array(key, { minLength: 1, maxLength: 4 }), value, (keys, text) => {
        expect(['string', 'object']).toContain(typeof outcome(good, [`${keys.join('.')}=${text}`]));
      }),
      { numRuns: 300 },
    );
  });
});

it('any text ends in a spec or a message', () => {
  const line = fc.oneof(
    fc.constantFrom(...good.split('\n'), '  - x', '? [a, b] : c', 'a: *b', '&a', '%YAML 1.1', '<<: {}', 'x: |', '"'),
    fc.string({ maxLength: 20 }),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 14 }), (lines) => {
      expect(['string', 'object']).toContain(typeof outcome(lines.join('\n')));
    }),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(['string', 'object']).toContain(typeof outcome(bytes));
    }),
    { numRuns: 200 },
  );
});
