import { afterEach, describe, expect, it } from 'vitest';
import { Connection } from '../../../src/net/connection.js';
import type { ConnectionLimits } from '../../../src/net/context.js';
import { peerOf } from '../../../src/net/peer.js';
import { TRIGGERS, type Trigger } from '../../../src/reactor/interest.js';
import { ECONNRESET, EMFILE, ENOMEM, ENOSPC } from '../../../src/sys/errno.js';
import type { FakePeer } from '../../support/fake-kernel.js';
import { below, seeded } from '../../support/random.js';
import { Echo, responsesTo } from './echo.js';
import { type Client, WORLDS, World, type WorldName } from './world.js';

const INPUT_BYTES = 1024;

let world: World | null = null;
let open: (limits?: Partial<ConnectionLimits>) => World;

afterEach(() => {
  world?.end();
  world = null;
});

const line = (length: number, of = 'l') => `${of.repeat(length - 1)}\n`;
const lines = (count: number, length = 10) => Array.from({ length: count }, (_, i) => line(length, String(i % 10)));

/** Sends all of the data from the peer, as fast as the connection accepts it. */
function sendAll(in_: World, peer: { send(data: string): number }, data: string): void {
  let left = data;
  in_.until(() => {
    const sent = peer.send(left);
    if (sent > 0) left = left.slice(sent);
    return left === '';
  });
}

