import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../cli/cli.js';
import { read, root } from './markdown.js';

/** A command of a guide and the output that the guide prints. */
interface Printed {
  readonly at: string;
  readonly command: string;
  readonly lines: readonly string[];
}

/** Commands after a `$` in the blocks of a page. */
function printedOn(page: string): Printed[] {
  const text = read(page);
  return [...text.matchAll(/^```\w*\n(\$ [\s\S]*?)^```$/gm)].flatMap((match) => {
    const line = text.slice(0, match.index).split('\n').length;
    return (match[1] ?? '')
      .trimEnd()
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command = '', ...lines] = part.trimEnd().split('\n');
        return { at: `${page}:${line}: ${command}`, command: command.replace(/^npx /, ''), lines };
      });
  });
}

/** Digests, times, sizes, and numbers with a fraction, which another processor rounds differently. */
const fleeting = /(?<!\w)[0-9a-f]{8,}…?(?!\w)|\d{4}-\d\d-\d\dT[\d:.]+Z|[-+]?\d+\.\d+(?:e-?\d+)?|\d{9,}/g;

const normal = (line: string): string =>
  line.trim().replaceAll(fleeting, '#').replaceAll(/\s+/g, ' ').replaceAll(/-{2,}/g, '-');

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** A printed line as a pattern: `…` matches anything. */
const patternOf = (line: string): RegExp => new RegExp(`^${normal(line).split('…').map(escaped).join('.*')}$`);

/** Lines of a guide that are missing from the output, or out of order. A line `…` matches any number of lines. */
function missing(printed: readonly string[], output: readonly string[]): string[] {
  const wrong: string[] = [];
  const [lines, found] = [printed.filter((line) => line.trim() !== ''), output.filter((line) => line.trim() !== '')];
  // Notes and progress, on stderr, come before the result.
  let [at, skips] = [0, true];
  for (const line of lines) {
    const skipped = line.trim() === '…';
    if (!skipped) {
      const pattern = patternOf(line);
      const next = found.findIndex((one, i) => i >= at && pattern.test(normal(one)));
      if (next < 0 || (next > at && !skips)) wrong.push(line);
      else at = next + 1;
    }
    skips = skipped;
  }
  return wrong;
}

const pages = ['README.md', 'docs/cli.md', 'docs/replay.md', 'docs/metrics.md'];
/** Commands on the run that the guides begin with; the others are about runs that a reader does not have. */
const checked = pages
  .flatMap(printedOn)
  .filter(({ command }) => /runs\/sums|sums\.tar|check examples\/|verify math/.test(command));

let folder: string;

/** Runs a command line of a guide as its reader does, in a folder with the examples. */
function shell(command: string): Promise<readonly string[]> {
  const line = command.replaceAll(/(^|\| )rlsd /g, `$1${process.execPath} ${main} `);
  return new Promise((resolve) =>
    execFile('sh', ['-c', `${line} 2>&1`], { cwd: folder, maxBuffer: 2 ** 26 }, (_, stdout) =>
      resolve(stdout.split('\n')),
    ),
  );
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rlsd-guides-'));
  symlinkSync(join(root, 'examples'), join(folder, 'examples'));
  const [begin = ''] = /^npx rlsd run examples\/arithmetic\.yaml .*runs\/sums$/m.exec(read('docs/cli.md')) ?? [];
  await shell(begin.replace('npx ', ''));
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('output in the guides', () => {
  it('is found', () => {
    expect(checked.length).toBeGreaterThan(12);
  });

  it.each(checked)('$at', async ({ command, lines }) => {
    const output = await shell(command);
    expect(missing(lines, output), output.join('\n')).toEqual([]);
  });

  it('docs/operators.md: the program prints what the guide says', () => {
    const compiled = spawnSync('node_modules/.bin/tsc', ['-p', 'examples/programs'], { cwd: root, encoding: 'utf8' });
    expect([compiled.status, compiled.stdout]).toEqual([0, '']);
    const { stdout } = spawnSync(process.execPath, ['examples/programs/operators.js', 'examples'], {
      cwd: root,
      encoding: 'utf8',
    });
    const [, block = ''] = /The first prints.*\n\n```\n([\s\S]*?)\n```/.exec(read('docs/operators.md')) ?? [];
    const figures = (text: string) => text.replaceAll(/\d+\.\d+/g, (number) => Number(number).toFixed(1));
    const printed = stdout.split('\n').map(figures);
    expect(
      block
        .split('\n')
        .map(figures)
        .filter((line) => !printed.includes(line)),
    ).toEqual([]);
  });
});
