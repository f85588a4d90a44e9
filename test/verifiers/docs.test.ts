import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { createVerifier } from '../../src/verifiers/create.js';
import { ask } from './question.js';

const page = readFileSync(new URL('../../docs/verifiers.md', import.meta.url), 'utf8');

/** The code blocks under a heading: a module and the settings that name it. */
function example(heading: string, language: string): readonly [module: string, spec: unknown] {
  const section = page.split(`### ${heading}`)[1] ?? '';
  const block = (name: string): string => section.split(`\`\`\`${name}\n`)[1]?.split('```')[0] ?? '';
  return [block(language), parse(block('yaml')).verify];
}

function folderWith(file: string, source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-docs-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, file), source);
  return folder;
}

it('the module in the guide works', async () => {
  const [module, spec] = example('A module', 'ts');
  const verifier = await createVerifier(spec, { folder: folderWith('haiku.ts', module) });
  onTestFinished(() => verifier.close());
  const judged = async (completion: string) => await verifier.verify(ask(completion, 'Moon'));
  expect(await judged('the moon\nis\nthere')).toMatchObject({ verdict: 'correct', reward: 1 });
  expect(await judged('the moon')).toMatchObject({ verdict: 'incorrect', reward: 0.5 });
});

it('the service in the guide works', async () => {
  const [module, spec] = example('A service', 'js');
  // Use a free port, printed on stdout, instead of the guide's.
  const free = module
    .replace('createServer(async', 'const server = createServer(async')
    .replace("listen(8700, '127.0.0.1')", "listen(0, '127.0.0.1', () => console.log(server.address().port))");
  expect(free).not.toBe(module);
  const service = spawn(process.execPath, [join(folderWith('judge.mjs', free), 'judge.mjs')]);
  onTestFinished(() => void service.kill());
  const port = await new Promise<string>((resolve) =>
    service.stdout.once('data', (text) => resolve(String(text).trim())),
  );
  const settings = JSON.parse(JSON.stringify(spec).replace('8700', port));
  const verifier = await createVerifier(settings);
  onTestFinished(() => verifier.close());
  expect((await verifier.verify(ask('so it is 5', '5'))).verdict).toBe('correct');
  expect((await verifier.verify(ask('so it is 6', '5'))).verdict).toBe('incorrect');
});
