import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { ExperimentError } from '../base/errors.js';
import { formatNumber } from '../base/format.js';
import { modelOf, repetitionOf } from '../base/noise.js';
import { shuffledOrders } from '../base/shuffle.js';
import { doAgree, windowSecondsOf } from '../bench/agreement.js';
import type { Row, Workbench } from '../bench/workbench.js';
import { runTool } from '../load/tool-run.js';
import { tasksetArgs } from '../measure/cores.js';
import type { EchoLoadOutput, EchoLoadSpec, EchoWindow } from '../websocket/echo-load-program.js';
import { type AllEchoes, type EchoRound, echoFigures, echoNoise, echoResult } from '../websocket/result.js';
import { ECHO_BYTES, ECHO_WAYS, type EchoWay, REPEATED } from '../websocket/ways.js';
import type { Experiment, Measured } from './experiment.js';

const SERVER = fileURLToPath(new URL('../websocket/echo-program.js', import.meta.url));
const LOAD = fileURLToPath(new URL('../websocket/echo-load-program.js', import.meta.url));
/** Of these the median counts, if they agree. */
const WINDOWS = 3;
/** Wider than for requests: a window of a quarter of a second has a garbage collection or none. */
const MAX_RATIO = 1.25;
const MAX_LOAD_MS = 600_000;

interface Partial extends Row {
  readonly server: string;
  readonly bytes: number;
  readonly rounds: EchoRound[];
}

/** A server is started for each size and round, since what V8 has compiled for one size is not best for another. */
export const websocket: Experiment<AllEchoes> = {
  question: 'What does a WebSocket message cost that the server sends back, here and with ws on node:http?',
  models: [],
  defaults: { connections: 64 },
  unused: ['models', 'maxHeavy', 'rate', 'rates', 'idle', 'maxIdle', 'close'],
  measure,
  hasData: ({ results }) => results.some(({ rounds }) => rounds.length > 0),
  figures: echoFigures,
};

async function measure(bench: Workbench): Promise<Measured<AllEchoes>> {
  const { rounds, seed } = bench.settings;
  const servers = [...ECHO_WAYS, repetitionOf(REPEATED)];
  const partials = new Map(
    ECHO_BYTES.flatMap((bytes) =>
      servers.map((server): [string, Partial] => {
        const failure = absenceOf(modelOf(server) as EchoWay);
        return [`${server}, ${formatNumber(bytes)} bytes`, { server, bytes, rounds: [], failure }];
      }),
    ),
  );
  if (bench.instruments.cores === null) bench.note('Load and server share all cores: the figures of both are mixed.');
  const orders = shuffledOrders([...partials.keys()], rounds, seed);
  const complete = await bench.rounds(orders, partials.size, async (row, round) => {
    bench.progress.label(`round ${round + 1} of ${rounds}: ${row}`);
    const partial = partials.get(row)!;
    await bench.turn(partial, round, () => measureRow(bench, partial, round));
    bench.progress.step();
  });
  const results = [...partials.values()].map(({ server, bytes, rounds: own, failure }) =>
    echoResult(server, bytes, own, failure),
  );
  const noise = echoNoise(results);
  bench.noteNoise(
    REPEATED,
    noise.map(({ bytes, repeated }) => [repeated.noise.cpuUs, `${formatNumber(bytes)} bytes`]),
  );
  return { result: { results, noise }, complete };
}

/** Why a server cannot be measured here; null if it can. */
function absenceOf(way: EchoWay): string | null {
  if (way === 'epollet') return null;
  try {
    createRequire(import.meta.url).resolve('ws');
    return null;
  } catch {
    return 'ws is not installed: npm install ws.';
  }
}

async function measureRow(bench: Workbench, partial: Partial, round: number): Promise<void> {
  const windows = await bench.withServer([process.execPath, SERVER, modelOf(partial.server)], (server) =>
    loadOf(bench, server, partial.bytes),
  );
  const costs = windows.map(({ cpuUs, messages }) => cpuUs / messages);
  if (!doAgree(costs, MAX_RATIO))
    bench.note(`${partial.server}: the cost of a message did not settle in round ${round + 1}.`);
  const sum = (of: (window: EchoWindow) => number): number => windows.reduce((total, each) => total + of(each), 0);
  const messages = sum((each) => each.messages);
  if (messages === 0) throw new ExperimentError('It sent no message back under load.');
  partial.rounds.push({
    cpuUs: sum(({ cpuUs }) => cpuUs) / messages,
    messagesPerSecond: messages / sum(({ seconds }) => seconds),
  });
}

async function loadOf(
  { instruments, settings, signal }: Workbench,
  { pid, port }: { pid: number; port: number },
  bytes: number,
): Promise<readonly EchoWindow[]> {
  const { connections, seconds, warmUpSeconds } = settings;
  const windowSeconds = windowSecondsOf(seconds);
  const spin = instruments.cores !== null;
  const spec: EchoLoadSpec = { port, pid, connections, bytes, spin, warmUpSeconds, windowSeconds, windows: WINDOWS };
  const command = [...tasksetArgs(instruments.cores?.load), process.execPath, LOAD, JSON.stringify(spec)];
  const { stdout, stderr } = await runTool(command, { stopAfterMs: MAX_LOAD_MS, signal });
  if (stdout === '') throw new ExperimentError(`The load ended early: ${stderr.trim().slice(-300) || 'no output'}.`);
  const output = JSON.parse(stdout) as EchoLoadOutput;
  if ('error' in output) throw new ExperimentError(output.error);
  return output.windows;
}
