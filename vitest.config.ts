import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/descriptor-guard.ts'],
    // A process each: descriptors, signals and environment are the process's, and the guard counts them.
    pool: 'forks',
    // Most files wait for time-outs and for other processes.
    maxWorkers: 2,
    testTimeout: 15_000,
    hookTimeout: 15_000,
  },
});