/** [name, scenario]; each must have the same result in every world and under every trigger. */
const scenarios: [string, () => void][] = [
  [
    'the response to a line is sent',
    () => {
      const { peer } = open().connect();
      peer.send('hello\n');
      world!.until(() => peer.bytes.toString() === 'hello\n');
      peer.send('again\n');
      world!.until(() => peer.bytes.toString() === 'hello\nagain\n');
    },
  ],
  [
    'lines that arrive before the start get their responses',
    () => {
      const { peer } = open().connect({ before: (each) => void each.send('one\ntwo\n') });
      world!.until(() => peer.bytes.toString() === 'one\ntwo\n');
    },
  ],
  [
    'lines that arrive byte by byte',
    () => {
      const { peer, echo } = open().connect();
      for (const byte of 'one\ntwo\nthree\n') {
        peer.send(byte);
        world!.reactor.turn(1);
        echo.onTurnEnd();
      }
      world!.until(() => peer.bytes.toString() === 'one\ntwo\nthree\n');
    },
  ],
  [
    'lines cut in two at every byte',
    () => {
      const text = 'one\n\ntwenty two\nfile 5\nquit\n';
      open();
      for (let cut = 0; cut <= text.length; cut++) {
        const { peer, echo, connection } = world!.connect();
        peer.send(text.slice(0, cut));
        world!.reactor.turn(1);
        echo.onTurnEnd();
        if (cut < text.length) peer.send(text.slice(cut));
        world!.until(() => peer.ended && connection.isClosed);
        expect(peer.bytes.toString()).toBe(responsesTo(text));
      }
    },
  ],
  ...[INPUT_BYTES - 1, INPUT_BYTES, INPUT_BYTES + 1, 2 * INPUT_BYTES, 50 * INPUT_BYTES + 3].map(
    (length): [string, () => void] => [
      `${length} bytes at once into a buffer of ${INPUT_BYTES}`,
      () => {
        const text = lines(Math.ceil(length / 10))
          .join('')
          .slice(0, length - 1)
          .concat('\n');
        const { peer } = open().connect();
        sendAll(world!, peer, text);
        world!.until(() => peer.bytes.length >= text.length);
        expect(peer.bytes.toString()).toBe(text);
        // Nothing is left in a buffer: the next line gets its response too.
        peer.send('next\n');
        world!.until(() => peer.bytes.toString().endsWith('next\n'));
      },
    ],
  ),
  [
    'lines that end at any position of the buffer',
    () => {
      const { peer } = open().connect();
      const text = lines(100, 999).join('');
      sendAll(world!, peer, text);
      world!.until(() => peer.bytes.length === text.length);
      expect(peer.bytes.toString()).toBe(text);
    },
  ],
  [
    'after a half-close the response is sent, then the connection closes',
    () => {
      const { peer, connection } = open().connect({ smallBuffers: true });
      peer.send('big 300000\n');
      peer.shutdown();
      world!.until(() => peer.ended);
      expect(peer.bytes.length).toBe(300_000);
      world!.until(() => connection.isClosed);
    },
  ],
  [
    'a half-close while the response is being sent',
    () => {
      const { peer, connection } = open().connect({ smallBuffers: true });
      peer.rateBytes = 1000;
      peer.send('file 50000\n');
      world!.until(() => peer.bytes.length > 3000);
      peer.shutdown();
      peer.rateBytes = 20_000;
      world!.until(() => peer.ended && connection.isClosed);
      expect(peer.bytes.length).toBe(50_000);
    },
  ],
  [
    'the end of input together with data, before the start',
    () => {
      const { peer, connection } = open().connect({
        before: (each) => {
          each.send('one\ntwo\nhalf');
          each.shutdown();
        },
      });
      world!.until(() => peer.ended && connection.isClosed);
      expect(peer.bytes.toString()).toBe('one\ntwo\n');
    },
  ],
  [
    'the end of input together with data, once registered',
    () => {
      const { peer, connection } = open().connect();
      world!.reactor.turn(1);
      peer.send('one\ntwo\nhalf');
      peer.shutdown();
      world!.until(() => peer.ended && connection.isClosed);
      expect(peer.bytes.toString()).toBe('one\ntwo\n');
    },
  ],
  ...[INPUT_BYTES, 3 * INPUT_BYTES, 10 * INPUT_BYTES].map((length): [string, () => void] => [
    `the end of input together with ${length} bytes`,
    () => {
      const { peer, connection } = open().connect();
      world!.reactor.turn(1);
      const text = lines(length / 16, 16).join('');
      peer.send(text);
      peer.shutdown();
      world!.until(() => peer.ended && connection.isClosed, 1000);
      expect(peer.bytes.toString()).toBe(text);
    },
  ]),
  [
    'the end of input together with more lines than the budget of a turn',
    () => {
      const { peer, connection, echo } = open().connect({ linesPerTurn: 2 });
      world!.reactor.turn(1);
      const text = lines(31).join('');
      peer.send(text);
      peer.shutdown();
      world!.until(() => peer.ended && connection.isClosed);
      expect(peer.bytes.toString()).toBe(text);
      expect(echo.deferred).toBeGreaterThan(5);
    },
  ],
  [
    'the end of input without data',
    () => {
      const { peer, connection } = open().connect();
      peer.shutdown();
      world!.until(() => peer.ended && connection.isClosed);
      expect(peer.bytes.length).toBe(0);
    },
  ],
  [
    'the end of input after an incomplete line',
    () => {
      const { peer, connection } = open().connect();
      peer.send('half');
      world!.until(() => !connection.isIdle);
      peer.shutdown();
      world!.until(() => peer.ended && connection.isClosed);
      expect(peer.bytes.length).toBe(0);
    },
  ],
  [
    'a reset while sending',
    () => {
      const { peer, connection } = open().connect({ smallBuffers: true });
      peer.rateBytes = 0;
      peer.send('big 500\nfile 1000000\nbig 500\n');
      world!.until(() => connection.queuedBytes > 0);
      peer.close();
      world!.until(() => connection.isClosed);
    },
  ],
  [
    'a reset between two lines',
    () => {
      const { peer, connection } = open().connect();
      peer.rateBytes = 0;
      peer.send('one\n');
      world!.runFor(5);
      peer.close();
      world!.until(() => connection.isClosed);
    },
  ],
  [
    'a peer that closes before the start',
    () => {
      const { connection, echo } = open().connect({ before: (each) => each.close() });
      world!.until(() => connection.isClosed);
      expect(echo.closeCalls).toBe(1);
    },
  ],
  [
    'a slow reader receives everything in order',
    () => {
      const { peer } = open().connect({ smallBuffers: true });
      peer.rateBytes = 700;
      const text = 'big 20000\nhello\nfile 25000\nworld\nbig 3000\n';
      peer.send(text);
      const expected = responsesTo(text);
      world!.until(() => peer.bytes.length >= expected.length, 20_000);
      expect(peer.bytes.toString()).toBe(expected);
    },
  ],
  [
    'the write timeout closes a connection whose peer does not read',
    () => {
      const { peer, connection, echo } = open({ writeTimeoutMs: 60 })
        .withoutControlFaults()
        .connect({ smallBuffers: true });
      peer.rateBytes = 0;
      peer.send('big 3000000\n');
      world!.runFor(40);
      expect(connection.isClosed).toBe(false);
      world!.until(() => connection.isClosed, 500);
      expect(echo.timeouts).toBe(0);
    },
  ],
  [
    'the write timeout starts again whenever the peer reads',
    () => {
      const { peer, connection } = open({ writeTimeoutMs: 450 }).withoutControlFaults().connect({ smallBuffers: true });
      peer.rateBytes = 0;
      peer.send('big 300000\n');
      for (let i = 0; i < 10; i++) {
        world!.runFor(60);
        for (let piece = 0; piece < 4; piece++) peer.pump(20_000);
      }
      expect(connection.isClosed).toBe(false);
      peer.rateBytes = 65536;
      world!.until(() => peer.bytes.length === 300_000);
    },
  ],
  [
    'deferred input: no line is processed above the high-water mark',
    () => {
      const { peer, echo } = open().connect({ smallBuffers: true, highWaterBytes: 15_000 });
      peer.rateBytes = 0;
      peer.send('big 500000\n'.concat('big 10000\n'.repeat(50)));
      world!.until(() => echo.lines > 0);
      world!.runFor(10);
      expect(echo.lines).toBe(1);
      peer.rateBytes = 65536;
      world!.until(() => peer.bytes.length === 500_000 + 50 * 10_000, 20_000);
      expect(echo.lines).toBe(51);
      expect(echo.mostQueuedBytes).toBeLessThanOrEqual(500_000);
    },
  ],
  [
    'deferred input: a budget of lines per turn',
    () => {
      const { peer, echo } = open().connect({ linesPerTurn: 3 });
      const text = lines(60).join('');
      peer.send(text);
      world!.until(() => peer.bytes.length === text.length);
      expect(peer.bytes.toString()).toBe(text);
      expect(echo.deferred).toBeGreaterThanOrEqual(10);
    },
  ],
  [
    'closeWhenSent closes after the last response',
    () => {
      const { peer, connection } = open().connect();
      peer.send('one\nquit\n');
      world!.until(() => peer.ended && connection.isClosed);
      expect(peer.bytes.toString()).toBe('one\nquit\n');
    },
  ],
  [
    'closeWhenSent waits for a slow response',
    () => {
      const { peer, connection } = open().connect({ smallBuffers: true });
      peer.send('big 100000\nfile 100000\nquit\n');
      world!.until(() => peer.ended && connection.isClosed);
      expect(peer.bytes.length).toBe(200_000 + 'quit\n'.length);
    },
  ],
  [
    'lingering: the response can be read although the peer keeps sending',
    () => {
      const { peer, connection } = open({ lingerBytes: 1_000_000, lingerTimeoutMs: 2000 })
        .withoutControlFaults()
        .connect({ smallBuffers: true });
      peer.rateBytes = 0;
      peer.send('big 20000\nlinger\n');
      for (let i = 0; i < 10; i++) {
        peer.send('more and more\n'.repeat(50));
        world!.runFor(2);
      }
      peer.rateBytes = 65536;
      world!.until(() => peer.ended);
      expect(peer.wasReset).toBe(false);
      expect(peer.bytes.length).toBe(20_000 + 'linger\n'.length);
      expect(connection.isClosed).toBe(false);
      peer.shutdown();
      world!.until(() => connection.isClosed);
    },
  ],
  [
    'lingering ends after lingerBytes',
    () => {
      const { peer, connection } = open({ lingerBytes: 10_000, lingerTimeoutMs: 60_000 }).connect();
      peer.send('linger\n');
      world!.until(() => peer.ended);
      let sent = 0;
      world!.until(() => {
        if (!connection.isClosed && sent < 40_000) sent += Math.max(0, peer.send('x'.repeat(1000)));
        return connection.isClosed;
      });
      expect(sent).toBeGreaterThan(10_000);
    },
  ],
  [
    'lingering ends lingerTimeoutMs after the last byte, and after maxLingerMs in all',
    () => {
      const limits = { lingerTimeoutMs: 60, maxLingerMs: 200, lingerBytes: Number.MAX_SAFE_INTEGER };
      const silent = open(limits).withoutControlFaults().connect();
      const busy = world!.connect();
      const startMs = world!.kernel.monotonicMs();
      silent.peer.send('linger\n');
      busy.peer.send('linger\n');
      world!.until(() => silent.peer.ended && busy.peer.ended);
      const untilClosed = ({ connection }: Client): number => {
        world!.until(() => {
          if (!busy.connection.isClosed) busy.peer.send('x');
          return connection.isClosed;
        }, 1000);
        return world!.kernel.monotonicMs() - startMs;
      };
      expect(untilClosed(silent)).toBeGreaterThanOrEqual(60);
      expect(busy.connection.isClosed).toBe(false);
      expect(untilClosed(busy)).toBeGreaterThanOrEqual(200);
    },
  ],
  [
    'lingering ends soon when the server stops',
    () => {
      const { peer, connection } = open({ lingerTimeoutMs: 60_000 }).withoutControlFaults().connect();
      peer.send('linger\n');
      world!.until(() => peer.ended);
      world!.context.isStopping = true;
      connection.resume();
      world!.until(() => connection.isClosed, 2000);
    },
  ],
  [
    'after the end of input the connection closes without lingering',
    () => {
      const { peer, connection } = open({ lingerTimeoutMs: 60_000 }).connect();
      world!.reactor.turn(1);
      peer.send('linger\n');
      peer.shutdown();
      world!.until(() => peer.ended && connection.isClosed, 1000);
      expect(peer.bytes.toString()).toBe('linger\n');
    },
  ],
  [
    'close from inside onData',
    () => {
      const { peer, connection } = open().connect();
      peer.send('one\nclose\ntwo\n');
      world!.until(() => connection.isClosed);
      expect(world!.pool.taken).toBe(0);
    },
  ],
  [
    'the idle timeout closes a connection without input',
    () => {
      const { peer, connection, echo } = open().withoutControlFaults().connect({ idleMs: 50 });
      peer.send('one\n');
      world!.until(() => peer.bytes.length > 0);
      world!.runFor(20);
      expect(echo.timeouts).toBe(0);
      world!.until(() => peer.ended && connection.isClosed, 500);
      expect(echo.timeouts).toBe(1);
    },
  ],
  [
    'a timeout that sends a message and lingers',
    () => {
      const { peer, connection, echo } = open({ lingerTimeoutMs: 30 })
        .withoutControlFaults()
        .connect({ idleMs: 30, timeoutMessage: 'too late\n' });
      peer.send('ha');
      world!.until(() => peer.ended, 500);
      expect(peer.bytes.toString()).toBe('too late\n');
      world!.until(() => connection.isClosed, 500);
      expect(echo.timeouts).toBe(1);
    },
  ],
  [
    'closeWhenIdle closes a connection without a request',
    () => {
      const { peer, connection } = open().connect();
      world!.reactor.turn(1);
      if (world!.fake) world!.fake.chaos = null;
      connection.closeWhenIdle();
      expect(connection.isClosed).toBe(true);
      connection.closeWhenIdle();
      world!.until(() => peer.ended);
    },
  ],
  [
    'closeWhenIdle does not close one that is sending, nor one with an incomplete line',
    () => {
      const one = open().withoutControlFaults().connect({ smallBuffers: true });
      const other = world!.connect();
      one.peer.rateBytes = 0;
      one.peer.send('big 300000\n');
      other.peer.send('ha');
      world!.runFor(10);
      one.connection.closeWhenIdle();
      other.connection.closeWhenIdle();
      one.peer.rateBytes = 65536;
      other.peer.send('lf\n');
      world!.until(() => one.peer.bytes.length === 300_000 && other.peer.bytes.toString() === 'half\n');
    },
  ],
  [
    'closeWhenIdle responds to bytes that have arrived unread',
    () => {
      const { peer, connection } = open().connect();
      world!.reactor.turn(1);
      if (world!.fake) world!.fake.chaos = null;
      peer.send('last\n');
      connection.closeWhenIdle();
      world!.until(() => peer.bytes.toString() === 'last\n');
    },
  ],
  [
    'many connections at once',
    () => {
      open();
      const all = Array.from({ length: 30 }, (_, i) => {
        const client = world!.connect({ smallBuffers: i % 3 === 0, linesPerTurn: 1 + (i % 5) });
        const text = `${lines(i + 1).join('')}file ${i * 100}\nbig ${i * 321}\nquit\n`;
        client.peer.send(text);
        client.peer.rateBytes = 100 + i * 300;
        return { ...client, expected: responsesTo(text) };
      });
      world!.until(() => all.every(({ peer, connection }) => peer.ended && connection.isClosed), 20_000);
      for (const { peer, expected } of all) expect(peer.bytes.toString()).toBe(expected);
    },
  ],
];

