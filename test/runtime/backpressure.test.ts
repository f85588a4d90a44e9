import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { mergeMap, NEVER } from 'rxjs';
import { expect, it } from 'vitest';
import { defineTransform } from '../../src/operators/transform.js';
import { openEmbedded } from '../../src/topics/embedded/index.js';
import type { TopicLog } from '../../src/topics/log.js';
import { constantEngine, tinyFolder, tinyPipeline, tinyRun } from '../runs/tiny-run.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Bytes in use: the heap and the buffers beside it. */
function used(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

it('behind a sink that never finishes, an endless source comes to rest: no stage reads on, and memory stays flat', async () => {
  const base = tinyFolder();
  const taken: string[] = [];
  const sink = () =>
    mergeMap(({ promptId, sampleIndex }: { promptId: string; sampleIndex: number }) => {
      taken.push(`${promptId}/${sampleIndex}`);
      return NEVER;
    });
  const abort = new AbortController();
  const change = {
    model: { ...tinyPipeline.model, engine: { module: constantEngine } },
    prompts: { generate: 'chain-sum' },
    steps: 100_000,
    flow: { maxLag: 3, credit: 3 },
  } as const;
  const transforms = [defineTransform('verdicts', 'sink', sink, { unit: 'record' })];
  const run = tinyRun(base, 'run', change, { transforms, signal: abort.signal }).catch((error) => error);

  const folder = join(base, 'run/topics');
  while (!existsSync(join(folder, 'data.mdb'))) await turn();
  const log: TopicLog = await openEmbedded(folder, { readOnly: true });
  const counts = async () =>
    Object.fromEntries((await log.describe()).map(({ name, bounds }) => [name, Number(bounds[0]?.end)]));
  // Prompts: five steps ahead of training and the four that may overlap, two a step. Those of four steps can be sampled
  // at once.
  const rest = { prompts: 18, rollouts: 32, verdicts: 32, 'verdicts.sink': 0, advantages: 0, weights: 1 };
  // The sink takes one at a time; what is read ahead of it stays within its credit.
  for (;;) {
    const now = await counts();
    if (Number(now.verdicts) >= rest.verdicts && Number(now.prompts) >= rest.prompts && taken.length === 1) break;
    await turn();
  }
  const before = used();
  for (let i = 0; i < 3000; i++) await turn();
  expect(await counts()).toMatchObject(rest);
  expect(taken).toHaveLength(1);
  expect(used() - before).toBeLessThan(2 * 2 ** 20);
  await log.close();
  abort.abort();
  expect(await run).toMatchObject({ code: 'stopped' });
});
