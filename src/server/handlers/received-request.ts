import { FastRequest } from '../../fetch/request.js';
import { argumentRangeError, argumentTypeError, shown } from '../../sys/error-code.js';
import type { ClientAddress } from './handler-server.js';

/** 24 days: the clock of a connection is right for as long. */
const MOST_SECONDS = 2_000_000;

/** As `HandlerServer.requestIP`. */
export function clientAddressOf(request: unknown): ClientAddress | null {
  const peer = FastRequest.contextOf(request)?.peer ?? null;
  if (peer === null || peer.family === 'unix') return null;
  const { address, port, family } = peer;
  return { address, port, family };
}

/** As `HandlerServer.timeout`. */
export function limitTime(request: unknown, seconds: unknown): void {
  if (typeof seconds !== 'number') throw argumentTypeError(`seconds must be a number, not ${shown(seconds)}`);
  if (!(seconds >= 0 && seconds <= MOST_SECONDS))
    throw argumentRangeError(`seconds must be 0, which is without limit, to ${MOST_SECONDS}, not ${shown(seconds)}`);
  const context = FastRequest.contextOf(request);
  if (context === null)
    throw argumentTypeError(`request must be one that a handler was called with, not ${shown(request)}`);
  context.limitTime(seconds * 1000);
}
