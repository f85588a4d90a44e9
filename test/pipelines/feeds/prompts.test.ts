import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { promptFeed } from '../../../src/pipelines/feeds/prompts.js';
import { openSources } from '../../../src/pipelines/feeds/sources.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { fromRecord } from '../../../src/topics/record-codec.js';
import { tinyPipeline } from '../../runs/tiny-run.js';

/** Ids of the first prompts that a feed writes from a file of these rows. */
async function promptIds(rows: readonly object[], count: number): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-feed-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'p.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  const spec = checkSpec({ ...tinyPipeline, prompts: { file: 'p.jsonl' } });
  const { tasks } = await openSources(spec, folder);
  const table = { catchUp: async () => {}, document: async () => undefined };
  const feed = promptFeed(tasks, { name: 'ingest', spec, table, run: 'r', now: () => 0 });
  const ids: string[] = [];
  for await (const fed of feed.from(new Map())) {
    for (const append of await fed.appends(BigInt(ids.length), 0))
      if (append.topic === 'prompts' && append.value !== null)
        ids.push(
          fromRecord('prompts', { ...append, value: append.value, partition: 0, offset: 0n, timestamp: 0, headers: {} })
            .promptId,
        );
    if (ids.length >= count) break;
  }
  return ids;
}

describe('the prompts of several passes', () => {
  it('have different ids, whatever the ids of the file are', async () => {
    const items = ['a', 'a#1', 'a#1#0', '#1', 'a/1', '__proto__', 'constructor', 'é\n', 'x'.repeat(5000)];
    const ids = await promptIds(
      items.map((id) => ({ id, question: `${id}?` })),
      3 * items.length,
    );
    expect(new Set(ids).size).toBe(3 * items.length);
    expect(ids.filter((id) => id.startsWith('a/1'))).toEqual(['a/1', 'a/1#1', 'a/1#2']);
  });
});