describe.each(WORLDS.flatMap((name) => TRIGGERS.map((trigger) => [name, trigger] as [WorldName, Trigger])))(
  '%s, %s',
  (name, trigger) => {
    it.each(scenarios)('%s', (_, run) => {
      open = (limits) => {
        world = new World(name, trigger, seeded(), limits, INPUT_BYTES);
        return world;
      };
      run();
    });

    it('random lines, cut anywhere and read at any pace, get their responses', () => {
      const next = seeded();
      world = new World(name, trigger, next, { writeTimeoutMs: 60_000, lingerTimeoutMs: 60_000 }, 64);
      const rounds = name === 'loopback' ? 15 : 60;
      for (let round = 0; round < rounds; round++) {
        const { peer, connection } = world.connect({
          smallBuffers: next() < 0.5,
          linesPerTurn: 1 + below(next, 6),
          highWaterBytes: below(next, 5000),
        });
        let text = '';
        for (let i = below(next, 30); i >= 0; i--) {
          const kind = next();
          if (kind < 0.1) text += `big ${below(next, 9000)}\n`;
          else if (kind < 0.2) text += `file ${below(next, 9000)}\n`;
          else text += line(1 + below(next, 60));
        }
        const last = next();
        if (last < 0.3) text += 'quit\n';
        else if (last < 0.6) text += 'linger\n';
        else if (last < 0.8) text += 'half';
        let left = text;
        peer.rateBytes = 1 + below(next, 5000);
        world.until(() => {
          if (left === '') return true;
          const sent = peer.send(left.slice(0, 1 + below(next, 200)));
          if (sent > 0) left = left.slice(sent);
          return false;
        });
        if (last >= 0.3) peer.shutdown();
        peer.rateBytes = 65536;
        world.until(() => peer.ended && connection.isClosed);
        expect(peer.wasReset).toBe(false);
        expect(peer.bytes.toString()).toBe(responsesTo(text));
      }
    });
  },
);

