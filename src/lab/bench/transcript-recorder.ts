import { createConnection, type Socket } from 'node:net';
import { ExperimentError, sleep } from '../base/errors.js';
import { callsOfRequest, noTranscript, type Transcript, transcriptArgs } from '../measure/transcript.js';
import type { Instruments } from './instruments.js';
import { parseResponse } from './smoke-check.js';

/** After the response, until the model waits for the next request. */
const AFTER_MS = 20;
const TIMEOUT_MS = 8000;

/**
 * One request to a running model, by strace. A persistent connection is open before.
 *
 * strace does not show a call that began before it was attached, so a request before that one ends the wait that the model
 * was in.
 */
export async function recordTranscript(
  instruments: Instruments,
  url: URL,
  pid: number,
  keepsAlive: boolean,
): Promise<Transcript> {
  if (!instruments.tools.has('strace')) return noTranscript('strace is not installed');
  using client = new OneConnection(url);
  using before = new OneConnection(url);
  try {
    if (keepsAlive) await client.request();
    const { result: fromUs, output } = await instruments.trace(pid, transcriptArgs, async () => {
      await (keepsAlive ? client : before).request();
      await sleep(AFTER_MS, instruments.signal);
      const sentUs = Date.now() * 1000;
      await client.request();
      await sleep(AFTER_MS, instruments.signal);
      return sentUs;
    });
    const calls = callsOfRequest(output, fromUs);
    return calls.length === 0 ? noTranscript('strace recorded no call') : { calls, reason: null };
  } catch (error) {
    if (!(error instanceof ExperimentError)) throw error;
    return noTranscript(error.message.replace(/\.$/, ''));
  }
}

/** Requests for `/`, one after the other. */
class OneConnection implements Disposable {
  private socket: Socket | null = null;

  constructor(private readonly url: URL) {}

  request(): Promise<void> {
    const { hostname, port, host } = this.url;
    this.socket ??= createConnection({ host: hostname, port: Number(port) }).setNoDelay(true);
    const { socket } = this;
    return new Promise((resolve, reject) => {
      let received = Buffer.alloc(0);
      const end = (error?: ExperimentError): void => {
        socket
          .removeAllListeners()
          .on('error', () => {})
          .setTimeout(0);
        if (error === undefined) resolve();
        else reject(error);
      };
      socket.on('data', (piece: Buffer) => {
        received = Buffer.concat([received, piece]);
        if (parseResponse(received) !== null) end();
      });
      socket.on('error', ({ message }) => end(new ExperimentError(`The traced request failed with ${message}.`)));
      socket.on('close', () => end(new ExperimentError('The traced request got no response.')));
      socket.setTimeout(TIMEOUT_MS, () =>
        end(new ExperimentError(`The traced request got no response within ${TIMEOUT_MS / 1000} s.`)),
      );
      socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    });
  }

  [Symbol.dispose](): void {
    this.socket?.destroy();
  }
}
