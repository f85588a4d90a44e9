// Runs `npm start` and compares what it prints with README.md, apart from times, speeds and lags. Rounding depends on
// the processor: on another kind than the page's, the numbers that follow from it are not compared.
// node scripts/readme-run.mjs RUN_FOLDER
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readManifest } from '../dist/runs/manifest/manifest.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = resolve(process.argv[2] ?? 'runs/readme');
const page = readFileSync(`${root}README.md`, 'utf8');
const [, printed = ''] = /```\n(arithmetic-…: [\s\S]*?)```/.exec(page) ?? [];

const command = `npm start -- --run '${folder}' 2>&1`;
const { stdout, status } = spawnSync('bash', ['-c', command], { cwd: root, encoding: 'utf8' });
process.stdout.write(stdout);
if (status !== 0) process.exit(1);

const { features, platform } = readManifest(folder).machine;
const isOfThePage = platform === 'linux-x64' && features.includes('avx2') && !features.some((f) => /^avx512/.test(f));
if (!isOfThePage) console.log(`another kind of processor than the page's (${platform} ${features.join(' ')})`);

/** A line without what differs from run to run. */
const normal = (line) =>
  line
    .replaceAll(relative(root, folder), 'runs/arithmetic-1')
    .replaceAll(folder, 'runs/arithmetic-1')
    .replaceAll(/arithmetic-[0-9a-f]{8}/g, 'arithmetic-…')
    .replaceAll(/\d+ tok\/s|lag \d+|\d+:\d\d( left)?/g, '#')
    .replaceAll(isOfThePage ? /$^/g : /\d+\.\d+|[0-9a-f]{16}|\d+ of|teacher scored \d+/g, '#');

const output = stdout.split('\n').map(normal);
const lines = printed.split('\n').filter((line) => line !== '' && line !== '…');
const missing = lines.map(normal).filter((line) => !output.includes(line));
const isInOrder = lines.map((line) => output.indexOf(normal(line))).every((at, i, all) => i === 0 || at > all[i - 1]);
for (const line of missing) console.error(`README.md: npm start did not print: ${line}`);
if (missing.length === 0 && !isInOrder) console.error('README.md: npm start printed these lines in another order');
if (lines.length < 10) console.error('README.md: no output of npm start was found');
process.exitCode = missing.length > 0 || !isInOrder || lines.length < 10 ? 1 : 0;
