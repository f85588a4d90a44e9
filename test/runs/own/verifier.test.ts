import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { records, tinyFolder, tinyRun } from '../tiny-run.js';

it('judges by a function in a file next to the pipeline', async () => {
  const folder = tinyFolder();
  const source = 'export const low = ({ completion }: { completion: string }) => /[0-4]/.test(completion);';
  writeFileSync(join(folder, 'judge.ts'), source);
  const verify = { function: { module: './judge.ts', name: 'low' } };
  const run = await tinyRun(folder, 'run', { steps: 1, verify });
  const verdicts = await records(run.folder, 'verdicts');
  expect(verdicts.length).toBeGreaterThan(0);
  for (const { completion, reward, verifier } of verdicts)
    expect([verifier, reward]).toEqual(['function', /[0-4]/.test(completion) ? 1 : 0]);
});

it('writes a dead letter, not a verdict, for a sample that a service does not judge', async () => {
  const asked = new Map<string, number>();
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      const { promptId, completion } = JSON.parse(body);
      const times = (asked.get(promptId) ?? 0) + 1;
      asked.set(promptId, times);
      // Of a group of samples only the first is judged.
      if (times > 1) response.writeHead(500).end();
      else response.end(JSON.stringify({ verdict: 'correct', reward: completion.length / 100 }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const run = await tinyRun(tinyFolder(), 'run', {
    steps: 1,
    verify: { http: { url, retries: 0 } },
  });
  const [verdicts, letters] = [await records(run.folder, 'verdicts'), await records(run.folder, 'dead-letters')];
  const failed = letters.filter(({ stage }) => stage === 'verify');
  expect(failed.length).toBeGreaterThan(0);
  for (const { error } of failed) expect(error).toContain('status 500, after 1 attempts');
  expect(verdicts.filter(({ reward, completion }) => reward !== completion.length / 100)).toEqual([]);
});
