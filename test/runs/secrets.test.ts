import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { exportRun } from '../../src/runs/bundle/export.js';
import { redact } from '../../src/support/secrets.js';
import { records, tinyFolder, tinyRun } from './tiny-run.js';

const MARKER = 'marker-7f3a1c9e';
const RENEWED = 'marker-renewed-55';

/** A verifier that repeats the secret in all that it says, and refuses the first question. */
async function service(seen: string[]): Promise<string> {
  const server = createServer((request, response) => {
    const token = String(request.headers.authorization);
    seen.push(`${token} ${request.headers['x-key']} ${request.url}`);
    request.resume().on('end', () => {
      const reason = `asked with ${token}`;
      const evidence = { url: String(request.url), header: token };
      response.end(JSON.stringify({ verdict: 'incorrect', reward: seen.length % 2, reason, evidence }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

it('never leave the process: not in manifest, topics, bundle or errors, and are read again on resume', async () => {
  const seen: string[] = [];
  const base = tinyFolder();
  writeFileSync(join(base, 'key.txt'), `${MARKER}-in-a-file\n`);
  vi.stubEnv('RLSD_TEST_SECRET', MARKER);
  vi.stubEnv('RLSD_TEST_URL', `${await service(seen)}/judge?key=${MARKER}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  const change = {
    steps: 1,
    verify: {
      http: {
        url: { env: 'RLSD_TEST_URL' },
        headers: { authorization: `Bearer $\{RLSD_TEST_SECRET}`, 'x-key': { file: 'key.txt' } },
        retries: 0,
      },
    },
  };
  const { folder } = await tinyRun(base, 'run', change);
  expect(seen[0]).toBe(`Bearer ${MARKER} ${MARKER}-in-a-file /judge?key=${MARKER}`);
  const [verdict] = await records(folder, 'verdicts');
  expect(verdict?.reason).toBe(`asked with Bearer $\{RLSD_TEST_SECRET}`);
  const bundle = join(base, 'run.tar');
  await exportRun(folder, { to: bundle });
  for (const file of [...filesIn(folder), bundle]) expect(readFileSync(file).includes(MARKER), file).toBe(false);
  expect(readFileSync(join(folder, 'manifest.json'), 'utf8')).toContain('RLSD_TEST_SECRET');

  vi.stubEnv('RLSD_TEST_SECRET', RENEWED);
  await tinyRun(base, 'run', change);
  vi.stubEnv('RLSD_TEST_SECRET', '');
  await expect(tinyRun(base, 'run', change)).rejects.toThrow(
    /verify\.http\.headers\.authorization: the environment variable RLSD_TEST_SECRET is not set/,
  );
  expect(redact(`x ${MARKER}`)).not.toContain(MARKER);
}, 60_000);
