import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/check-install.mjs', import.meta.url));
const run = (file: string) => spawnSync(process.execPath, [file], { encoding: 'utf8' });

it('a build without ONNX Runtime names the command that installs it', () => {
  expect(run(script)).toMatchObject({ status: 0, stderr: '' });
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-install-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const alone = join(folder, 'check-install.mjs');
  cpSync(script, alone);
  const { status, stderr } = run(alone);
  expect(status).toBe(1);
  expect(stderr).toContain('\n  ONNXRUNTIME_NODE_INSTALL=skip npm ci\n');
  expect(stderr).not.toContain('    at ');
});
