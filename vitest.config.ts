import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/global-setup.ts',
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // Tests start brokers, model workers and sandboxes of their own; more files at once would only wait for each other.
    maxWorkers: 2,
    // Clusters and killed processes on a busy machine: what fails twice is broken.
    retry: process.env.CI ? 1 : 0,
  },
});
