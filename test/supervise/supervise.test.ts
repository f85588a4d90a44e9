import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/models/folder.js';
import {
  checkSupervision,
  type SuperviseEvent,
  type SuperviseOptions,
  supervise,
} from '../../src/supervise/supervise.js';
import { sums } from '../runs/tiny-run.js';
import { tinyFile } from './tiny.js';

async function make(file: string, options: Partial<SuperviseOptions> = {}) {
  const events: SuperviseEvent[] = [];
  const out = join(dirname(file), 'model');
  const signal = new AbortController().signal;
  const result = await supervise(file, { out, signal, onEvent: (event) => void events.push(event), ...options });
  return { ...result, events };
}

describe('supervise', () => {
  it('makes the same bytes of the same file, whatever the number of threads, and measures them', async () => {
    const [one, other] = [await make(tinyFile()), await make(tinyFile({ learn: { batch: 8, lr: 1e-2, threads: 2 } }))];
    expect(one.digest).toBe(other.digest);
    expect(one.events.map(({ event }) => event)).toEqual(['started', 'step', 'step', 'step']);
    expect(one).toMatchObject({
      steps: 3,
      heldOut: {
        n: 4,
        plain: { loss: expect.any(Number), accuracy: expect.any(Number) },
        hinted: { loss: expect.any(Number), accuracy: expect.any(Number) },
        shuffled: { accuracy: expect.any(Number) },
      },
    });
  });

  it('learns, and continues from a model, whose files it keeps', async () => {
    const losses = ({ events }: { events: readonly SuperviseEvent[] }) =>
      events.flatMap((event) => (event.event === 'step' ? [event.loss] : []));
    const base = await make(tinyFile({ steps: 40 }));
    const [first = 0] = losses(base);
    expect(losses(base).at(-1)).toBeLessThan(first / 2);
    const more = await make(tinyFile({ steps: 1, model: { base: base.folder } }));
    expect(losses(more)[0]).toBeLessThan(first / 2);
    expect(readConfig(more.folder)).toEqual(readConfig(base.folder));
    const tokenizer = (folder: string) => readFileSync(join(folder, 'tokenizer.json'), 'utf8');
    expect(tokenizer(more.folder)).toBe(tokenizer(base.folder));
  });

  it('measures no accuracy without a verifier, no hints without a template, and nothing without held-out prompts', async () => {
    const { heldOut } = await make(tinyFile({ steps: 1, hinted: undefined, verify: undefined }));
    expect(heldOut).toEqual({ n: 4, plain: { loss: expect.any(Number) } });
    expect((await make(tinyFile({ steps: 1, prompts: { file: 'sums.jsonl' } }))).heldOut).toBeNull();
  });

  it('replaces a model only where asked', async () => {
    const file = tinyFile({ steps: 1 });
    const { folder, digest } = await make(file);
    await expect(make(file)).rejects.toThrow(`${folder}: contains a model; expected a new folder, or --overwrite`);
    expect((await make(file, { overwrite: true })).digest).toBe(digest);
  });

  it('stops between two steps and writes nothing', async () => {
    const file = tinyFile();
    const abort = new AbortController();
    const onEvent = ({ event }: SuperviseEvent) => event === 'step' && abort.abort();
    await expect(make(file, { signal: abort.signal, onEvent })).rejects.toThrow(
      'stopped after 1 of 3 steps; no model was written',
    );
    expect(existsSync(join(dirname(file), 'model'))).toBe(false);
  });

  it('ends with the row that it cannot read', async () => {
    const file = tinyFile({}, [...sums(20), '{"question": 5}']);
    await expect(make(file)).rejects.toThrow(/sums\.jsonl:21: question: found a number, expected a string/);
  });
});

describe('checkSupervision', () => {
  it('counts what it looked at: the first batch and the held-out prompts', async () => {
    expect(await checkSupervision(tinyFile())).toBe(12);
  });

  it.each<[object, RegExp]>([
    [{ completion: '{{ tracee }}' }, /sums\.jsonl:\d+: tracee: found no such column; did you mean trace\?/],
    [
      { model: { hiddenSize: 16, layers: 1, heads: 2, contextLength: 8 } },
      /tokens with its completion, expected at most 8/,
    ],
    [{ model: { base: 'nowhere' } }, /nowhere: no such folder/],
    [{ verify: { module: './none.mjs' } }, /none\.mjs/],
  ])('refuses %j', async (change, message) => {
    await expect(checkSupervision(tinyFile(change))).rejects.toThrow(message);
  });
});
