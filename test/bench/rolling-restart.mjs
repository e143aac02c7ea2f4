/**
 * Rolling restarts of two replicas behind HAProxy under load, with deploy/haproxy.cfg: each replica in turn, again and again,
 * until there were enough requests. Prints what failed: a status but 200, another body, or a connection that ended.
 *
 *   node test/bench/rolling-restart.mjs [REQUESTS] [CONNECTIONS] [FLAGS of each replica…]
 */
import { Fleet } from '../deploy/fleet.mjs';

const [requests = 100_000, connections = 32] = process.argv.slice(2, 4).map(Number);
const flags = process.argv.slice(4);

const WAYS = [
  ['GET and POST, a stop delay of 2 s', ['GET', 'POST'], 2000],
  ['GET, no stop delay', ['GET'], 0],
];

for (const [way, methods, stopDelayMs] of WAYS) {
  const fleet = new Fleet({ stopDelayMs, flags });
  const startMs = performance.now();
  let rounds = 0;
  try {
    await fleet.start(connections, methods);
    for (; fleet.requests < requests; rounds++) await fleet.restartAll();
    const result = await fleet.result();
    const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
    console.log(
      `${way}: ${result.requests} requests, ${result.failures.length} failed, ${rounds * 2} restarts, ${seconds} s`,
    );
    for (const failure of result.failures.slice(0, 10)) console.log(`  ${failure}`);
    if (result.failures.length > 0) process.exitCode = 1;
  } finally {
    await fleet.stop();
  }
}
