import { describe, expect, it } from 'vitest';
import { isSupervision, readSupervision } from '../../src/supervise/spec.js';
import { tinyProject } from '../cli/cli.js';
import { tinyFile } from './tiny.js';

describe('a file of rlsd supervise', () => {
  it('is read with its defaults', () => {
    const { spec } = readSupervision(tinyFile({ completion: undefined, hinted: { template: 'x' }, verify: undefined }));
    expect(spec).toMatchObject({
      completion: '{{ trace }}',
      hinted: { share: 0.5 },
      learn: { schedule: 'constant', warmup: 0, microTokens: 2048 },
      evaluate: { maxTokens: 64 },
    });
  });

  it.each<[object, RegExp]>([
    [{ stepz: 3 }, /tiny\.yaml:\d+:1: stepz: unknown field; did you mean steps\?/],
    [{ steps: 0 }, /tiny\.yaml:3:1: steps: found 0; expected a number of at least 1/],
    [
      { model: { hiddenSize: 18, layers: 1, heads: 2 } },
      /hiddenSize: found \d+; expected a multiple of \d+, twice the number of heads/,
    ],
    [{ model: { base: 'x', layers: 2 } }, /model\.\w+: does not go with \w+; expected one or the other/],
    [{ prompts: { topic: 'questions' } }, /prompts\.topic: expected a file, a module or a generator/],
    [{ prompts: { file: 'sums.jsonl', limit: 3 } }, /prompts\.limit: unknown field; `steps` and `learn\.batch`/],
    [{ learn: { lr: 1, batch: 1 } }, /hinted\.share: found 0\.5, which is 1 of a batch of 1; expected at least one/],
    [{ verify: { maths: {} } }, /verify.*maths.*math/],
  ])('%j is refused with its place', (change, message) => {
    expect(() => readSupervision(tinyFile(change))).toThrow(message);
  });

  it('has every problem at once, and those of --set under their option', () => {
    const read = () => readSupervision(tinyFile({ seed: -1 }), ['learn.lr=fast']);
    expect(read).toThrow(/tiny\.yaml:2:1: seed: .*\n--set learn\.lr: learn\.lr: found "fast"; expected a number/);
  });

  it('is told from a pipeline', () => {
    expect(isSupervision(tinyFile())).toBe(true);
    expect(isSupervision(tinyProject().file)).toBe(false);
  });
});
