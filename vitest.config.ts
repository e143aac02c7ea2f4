import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/descriptor-guard.ts'],
    // One process per test file: descriptors, signals and environment are per process, and the guard counts descriptors.
    pool: 'forks',
    // Most test files wait for timeouts and for other processes.
    maxWorkers: 2,
    testTimeout: 15_000,
    hookTimeout: 15_000,
    // `npm run coverage`: lists the lines of src that no test reached in the test process itself. What runs in worker
    // threads and in processes of the command is not counted.
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: [['text', { skipFull: true, maxCols: 120 }]],
      reportsDirectory: 'build/coverage',
    },
  },
});
