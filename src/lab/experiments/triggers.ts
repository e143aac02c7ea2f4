import { countedKernel } from '../../sys/counted-kernel.js';
import { Epoll } from '../../sys/epoll.js';
import { EPOLLET, EPOLLEXCLUSIVE, EPOLLIN, EPOLLONESHOT } from '../../sys/events.js';
import { constants, kernel as realKernel } from '../../sys/index.js';
import type { Arrival, Reading, TriggerName, TriggerRow } from './trigger-rows.js';
import { TRIGGER_NAMES } from './trigger-rows.js';

const PIECE_BYTES = 512;
const PIECES = 8;
const BYTES = PIECES * PIECE_BYTES;

export const FLAGS: Readonly<Record<TriggerName, number>> = {
  level: 0,
  edge: EPOLLET,
  oneshot: EPOLLONESHOT,
  exclusive: EPOLLEXCLUSIVE,
};

/** Every trigger with every arrival and every way to read. */
export const traceTriggers = (): TriggerRow[] =>
  (['whole', 'pieces'] as const).flatMap((arrival) =>
    (['one piece', 'until empty', 'all at once'] as const).flatMap((reading) =>
      TRIGGER_NAMES.map((trigger) => trace(trigger, arrival, reading)),
    ),
  );

/**
 * A socket pair: one end is written to, the other is in an epoll set. After each arrival the reader asks the set until
 * it says nothing, so that the silence is counted too. Nothing here depends on time.
 */
function trace(trigger: TriggerName, arrival: Arrival, reading: Reading): TriggerRow {
  const counted = countedKernel(realKernel);
  const pair = realKernel.socketpair(constants.SOCK_STREAM | constants.SOCK_NONBLOCK);
  if (typeof pair === 'number') throw new Error(`socketpair was refused with ${pair}`);
  const [writer, reader] = pair;
  const bytes = new Uint8Array(BYTES);
  let notifications = 0;
  let left = BYTES;
  try {
    using epoll = new Epoll({ kernel: counted.kernel });
    const mask = EPOLLIN | FLAGS[trigger];
    epoll.register(reader, mask);
    const readOnce = (room: number): boolean => {
      const count = counted.kernel.recv(reader, bytes, 0, room, 0);
      if (count > 0) left -= count;
      return count > 0;
    };
    const told = (): void => {
      notifications++;
      if (reading === 'all at once') readOnce(BYTES);
      else if (reading === 'one piece') readOnce(PIECE_BYTES);
      else while (readOnce(PIECE_BYTES));
      if (trigger === 'oneshot') epoll.modify(reader, mask);
    };
    for (const size of arrival === 'whole' ? [BYTES] : Array<number>(PIECES).fill(PIECE_BYTES)) {
      realKernel.send(writer, bytes, 0, size, 0);
      while (epoll.poll(0).length > 0) told();
    }
  } finally {
    realKernel.close(writer);
    realKernel.close(reader);
  }
  const { epoll_create1: _, close: __, ...calls } = counted.counts();
  return {
    trigger,
    arrival,
    reading,
    bytes: BYTES,
    pieceBytes: PIECE_BYTES,
    notifications,
    calls,
    systemCalls: Object.values(calls).reduce((sum, count) => sum + count, 0),
    bytesLeft: left,
  };
}