describe('system calls', () => {
  const connect = (trigger: Trigger, options = {}) => {
    world = new World('simulated', trigger, () => 0);
    return world.connect(options);
  };

  it.each(TRIGGERS)('%s: a request is one recv, one send and a share of epoll_wait', (trigger) => {
    const clients = [connect(trigger), world!.connect(), world!.connect()];
    const { fake, reactor } = world!;
    reactor.turn(0);
    for (let round = 0; round < 3; round++) {
      for (const { peer } of clients) peer.send('hello\nworld\n');
      fake!.calls.length = 0;
      reactor.turn(0);
      // Oneshot is armed again with one call each, except before its first event.
      const rearmed = trigger === 'oneshot' && round > 0 ? { epollCtl: 3 } : {};
      expect(fake!.counts()).toEqual({ epollWait: 1, recv: 3, send: 3, ...rearmed });
    }
  });

  it.each(TRIGGERS)('%s: a connection that closes in its first read is never registered', (trigger) => {
    connect(trigger, { before: (peer: { send(data: string): void }) => peer.send('quit\n') });
    expect(world!.fake!.counts()).toEqual({ epollCreate1: 1, recv: 1, send: 1, close: 1 });
  });

  it('edge never changes its mask, level only for a slow reader', () => {
    const { peer } = connect('edge', { smallBuffers: true });
    peer.send('big 100000\n');
    world!.until(() => peer.bytes.length === 100_000);
    expect(world!.fake!.counts().epollCtl).toBe(1);
    world!.end();

    const level = connect('level', { smallBuffers: true });
    level.peer.send('one\n');
    world!.until(() => level.peer.bytes.length === 4);
    expect(world!.fake!.counts().epollCtl).toBe(1);
    level.peer.send('big 100000\n');
    world!.until(() => level.peer.bytes.length === 100_004);
    world!.reactor.turn(0);
    expect(world!.fake!.counts().epollCtl).toBe(3);
  });

  it.each(TRIGGERS)('%s: after the end of input the reactor does not spin', (trigger) => {
    const { peer, connection } = connect(trigger, { smallBuffers: true });
    peer.rateBytes = 0;
    peer.send('big 100000\n');
    peer.shutdown();
    world!.runFor(20);
    const { turns } = world!.reactor.stats;
    world!.fake!.calls.length = 0;
    world!.runFor(100);
    expect(world!.fake!.counts()).toEqual({ epollWait: world!.reactor.stats.turns - turns });
    expect(world!.reactor.stats.turns - turns).toBeLessThanOrEqual(51);
    peer.rateBytes = 65536;
    world!.until(() => connection.isClosed && peer.ended);
  });
});

