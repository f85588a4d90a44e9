import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { replayFrom } from '../../../src/replay/from.js';
import { verifyRun } from '../../../src/replay/verify/verify-run.js';
import { openRunFolder } from '../../../src/runs/inspect/run-folder.js';
import type { LogRecord } from '../../../src/topics/log.js';
import { tinyFolder, tinyRun } from '../../runs/tiny-run.js';

/** Offsets of a record's parts relative to its value; see `layout.ts`. */
function places({ key, headers, value }: LogRecord): Record<string, number> {
  const ofHeaders = -Buffer.byteLength(Object.keys(headers).length > 0 ? JSON.stringify(headers) : '');
  const ofKey = ofHeaders - Buffer.byteLength(key);
  return {
    value: (value?.length ?? 0) >> 1,
    key: ofKey,
    timestamp: ofKey - 14,
    checksum: ofKey - 19,
    ...(ofHeaders < 0 && { headers: ofHeaders + 3 }),
  };
}

/** Flips a bit at a place relative to a record's value, in every copy in the file: old pages contain some too. */
function flip(file: string, { headers, value }: LogRecord, place: number): void {
  const bytes = readFileSync(file);
  // Values of several topics start alike; the schema in the headers tells them apart.
  const before = Buffer.from(Object.keys(headers).length > 0 ? JSON.stringify(headers) : '');
  const needle = Buffer.concat([before, value ?? new Uint8Array()]);
  let at = bytes.indexOf(needle);
  expect(at).toBeGreaterThan(0);
  for (; at >= 0; at = bytes.indexOf(needle, at + needle.length)) {
    const flipped = at + before.length + place;
    bytes[flipped] = (bytes[flipped] ?? 0) ^ 4;
  }
  writeFileSync(file, bytes);
}

it('finds and names a flipped bit in any topic or file of a run', async () => {
  const folder = tinyFolder();
  const { folder: run } = await tinyRun(folder, 'run', { steps: 1, evaluate: { every: 1 } });
  const { log, plan } = await openRunFolder(run);
  const records: LogRecord[] = [];
  for (const { name } of plan.topics) records.push(...(await log.read(name, 0, 0n, 64)).slice(-1));
  await log.close();
  expect(records.map(({ topic }) => topic).sort()).toEqual(
    [
      'source',
      'weights',
      'metrics',
      'evaluations',
      'prompts',
      'rollouts',
      'verdicts',
      'teacher-scores',
      'advantages',
      'references',
      'privileged',
      'manifest',
    ].sort(),
  );
  const copy = join(folder, 'copy');
  const [file, original] = [join(copy, 'topics/data.mdb'), join(run, 'topics/data.mdb')];
  cpSync(run, copy, { recursive: true });
  for (const record of records)
    for (const [part, place] of Object.entries(places(record))) {
      cpSync(original, file);
      flip(file, record, place);
      const { topic, offset } = record;
      expect(await verifyRun(copy), `${topic} ${part}`).toMatchObject({
        equal: false,
        mode: 'checksums',
        difference: { topic, partition: 0, offset, field: 'checksum', expected: expect.stringMatching(/^0x/) },
      });
    }
  cpSync(original, file);
  const rollouts = records.find(({ topic }) => topic === 'rollouts');
  if (rollouts) flip(file, rollouts, 10);
  await expect(replayFrom(copy, { from: 'rollouts', to: join(folder, 'replay') })).rejects.toMatchObject({
    code: 'damaged-record',
    message: expect.stringMatching(/topic rollouts, partition 0, offset \d+: damaged record/),
  });
  cpSync(original, file);

  const flipFile = (name: string) => {
    const bytes = readFileSync(join(run, name));
    bytes[bytes.length - 5] = (bytes.at(-5) ?? 0) ^ 1;
    writeFileSync(join(copy, name), bytes);
  };
  flipFile('weights/v000001/model.safetensors');
  expect((await verifyRun(copy)).difference).toMatchObject({
    topic: 'weights',
    field: 'weights/v000001/model.safetensors',
    expected: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  cpSync(join(run, 'weights'), join(copy, 'weights'), { recursive: true });
  for (const name of readdirSync(join(run, 'checkpoints/v000001'))) {
    flipFile(`checkpoints/v000001/${name}`);
    expect((await verifyRun(copy)).difference, name).toMatchObject({
      topic: 'weights',
      field: 'checkpoints/v000001',
      expected: 'the checkpoint as written',
      found: expect.stringContaining('v000001'),
    });
    cpSync(join(run, 'checkpoints'), join(copy, 'checkpoints'), { recursive: true });
  }
  const manifest = readFileSync(join(run, 'manifest.json'), 'utf8');
  writeFileSync(join(copy, 'manifest.json'), manifest.replace('"lr": 0.01', '"lr": 0.02'));
  expect((await verifyRun(copy)).difference).toMatchObject({
    topic: 'manifest',
    field: 'spec.learn.lr',
    expected: '0.01',
    found: '0.02',
  });
  writeFileSync(join(copy, 'manifest.json'), manifest);
  expect(await verifyRun(copy)).toMatchObject({ equal: true, difference: null });
}, 120_000);
