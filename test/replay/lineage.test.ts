import { describe, expect, it } from 'vitest';
import { lineageOf } from '../../src/replay/lineage.js';
import { openRunFolder } from '../../src/runs/inspect/run-folder.js';
import { recordedRun } from './recorded-run.js';

const run = recordedRun();

describe('lineageOf', () => {
  it('names what made a sample, and the weights trained on it', async () => {
    const opened = await openRunFolder(run.folder);
    const group = await lineageOf(opened, run.folder, { step: 1 });
    expect(group).toHaveLength(12);
    const [first] = group;
    const [sample] = await lineageOf(opened, run.folder, { sample: `${first?.promptId}/2`, token: 0 });
    expect(sample).toMatchObject({
      step: 1,
      sampleIndex: 2,
      policy: { version: 1 },
      verifier: { name: 'regex' },
      weights: { version: 2, onDisk: true },
      token: { index: 0, trained: true },
    });
    const taught = (await lineageOf(opened, run.folder, { step: 0 })).find(({ documents }) => documents.length > 0);
    const [document] = taught?.documents ?? [];
    if (document) {
      const uses = await lineageOf(opened, run.folder, { document: document.id });
      expect(uses.every(({ itemId }) => itemId === taught?.itemId)).toBe(true);
    }
    await expect(lineageOf(opened, run.folder, { sample: `${first?.promptId}/9` })).rejects.toMatchObject({
      code: 'unknown-sample',
      message: expect.stringContaining('did you mean'),
    });
    await expect(lineageOf(opened, run.folder, { sample: `${first?.promptId}/2`, token: 99 })).rejects.toThrow(
      /--token 99/,
    );
    await opened.log.close();
  });
});
