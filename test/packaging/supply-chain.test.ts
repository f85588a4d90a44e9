import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const script = join(root, 'scripts/supply-chain.mjs');

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The script on a folder; nothing asks the registry. */
const examine = (...args: readonly string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    execFile(process.execPath, [script, ...args, '--no-audit'], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });

interface Locked {
  readonly license?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly integrity?: string;
}

/** A project with these dependencies: `one`, `two`, and so on by number. */
function project(all: readonly Locked[], allowScripts: Record<string, boolean> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-supply-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const entries = all.map((locked, n) => {
    const resolved = `https://registry.example/p${n}/-/p${n}-1.0.0.tgz`;
    return [`p${n}`, { version: '1.0.0', resolved, integrity: 'sha512-AA==', ...locked }] as const;
  });
  const of = (dev: boolean) =>
    Object.fromEntries(entries.flatMap(([name, one]) => ((one.dev ?? false) === dev ? [[name, '1.0.0']] : [])));
  const own = { name: 'project', version: '1.0.0', dependencies: of(false), devDependencies: of(true) };
  const packages = Object.fromEntries(entries.map(([name, one]) => [`node_modules/${name}`, one]));
  const lock = { ...own, lockfileVersion: 3, requires: true, packages: { '': own, ...packages } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...own, allowScripts }));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
  return folder;
}

it('lists every package of this project, with allowed licences and refused install scripts', async () => {
  const out = join(project([]), 'sbom.json');
  const { code, stdout, stderr } = await examine('--out', out);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^supply chain: \d{3} packages, \d+ of them shipped; audit: not asked\n$/);
  const { bomFormat, components } = JSON.parse(readFileSync(out, 'utf8'));
  expect(bomFormat).toBe('CycloneDX');
  expect(components).toContainEqual(expect.objectContaining({ name: 'kafkajs', purl: 'pkg:npm/kafkajs@2.2.4' }));
});

it('takes packages of which one may choose an allowed licence', async () => {
  const licences = ['MIT', '(MIT OR GPL-3.0-or-later)', '(MIT AND (Zlib OR GPL-2.0))'];
  const folder = project([...licences.map((license) => ({ license })), { license: 'MPL-2.0', dev: true }]);
  expect(await examine(folder)).toMatchObject({ code: 0, stderr: '' });
});

it('names every package with another licence, none, or an install script that is not refused', async () => {
  const folder = project(
    [
      { license: 'GPL-3.0-or-later' },
      { license: 'MPL-2.0' },
      { license: '(MIT AND GPL-2.0)' },
      {},
      { license: 'MIT', hasInstallScript: true },
      { license: 'MIT', hasInstallScript: true },
    ],
    { p5: true, other: false },
  );
  const { code, stderr } = await examine(folder);
  expect(code).toBe(1);
  expect(stderr.trim().split('\n')).toEqual([
    expect.stringMatching(/^p0@1\.0\.0: licence: found GPL-3\.0-or-later, expected one of 0BSD, Apache/),
    expect.stringMatching(/^p1@1\.0\.0: licence: found MPL-2\.0/),
    expect.stringMatching(/^p2@1\.0\.0: licence: found \(MIT AND GPL-2\.0\)/),
    expect.stringMatching(/^p3@1\.0\.0: licence: found no licence/),
    expect.stringMatching(/^p4: has an install script, expected "p4": false in allowScripts/),
    expect.stringMatching(/^p5: has an install script/),
    expect.stringMatching(/allowScripts\.p5: expected false/),
    expect.stringMatching(/allowScripts\.other: expected false/),
  ]);
});

it('docs/security.md names every package with an install script', () => {
  const guide = readFileSync(join(root, 'docs/security.md'), 'utf8');
  const { allowScripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const name of Object.keys(allowScripts)) expect(guide).toContain(`| \`${name}\``);
});
