import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluateFile } from '../../../src/cli/commands/models/eval.js';
import { checkModelDigest, modelDigest, readConfig, readParameters } from '../../../src/models/folder.js';
import { baseFolder } from '../../../src/pipelines/plan/model.js';
import { exportRun } from '../../../src/runs/bundle/export.js';
import { openRunFolder } from '../../../src/runs/inspect/run-folder.js';
import { openLearner } from '../../../src/runs/open/resources.js';
import { weightsFolder } from '../../../src/runs/weights/publisher.js';
import { recordedWeights } from '../../../src/runs/weights/recorded.js';
import { restoreVersion } from '../../../src/runs/weights/restore.js';
import { UserError } from '../../../src/support/errors.js';
import { get } from '../../../src/support/required.js';
import { digests, newTinyFolder, type TinyRun, tinyRun } from '../tiny-run.js';

/** Three steps, of which every version of the weights is kept. */
const change = { steps: 3, teach: { every: 1, template: '{{ trace }} {{ question }}' }, publish: { keep: 5 } };
const LAST = 'weights/v000003';

let base: string;
let sound: TinyRun;
beforeAll(async () => {
  base = newTinyFolder();
  sound = await tinyRun(base, 'sound', change);
  return () => rmSync(base, { recursive: true });
});

let copies = 0;
/** A copy of the finished run, damaged. */
function damaged(how: (folder: string) => void): string {
  const name = `damaged${copies++}`;
  cpSync(sound.folder, join(base, name), { recursive: true });
  how(join(base, name));
  return name;
}

function flip(file: string, at = -1): void {
  const bytes = readFileSync(file);
  const place = (at + bytes.length) % bytes.length;
  bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
  writeFileSync(file, bytes);
}

/** Restores one version of a run; resolves to what was said. */
async function restored(name: string, version: number, input: string | undefined): Promise<string[]> {
  const { log, plan, manifest } = await openRunFolder(join(base, name), { readOnly: false });
  const told: string[] = [];
  const { spec, store, folder } = plan;
  const files = {
    log,
    run: manifest.run,
    learner: '',
    folder: join(base, name),
    base: baseFolder(spec, folder),
    spec,
    store,
  };
  const source = { files, input, openLearner: () => openLearner(plan), warn: (text: string) => void told.push(text) };
  try {
    const { digest } = get(await recordedWeights(log), version);
    await restoreVersion(source, { version, digest, location: weightsFolder(version) }, new UserError('x', 'broken'));
  } finally {
    await log.close();
  }
  return told;
}

const warnings = ({ events }: TinyRun) =>
  events.flatMap((event) => (event.event === 'warning' ? [event.message] : [])).join('\n');

