import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { finished } from './cli/cli.js';

// The whole of it runs by hand: `node scripts/fuzz/main.mjs --count 100000`.
it('mutated inputs are refused by a clear message or read, and damage never passes for sound', {
  timeout: 300_000,
}, async () => {
  const main = fileURLToPath(new URL('../scripts/fuzz/main.mjs', import.meta.url));
  const child = spawn(process.execPath, [main, '--count', '60', '--seed', '11'], { stdio: 'pipe' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const { code, stdout } = await finished(child);
  expect(stdout).toMatch(/nothing found\n$/);
  expect(stdout.match(/: 60 inputs in /g)).toHaveLength(9);
  expect(code).toBe(0);
});
