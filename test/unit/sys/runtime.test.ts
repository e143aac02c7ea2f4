import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { assertLoop } from '../../../src/sys/runtime.js';
import { PACKAGE_ENTRY } from '../../support/command.js';

test.each([
  ['bun', 'Bun'],
  ['deno', 'Deno'],
])('a runtime with a version of %s lacks the loop', (version, name) => {
  expect(() => assertLoop({ ...process.versions, [version]: '1.0.0' })).toThrow(
    expect.objectContaining({
      code: 'ERR_EPOLLET_PLATFORM',
      message: expect.stringMatching(
        new RegExp(`^[^\\n]* which ${name} does not have: run them with Node [^\\n]*, which block\\.$`),
      ),
    }),
  );
});

test('Node, also with further versions of its own, has it', () => {
  assertLoop();
  assertLoop({ node: '20.19.0', electron: '40.0.0' });
});

test('without the loop serve, NestedDriver and loopStart throw, and the rest works', () => {
  const entry = (path: string): string => JSON.stringify(new URL(path, PACKAGE_ENTRY).href);
  const script = `
    Object.defineProperty(process, 'versions', { value: { ...process.versions, bun: '1.0.0' } });
    const { serve } = await import(${entry('index.js')});
    const { Epoll } = await import(${entry('epoll.js')});
    const { BlockingDriver, EnclosingDriver, NestedDriver, READABLE, Reactor } = await import(${entry('reactor.js')});
    const { kernel } = await import(${entry('sys.js')});
    const before = globalThis.Response;
    const [reader, writer] = kernel.pipe2(0);
    kernel.write(writer, new Uint8Array(3), 0, 3);
    const reactor = new Reactor();
    const failing = [
      () => serve({ fetch: () => new Response('') }),
      () => new NestedDriver(reactor),
      () => new EnclosingDriver(reactor),
      () => kernel.loopStart(reader, () => {}),
    ];
    const codes = failing.map((call) => { try { call(); } catch (error) { return error.code; } });
    const epoll = new Epoll();
    epoll.register(reader, 1);
    const driver = new BlockingDriver(reactor);
    let count = 0;
    const onReady = () => { count = kernel.read(reader, new Uint8Array(9), 0, 9); driver.stop(); };
    const polled = epoll.poll(0).length;
    reactor.register(reader, { onReady, onDeadline() {} }, READABLE);
    driver.run();
    console.log(JSON.stringify([codes, polled, count, globalThis.Response === before]));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  const code = 'ERR_EPOLLET_PLATFORM';
  expect(JSON.parse(output)).toEqual([[code, code, code, code], 1, 3, true]);
});