describe('errors', () => {
  it.each([ENOMEM, ENOSPC])('start throws when epoll_ctl fails with %i, and the connection can be closed', (errno) => {
    world = new World('simulated', 'level', () => 0);
    const { fake, context } = world;
    const { fd, peer } = fake!.connected();
    fake!.fault('epollCtl', errno);
    const connection = new Connection(context, fd);
    const echo = new Echo(connection, () => EMFILE, {});
    expect(() => connection.start(echo)).toThrow(expect.objectContaining({ syscall: 'epoll_ctl' }));
    expect(connection.isClosed).toBe(false);
    connection.close();
    expect(echo.closeCalls).toBe(1);
    peer.pump();
    expect(peer.ended).toBe(true);
  });

  it.each(TRIGGERS)('%s: an error of recv closes the connection, whatever is unread', (trigger) => {
    world = new World('simulated', trigger, () => 0);
    const { peer, connection } = world.connect();
    peer.send('half');
    world.reactor.turn(0);
    world.fake!.fault('recv', ECONNRESET);
    peer.send('more');
    world.reactor.turn(0);
    expect(connection.isClosed).toBe(true);
  });

  it.each(TRIGGERS)('%s: FIN and RST in one event close the connection, whatever is to come', (trigger) => {
    world = new World('simulated', trigger, () => 0);
    const { peer, connection, echo } = world.connect();
    echo.onEnd = () => true;
    world.reactor.turn(0);
    peer.shutdown();
    (peer as FakePeer).reset();
    world.reactor.turn(0);
    expect(connection.isClosed).toBe(true);
  });

  it.each(TRIGGERS)('%s: FIN alone does not, if a response is to come', (trigger) => {
    world = new World('simulated', trigger, () => 0);
    const { peer, connection, echo } = world.connect();
    echo.onEnd = () => true;
    peer.shutdown();
    world.runFor(5);
    expect(connection.isClosed).toBe(false);
    (peer as FakePeer).reset();
    world.reactor.turn(0);
    expect(connection.isClosed).toBe(true);
  });

  it('a truncated file closes the connection in the middle of the response', () => {
    world = new World('simulated', 'level', () => 0);
    const { peer, connection } = world.connect({ smallBuffers: true });
    peer.rateBytes = 0;
    peer.send('file 50000\n');
    world.reactor.turn(0);
    world.fake!.truncate(Math.max(...world.fake!.open), 10_000);
    peer.rateBytes = 65536;
    world.until(() => connection.isClosed);
    world.runFor(5);
    expect(peer.bytes.length).toBe(10_000);
    expect(peer.ended).toBe(true);
  });

  it('repeated EAGAIN loses nothing', () => {
    world = new World('simulated', 'edge', () => 0);
    const { peer } = world.connect();
    const storm = Array<number>(50).fill(-11);
    world.fake!.fault('recv', ...storm);
    world.fake!.fault('send', ...storm);
    peer.send('hello\n');
    world.until(() => peer.bytes.toString() === 'hello\n');
  });
});

