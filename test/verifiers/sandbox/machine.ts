import { beforeAll } from 'vitest';
import { probeSandbox } from '../../../src/verifiers/sandbox/probe.js';

/**
 * Where a machine cannot hold untrusted programs these tests cannot run: on a developer's machine they are skipped with one
 * line that says why, in continuous integration that is a failure.
 */
export async function needsSandbox(): Promise<boolean> {
  const missing = await probeSandbox();
  if (missing.length === 0) return true;
  if (process.env.CI !== undefined && process.env.CI !== 'false') {
    beforeAll(() => {
      throw new Error(`the sandbox is missing: ${missing.join('; ')}`);
    });
    return true;
  }
  console.warn(`sandbox tests skipped: ${missing.join('; ')}`);
  return false;
}
