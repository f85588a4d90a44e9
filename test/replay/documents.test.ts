import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ingestPrivileged } from '../../src/cli/commands/privileged.js';
import type { PipelineInput } from '../../src/pipelines/spec/spec.js';
import { diffRuns } from '../../src/replay/diff/diff-runs.js';
import { replayFrom } from '../../src/replay/from.js';
import { verifyRun } from '../../src/replay/verify/verify-run.js';
import { forgetDocument } from '../../src/runs/inspect/forget-document.js';
import { readManifest } from '../../src/runs/manifest/manifest.js';
import { records, tinyFolder, tinyRun } from '../runs/tiny-run.js';

const spec: Partial<PipelineInput> = {
  privileged: { sources: [{ files: ['docs/*.md'] }], join: [{ search: 1 }] },
  teach: { every: 2, contextTokens: 16, template: '{{ context }} {{ question }}' },
};

/** A project folder with documents. */
function project(documents: Record<string, string>): { folder: string; write: (name: string, text: string) => void } {
  const folder = tinyFolder();
  const write = (name: string, text: string) => {
    mkdirSync(join(folder, 'docs'), { recursive: true });
    mkdirSync(join(folder, 'other'), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  for (const [name, text] of Object.entries(documents)) write(name, text);
  return { folder, write };
}

const words = Array.from({ length: 20 }, (_, n) => n).join(' ');

/** Document versions that the teacher was shown. */
const shown = async (run: string) =>
  new Set(
    (await records(run, 'teacher-scores')).flatMap(({ documents }) =>
      documents.map(({ id, version }) => `${id}@${version}`),
    ),
  );

/** Runs one step, changes the documents, and resumes. */
async function changedAlong(folder: string, change: () => void) {
  const abort = new AbortController();
  const stopped = tinyRun(folder, 'run', spec, { signal: abort.signal, onStep: () => abort.abort() });
  await expect(stopped).rejects.toMatchObject({ code: 'stopped' });
  change();
  await expect(tinyRun(folder, 'run', spec)).rejects.toMatchObject({ code: 'other-manifest' });
  await ingestPrivileged(join(folder, 'run'), { json: true });
  return (await tinyRun(folder, 'run', spec)).folder;
}

it('verifies with the document versions that each step was shown', async () => {
  const { folder, write } = project({ 'docs/a.md': 'nothing that is asked', 'docs/b.md': `first ${words}` });
  const changed = await changedAlong(folder, () => write('docs/b.md', `second ${words}`));
  expect((await shown(changed)).size).toBe(2);
  const report = await verifyRun(changed);
  expect(report).toMatchObject({
    equal: true,
    mode: 'prompts',
    notes: [expect.stringMatching(/documents have changed since the run began/)],
  });

  const other = project({ 'docs/a.md': 'nothing that is asked', 'docs/b.md': words });
  const added = await changedAlong(other.folder, () => other.write('docs/c.md', '0 1 2 3 4'));
  expect((await shown(added)).size).toBe(2);
  expect(Object.keys(readManifest(added).documents ?? {})).toEqual(['docs/a.md', 'docs/b.md', 'docs/c.md']);
  expect(await verifyRun(added)).toMatchObject({ equal: true, mode: 'prompts', difference: null });
}, 60_000);

it('replays with other documents, and reports what a forgotten document prevents', async () => {
  const { folder } = project({ 'docs/a.md': words, 'other/o.md': `other ${words}` });
  const { folder: run } = await tinyRun(folder, 'run', spec);
  const replay = (name: string, ...set: string[]) => replayFrom(run, { from: 'verdicts', to: join(folder, name), set });
  const differs = (name: string) => diffRuns(run, join(folder, name));
  await replay('other-documents', 'privileged.sources.0.files.0="other/*.md"');
  expect([...(await shown(join(folder, 'other-documents')))]).toEqual([expect.stringMatching(/^other\/o.md@/)]);
  expect(await differs('other-documents')).toMatchObject({ samples: 32, verdictsChanged: 0, firstChange: { step: 0 } });

  await forgetDocument(run, 'docs/a.md');
  const report = await verifyRun(run);
  expect(report).toMatchObject({
    equal: true,
    mode: 'recorded',
    notes: [expect.stringMatching(/^docs\/a.md: was forgotten, and judging/)],
  });
  expect(report.topics.map(({ topic }) => topic)).toEqual(['verdicts', 'advantages']);
  // Reused scores do not need the document.
  await replay('same');
  expect(await differs('same')).toMatchObject({ samples: 32, firstChange: null });
  const taught = new Set(
    (await records(run, 'teacher-scores')).flatMap((score) => (score.documents.length > 0 ? [score.promptId] : [])),
  );
  await replay('template', 'teach.template="{{ context }} = {{ question }}"');
  const letters = await records(join(folder, 'template'), 'dead-letters');
  expect(new Set(letters.map(({ key }) => key))).toEqual(taught);
  for (const letter of letters)
    expect(letter).toMatchObject({
      stage: 'teach',
      cause: 'context-gone',
      error: expect.stringMatching(/docs\/a.md.*forgotten/),
    });
  expect(await differs('template')).toMatchObject({
    samples: 32 - 4 * taught.size,
    unmatched: { was: 4 * taught.size },
  });
}, 60_000);
