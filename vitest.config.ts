import { defineConfig } from 'vitest/config';

const all = ['test/**/*.test.ts'];
/** Files that replace modules of the sources, measure the memory of their process, give up its rights, or need a quiet machine. */
const alone = [
  'test/docs/protocol.test.ts',
  'test/pipelines/running/leak-meter.test.ts',
  'test/runs/containment.test.ts',
  'test/runtime/backpressure.test.ts',
  'test/verifiers/pool.test.ts',
  'test/verifiers/sandbox/attacks-as-user.test.ts',
];

const common = {
  testTimeout: 120_000,
  hookTimeout: 120_000,
  pool: 'forks',
  // Clusters and killed processes on a busy machine: what fails twice is broken.
  retry: process.env.CI ? 1 : 0,
} as const;

export default defineConfig({
  test: {
    globalSetup: 'test/global-setup.ts',
    // Tests start brokers, model workers and sandboxes of their own; more files at once would only wait for each other.
    maxWorkers: 2,
    projects: [
      // Most of the time of a small file would be the import of the sources, so files share a process.
      { test: { ...common, name: 'together', include: all, exclude: alone, isolate: false } },
      { test: { ...common, name: 'alone', include: alone } },
    ],
  },
});
