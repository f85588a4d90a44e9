import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished, vi } from 'vitest';
import { loadPlan } from '../../src/pipelines/plan/load-method.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import type { PipelineInput } from '../../src/pipelines/spec/spec.js';
import { exportRun } from '../../src/runs/bundle/export.js';
import { runPipeline } from '../../src/runs/run.js';
import { redact } from '../../src/support/secrets.js';
import { rlsd } from '../cli/cli.js';
import { records, tinyFolder, tinyPipeline, tinyRun } from './tiny-run.js';

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

/** A method and a loss that keep what they were given, and refuse a token that is too long. */
function ownModules(base: string): { readonly given: Map<string, string> } {
  const given = new Map<string, string>();
  Reflect.set(globalThis, 'rlsdTestGiven', given);
  onTestFinished(() => void Reflect.deleteProperty(globalThis, 'rlsdTestGiven'));
  const from = (path: string) => JSON.stringify(fileURLToPath(new URL(`../../dist/${path}`, import.meta.url)));
  const zod = JSON.stringify(import.meta.resolve('zod'));
  const settings = 'z.strictObject({ token: z.string().max(40), key: z.string() })';
  const keep = (name: string) => `globalThis.rlsdTestGiven.set('${name}', token + ' ' + key)`;
  writeFileSync(
    join(base, 'method.mjs'),
    `import { grpoDefinition } from ${from('methods/grpo.js')};
    import { z } from ${zod};
    export default { ...grpoDefinition, name: 'guarded', settings: ${settings},
      create: ({ token, key }) => { ${keep('method')}; return grpoDefinition.create(grpoDefinition.settings.parse({})); } };`,
  );
  writeFileSync(
    join(base, 'loss.mjs'),
    `import { defineLoss } from ${from('losses/loss.js')};
    import { z } from ${zod};
    export default defineLoss({ name: 'guarded', summary: '', settings: ${settings}, needsAdvantage: true,
      build(e, at, { token, key }) { ${keep('loss')};
        return { value: e.neg(e.mul(at.tokenAdvantages, at.logprobs)), gradient: { logprobs: e.neg(at.tokenAdvantages) }, metrics: {} }; } });`,
  );
  return { given };
}

it('reach methods and losses of your own, and are recorded as references', async () => {
  const base = tinyFolder();
  const { given } = ownModules(base);
  writeFileSync(join(base, 'key.txt'), `${MARKER}-key\n`);
  vi.stubEnv('RLSD_TEST_SECRET', MARKER);
  onTestFinished(() => void vi.unstubAllEnvs());
  const own = { token: { env: 'RLSD_TEST_SECRET' }, key: `$\{file:key.txt}` };
  const change: Partial<PipelineInput> = {
    steps: 1,
    shape: { module: './method.mjs', ...own },
    learn: { prompts: 2, lr: 1e-2, threads: 1, loss: { module: './loss.mjs', ...own } },
  };
  const folder = join(base, 'run');
  const run = async () =>
    runPipeline({ plan: await loadPlan(checkSpec({ ...tinyPipeline, ...change }), base), folder });
  await run();
  const read = `${MARKER} ${MARKER}-key`;
  expect([...given]).toEqual(
    expect.arrayContaining([
      ['method', read],
      ['loss', read],
    ]),
  );
  const bundle = join(base, 'run.tar');
  await exportRun(folder, { to: bundle });
  for (const file of [...filesIn(folder), bundle]) expect(readFileSync(file).includes(MARKER), file).toBe(false);

  // The id of the method, which is recorded, is that of the reference.
  vi.stubEnv('RLSD_TEST_SECRET', RENEWED);
  await run();
  expect(given.get('method')).toBe(`${RENEWED} ${MARKER}-key`);
  const file = join(base, 'pipeline.json');
  writeFileSync(file, JSON.stringify({ ...tinyPipeline, ...change }));
  for (const token of ['', `${MARKER}-that-is-longer-than-forty-characters`]) {
    vi.stubEnv('RLSD_TEST_SECRET', token);
    const { code, stdout, stderr } = await rlsd(['check', file]);
    expect(code).toBe(2);
    expect(stdout + stderr).toMatch(
      token === '' ? /shape\.token: .*RLSD_TEST_SECRET is not set/ : /shape\.token: found/,
    );
    expect(stdout + stderr).not.toContain(MARKER);
  }
}, 60_000);