it.each([
  ['a response that is cut off', true, true],
  ['a response that is cut off, of a connection that is just closed', false, false],
  ['nothing unsent', true, false],
])('close with %s', (what, resetsWhenCut, isReset) => {
  world = new World('simulated', 'level', () => 0);
  const { peer, connection } = world.connect({ smallBuffers: true });
  connection.resetsWhenCut = resetsWhenCut;
  peer.send(what === 'nothing unsent' ? 'one\n' : 'big 20000\n');
  world.reactor.turn(0);
  connection.close();
  while (!peer.ended && !peer.wasReset) peer.pump();
  expect(peer.wasReset).toBe(isReset);
});

it('deferInput without unread bytes has no effect', () => {
  world = new World('simulated', 'level', () => 0);
  const { fake, context, reactor } = world;
  const { fd, peer } = fake!.connected();
  const connection = new Connection(context, fd);
  let received = 0;
  connection.start({
    onData(_bytes, _start, end) {
      received += end;
      connection.deferInput();
      return end;
    },
    wantsInput: true,
    isTaskless: false,
    isSending: false,
    onEnd: () => false,
    onSent() {},
    onDrain() {},
    deadlineMs: (sinceMs) => sinceMs + 1000,
    onTimeout() {},
    onClose() {},
  });
  peer.send('one');
  reactor.turn(0);
  reactor.turn(0);
  peer.send('two');
  reactor.turn(0);
  expect(received).toBe(6);
  connection.close();
});

it('peerOf returns the address of the peer, and null without one', () => {
  world = new World('simulated', 'level', () => 0);
  const { connection } = world.connect();
  expect(peerOf(connection)).toEqual({ family: 'IPv4', address: '192.0.2.7', port: 40000 });
  world.fake!.fault('getpeername', -107);
  expect(peerOf(connection)).toBeNull();
});
