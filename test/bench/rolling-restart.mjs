/**
 * Rolling restarts of two replicas behind HAProxy under load, with deploy/haproxy.cfg: each replica in turn, again and again,
 * until there were enough requests. Prints what failed: a status but 200, another body, or a connection that ended.
 *
 *   node test/bench/rolling-restart.mjs [REQUESTS] [CONNECTIONS]
 */
import { Fleet } from '../deploy/fleet.mjs';

const requests = Number(process.argv[2] ?? 100_000);
const connections = Number(process.argv[3] ?? 32);

const WAYS = [
  ['GET and POST, HAProxy drains a replica before SIGTERM', ['GET', 'POST'], true],
  ['GET, SIGTERM alone', ['GET'], false],
];

for (const [way, methods, drains] of WAYS) {
  const fleet = new Fleet();
  const startMs = performance.now();
  let rounds = 0;
  try {
    await fleet.start(connections, methods);
    for (; fleet.requests < requests; rounds++) await fleet.restartAll(drains);
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
