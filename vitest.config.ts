import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of at least some seconds, slowest first: what starts last is short, so that no process ends long after the others. */
const SLOW = [
  ...['lab/lab', 'lab/command', 'workers/workers', 'cli/serve', 'http/protocol/http', 'models/table', 'models/end'],
  ...['lab/page', 'http/representation/first-requests', 'http/freshness/deploys', 'http/freshness/freshness'],
  ...['http/freshness/unwatched', 'http/protocol/stop', 'http/protocol/fuzz', 'unit/net/connection', 'fetch/streams'],
  ...['http/freshness/changes', 'http/freshness/precompressed-changes', 'cli/access-log', 'fetch/volume'],
].map((name) => `test/${name}.test.ts`);

/** These change or measure what a process has once: its globals, modules, memory, signals, threads, timers. */
const ALONE = [
  'test/native/*.test.ts',
  'test/unit/epoll/*.test.ts',
  'test/unit/fetch/*.test.ts',
  'test/unit/http/text.test.ts',
  'test/unit/models/shared/responder.test.ts',
  'test/unit/reactor/driver.test.ts',
  'test/http/protocol/differential.test.ts',
  'test/http/protocol/http.test.ts',
  'test/examples/*.test.ts',
  'test/workers/*.test.ts',
];

const inProcesses = {
  setupFiles: ['test/support/descriptor-guard.ts'],
  pool: 'forks' as const,
  testTimeout: 30_000,
  hookTimeout: 30_000,
};

class SlowestFirst extends BaseSequencer {
  /** By project: a process that several files have ends where the next file is of the other one. */
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const order = ({ project, moduleId }: TestSpecification): number => {
      const at = SLOW.findIndex((name) => moduleId.endsWith(name));
      return (project.name === 'together' ? SLOW.length : 0) + (at < 0 ? SLOW.length : at);
    };
    return files.sort((a, b) => order(a) - order(b));
  }
}

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'alone', include: ALONE, ...inProcesses } },
      // To start a process and to load the modules takes longer than most of these files.
      { test: { name: 'together', include: ['test/**/*.test.ts'], exclude: ALONE, isolate: false, ...inProcesses } },
    ],
    // Most test files wait for timeouts and for other processes: more than there are cores.
    maxWorkers: 3,
    sequence: { sequencer: SlowestFirst },
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
