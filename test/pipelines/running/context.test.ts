import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planOf } from '../../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { replayFrom } from '../../../src/replay/from.js';
import { runPipeline } from '../../../src/runs/run.js';
import { digest } from '../../../src/support/digest.js';
import { tinyModel } from '../../models/tiny-model.js';
import { records, sums, tinyFolder, tinyPipeline, tinyRun } from '../../runs/tiny-run.js';

describe('the context of a run', () => {
  it('is the declared source where the prompts have a text of the same item, which is told of', async () => {
    const base = tinyFolder();
    const traces = Array.from({ length: 40 }, (_, n) => JSON.stringify({ item: `s${n}`, steps: `by hand ${n}` }));
    writeFileSync(join(base, 'keyed.jsonl'), traces.join('\n'));
    const sources = [{ keyed: 'keyed.jsonl', key: 'item', trace: 'steps', label: 'team' }];
    const { folder } = await tinyRun(base, 'run', {
      steps: 1,
      privileged: { sources, join: ['trace'], labels: ['team'] },
    });
    const scores = await records(folder, 'teacher-scores');
    const shown = scores.flatMap(({ itemId, documents }) => documents.map(({ version }) => ({ itemId, version })));
    expect(shown.length).toBeGreaterThan(0);
    for (const { itemId, version } of shown) expect(version).toBe(digest(`by hand ${itemId.slice(1)}`));
    const labels = (await records(folder, 'privileged')).map(({ label }) => label);
    expect(new Set(labels)).toEqual(new Set(['team']));
    const letters = await records(folder, 'dead-letters');
    expect(letters.map(({ cause }) => cause)).toEqual(['document-twice', 'document-twice']);
    expect(letters[0]?.error).toMatch(/^sums\.jsonl:\d+: document trace:s\d+ is in the source keyed\.jsonl already/);
  }, 60_000);

  it('that is not found for a prompt makes its samples dead letters, and the run goes on with the others', async () => {
    const lines = sums(24).map((line, n) =>
      n === 3 ? JSON.stringify({ ...JSON.parse(line), trace: undefined }) : line,
    );
    const { folder, summary } = await tinyRun(tinyFolder(lines), 'run', {
      prompts: { file: 'sums.jsonl', heldOut: 0, shuffle: false },
    });
    const letters = await records(folder, 'dead-letters');
    expect(letters).toHaveLength(4);
    for (const { cause, error, stage } of letters) {
      expect({ cause, stage }).toEqual({ cause: 'no-context', stage: 'teach' });
      expect(error).toBe('item s3: found no privileged context, expected a trace with that item id');
    }
    expect(summary.weights.version).toBe(tinyPipeline.steps);
    expect(await records(folder, 'advantages')).toHaveLength(7 * 4);
  });

  it('is recorded by version when a document changes during a run, and a replay shows each sample the version of its time', async () => {
    const base = tinyFolder();
    tinyModel({ folder: join(base, 'model'), hiddenSize: 16, layers: 1, contextLength: 256, gain: 2 });
    mkdirSync(join(base, 'docs'));
    const write = (text: string) => writeFileSync(join(base, 'docs', 'rule.md'), text);
    const folder = join(base, 'run');
    const spec = checkSpec({
      ...tinyPipeline,
      privileged: { sources: [{ files: ['docs/*.md'] }], join: [{ documents: ['docs/rule.md'] }], watch: 3600 },
      teach: { every: 2, template: '{{ context }} {{ question }}', contextTokens: 100 },
    });
    const run = async (stopAfter: number) => {
      const stop = new AbortController();
      const onEvent = (event: { readonly event: string; readonly step?: number }) => {
        if (event.event === 'step' && event.step === stopAfter) stop.abort();
      };
      await runPipeline({ plan: planOf(spec, base), folder, signal: stop.signal, onEvent });
    };
    write('add one to the number');
    await expect(run(1)).rejects.toMatchObject({ code: 'stopped' });
    write('count one further on the line');
    await run(-1);

    const recorded = await records(folder, 'teacher-scores');
    const versionsAt = (step: number) =>
      new Set(
        recorded.filter((score) => score.step === step).flatMap(({ documents }) => documents.map((d) => d.version)),
      );
    expect([...versionsAt(0)]).toHaveLength(1);
    expect([...versionsAt(3)]).toHaveLength(1);
    expect(versionsAt(0)).not.toEqual(versionsAt(3));

    // Another spelling of the same template: everything is scored anew, and must come out the same.
    const to = join(base, 'replay');
    await replayFrom(folder, { from: 'verdicts', to, set: ['teach.template="{{context}} {{question}}"'] });
    const replayed = await records(to, 'teacher-scores');
    const shown = (scores: typeof recorded) =>
      scores.map(({ promptId, sampleIndex, documents, teacherLogprobs }) => ({
        place: `${promptId}/${sampleIndex}`,
        documents,
        teacherLogprobs: teacherLogprobs && Buffer.from(teacherLogprobs).toString('hex'),
      }));
    expect(replayed.map(({ teacherTemplateHash }) => teacherTemplateHash)).not.toEqual(
      recorded.map(({ teacherTemplateHash }) => teacherTemplateHash),
    );
    expect(shown(replayed)).toEqual(shown(recorded));
  }, 60_000);
});
