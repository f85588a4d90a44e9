import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadTransforms } from '../../../src/pipelines/plan/transforms.js';
import type { PipelineInput } from '../../../src/pipelines/spec/spec.js';
import { openRunFolder } from '../../../src/runs/inspect/run-folder.js';
import { claimFolder, readManifest, writeManifest } from '../../../src/runs/manifest/manifest.js';
import { scan } from '../../../src/topics/scan.js';
import { tinyFolder, tinyRun } from '../tiny-run.js';

const documents: Partial<PipelineInput> = {
  steps: 1,
  evaluate: { every: 1 },
  privileged: { sources: [{ files: ['docs/*.md'] }], join: ['trace', { search: 1 }] },
  teach: { every: 2, contextTokens: 8, template: '{{ context }} {{ question }}' },
};

it('a run resumes only with its original manifest; every difference is named', async () => {
  const folder = tinyFolder();
  mkdirSync(join(folder, 'docs'));
  writeFileSync(join(folder, 'docs/a.md'), 'two plus two is four');
  writeFileSync(join(folder, 'same.mjs'), 'export default () => (source) => source;\n');
  const spec = { ...documents, transform: { rollouts: ['same.mjs'] } };
  const transforms = await loadTransforms({ transform: spec.transform }, folder);
  const run = (change: Partial<PipelineInput> = {}) => tinyRun(folder, 'run', { ...spec, ...change }, { transforms });
  await run();

  const differs = async (field: string, change: Partial<PipelineInput> = {}) =>
    expect(run(change), field).rejects.toMatchObject({
      code: 'other-manifest',
      message: expect.stringMatching(new RegExp(`\\n  ${field}: the run has "?.+"?, this pipeline "?.+"?\\n`)),
    });
  await differs('spec\\.seed', { seed: 4 });
  await differs('spec\\.learn\\.lr', { learn: { prompts: 2, lr: 2e-2, threads: 1 } });
  await differs('teacherTemplate', { teach: { ...spec.teach, template: '{{ context }}: {{ question }}' } });
  await differs('verifier', { verify: { regex: { pattern: '[0-5]' } } });
  await differs('shaper', { shape: 'rlsd' });

  const withFile = async (name: string, change: (text: string) => string, field: string) => {
    const file = join(folder, name);
    const before = readFileSync(file);
    writeFileSync(file, Buffer.from(change(before.toString('latin1')), 'latin1'));
    await differs(field);
    writeFileSync(file, before);
  };
  await withFile('docs/a.md', (text) => `${text}!`, 'documents\\.docs/a\\.md');
  await withFile('sums.jsonl', (text) => text.replace('trace', 'trace '), 'prompts');
  await withFile('same.mjs', (text) => `${text}//`, 'transform\\.rollouts\\.same');
  await withFile('model/tokenizer.json', (text) => `${text} `, 'model\\.tokenizer');
  await withFile('model/model.safetensors', (text) => `${text.slice(0, -1)}\u0001`, 'model\\.weights');
  await withFile(
    'model/tokenizer_config.json',
    (text) =>
      JSON.stringify({ ...JSON.parse(text), chat_template: '{% for m in messages %}{{ m.content }}!{% endfor %}' }),
    'model\\.template',
  );

  const was = readManifest(join(folder, 'run'));
  const recorded = (change: object) => writeManifest(join(folder, 'run'), { ...was, ...change });
  for (const [field, change] of Object.entries({
    code: { code: 'a' },
    'schemas\\.prompts': { schemas: { ...was.schemas, prompts: 'a' } },
    'versions\\.onnxruntime-node': { versions: { ...was.versions, 'onnxruntime-node': '0.1.0' } },
  })) {
    recorded(change);
    await differs(field);
  }
  recorded({ versions: { ...was.versions, node: 'v1.0.0' }, machine: { ...was.machine, features: [] } });
  await run();

  const { log } = await openRunFolder(join(folder, 'run'));
  const inTopic = [];
  for await (const { value } of scan(log, 'manifest', 0)) inTopic.push(JSON.parse(Buffer.from(value ?? []).toString()));
  await log.close();
  const { folder: _, ...portable } = was;
  expect(inTopic).toEqual([portable]);
  expect(was.documents).toEqual({ 'docs/a.md': expect.stringMatching(/^[0-9a-f]{64}$/) });
}, 60_000);

it('a run whose topics are gone does not start over', async () => {
  const folder = tinyFolder();
  const { folder: run } = await tinyRun(folder, 'run', { steps: 1, evaluate: { every: 1 } });
  rmSync(join(run, 'topics'), { recursive: true });
  await expect(tinyRun(folder, 'run', { steps: 1, evaluate: { every: 1 } })).rejects.toMatchObject({
    code: 'topics-deleted',
    message: expect.stringMatching(/topic rollouts: is missing/),
  });
  // A start that was killed before there were topics left nothing but the manifest.
  rmSync(join(run, 'weights'), { recursive: true });
  rmSync(join(run, 'topics'), { recursive: true });
  expect((await tinyRun(folder, 'run', { steps: 1, evaluate: { every: 1 } })).summary.steps).toBe(1);
});

it('reads the manifest of a run of 0.1.0, whose transforms are called through', async () => {
  const { folder } = await tinyRun(tinyFolder(), 'run', { steps: 1, evaluate: { every: 1 } });
  const file = join(folder, 'manifest.json');
  const { transform: _, ...manifest } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...manifest, through: { 'verdicts.half': 'abc' } }));
  const read = readManifest(folder);
  expect(read.transform).toEqual({ 'verdicts.half': 'abc' });
  expect(read).not.toHaveProperty('through');
}, 60_000);

it('rejects a manifest of another version, and a missing one', () => {
  const folder = tinyFolder([]);
  expect(() => readManifest(folder)).toThrow(/no run here/);
  writeFileSync(join(folder, 'manifest.json'), '{');
  expect(() => readManifest(folder)).toThrow(/manifest.json: not JSON/);
  writeFileSync(join(folder, 'manifest.json'), '{"format": 2}');
  expect(() => readManifest(folder)).toThrow(/found format 2, expected 1/);
  expect(() => claimFolder(folder, {} as never)).toThrow(/found format 2, expected 1/);
  writeFileSync(join(folder, 'manifest.json'), '{"format": 1}');
  expect(() => readManifest(folder)).toThrow(/manifest.json: run: found undefined, expected a string/);
});