describe('weights with a flipped byte', () => {
  it('are never loaded, wherever it is', () => {
    const [bad, file] = [join(base, 'flipped'), join(base, 'flipped', 'model.safetensors')];
    cpSync(join(base, 'model'), bad, { recursive: true });
    const digest = modelDigest(bad);
    const config = readConfig(bad);
    const bytes = readFileSync(file);
    expect(readParameters(bad, config, digest).size).toBeGreaterThan(0);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
        const flipped = Buffer.from(bytes);
        flipped.writeUInt8(flipped.readUInt8(at) ^ bits, at);
        writeFileSync(file, flipped);
        expect(() => readParameters(bad, config, digest)).toThrow(/damaged|model\.safetensors/);
        expect(() => checkModelDigest(bad, digest)).toThrow('damaged');
      }),
    );
  });

  it.each([
    ['the newest', 'v000003', 'its checkpoint'],
    ['an older one', 'v000001', 'the recorded samples'],
    ['the base', 'v000000', 'the base model'],
  ])('are made again for a run that needs them: %s', async (_, version, from) => {
    const name = damaged((folder) => flip(join(folder, 'weights', version, 'model.safetensors')));
    const told = await restored(name, Number(version.slice(1)), 'advantages');
    expect(told.at(-1)).toBe(`weights/${version}: made again from ${from}, with the digest of its record`);
    for (const file of ['model.safetensors', 'config.json', 'tokenizer.json'])
      expect(readFileSync(join(base, name, 'weights', version, file))).toEqual(
        readFileSync(join(sound.folder, 'weights', version, file)),
      );
    expect(readdirSync(join(base, name, 'weights')).filter((one) => one.endsWith('.partial'))).toEqual([]);
  });

  it('stay as they are, and are named, where nothing leads to them', async () => {
    const name = damaged((folder) => rmSync(join(folder, 'checkpoints'), { recursive: true }));
    const weights = join(base, name, LAST, 'model.safetensors');
    flip(weights);
    const before = readFileSync(weights);
    await expect(restored(name, 3, undefined)).rejects.toThrow(
      /^broken; it cannot be made again: .*checkpoint.*; this run does not have the samples that it was trained on$/,
    );
    expect(readFileSync(weights)).toEqual(before);
  });

  it('are found where a finished run is resumed, and are made again', async () => {
    const name = damaged((folder) => flip(join(folder, LAST, 'model.safetensors')));
    const again = await tinyRun(base, name, change);
    expect(warnings(again)).toMatch(/weights\/v000003: the weights are damaged: SHA-256 \w+, expected/);
    expect(again.summary.weights.digest).toBe(sound.summary.weights.digest);
    expect(modelDigest(again.summary.weights.path)).toBe(sound.summary.weights.digest);
    expect(await digests(again.folder)).toEqual(await digests(sound.folder));
  });

  it('are not exported, and not measured', async () => {
    const name = damaged((folder) => flip(join(folder, LAST, 'model.safetensors')));
    const to = join(base, 'damaged.tar');
    await expect(exportRun(join(base, name), { to })).rejects.toThrow(
      /v000003: SHA-256 \w+, expected \w+; nothing was/,
    );
    expect(existsSync(to)).toBe(false);
    const options = { prompts: join(base, 'sums.jsonl'), verify: '{ math: {} }', engine: 'onnx' };
    const rest = { samples: 1, temperature: 0, maxTokens: 2, seed: 0, limit: 1 };
    const measured = evaluateFile({ ...options, ...rest, model: join(base, name, LAST) });
    await expect(measured).rejects.toThrow('the weights are damaged');
  });
});

describe('a missing version', () => {
  it('is made again where a finished run is resumed', async () => {
    const name = damaged((folder) => rmSync(join(folder, LAST), { recursive: true }));
    const again = await tinyRun(base, name, change);
    expect(warnings(again)).toContain('v000003: made again from its checkpoint');
    expect(modelDigest(again.summary.weights.path)).toBe(sound.summary.weights.digest);
  });

  it('is named by an export', async () => {
    const name = damaged((folder) => rmSync(join(folder, LAST), { recursive: true }));
    const exported = exportRun(join(base, name), { to: join(base, 'missing.tar') });
    await expect(exported).rejects.toThrow(`${LAST}: no such folder, expected the newest weights`);
  });
});

describe('a damaged checkpoint', () => {
  it.each([
    ['flipped', (folder: string, file: string) => flip(join(folder, 'checkpoints/v000003', file))],
    ['missing', (folder: string) => rmSync(join(folder, 'checkpoints/v000003'), { recursive: true })],
  ])('that is %s is replaced by the recorded samples', async (_, how) => {
    const [file] = readdirSync(join(sound.folder, 'checkpoints/v000003')).filter((one) => /^state/.test(one));
    if (file === undefined) throw new Error('expected a state');
    const name = damaged((folder) => how(folder, file));
    const again = await tinyRun(base, name, change);
    expect(warnings(again)).toContain('trying the recorded samples');
    expect(again.summary.weights.digest).toBe(sound.summary.weights.digest);
  });

  it('of another run is not resumed from', async () => {
    const other = await tinyRun(base, 'other', { ...change, learn: { prompts: 2, lr: 5e-2, threads: 1 } });
    const name = damaged((folder) => {
      rmSync(join(folder, 'checkpoints/v000003'), { recursive: true });
      cpSync(join(other.folder, 'checkpoints/v000003'), join(folder, 'checkpoints/v000003'), { recursive: true });
    });
    const again = await tinyRun(base, name, change);
    expect(warnings(again)).toContain('its checkpoint leads to weights with SHA-256');
    expect(again.summary.weights.digest).toBe(sound.summary.weights.digest);
  });
});
