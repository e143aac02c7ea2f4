// A TCP echo server on readiness itself. Run it: npm run build && PORT=7007 node test/examples/echo.mjs, and nc 127.0.0.1 7007
import { NestedDriver, NOTHING, READABLE, Reactor, WRITABLE } from 'epollet/reactor';
import { constants, EAGAIN, EMFILE, kernel, systemError } from 'epollet/sys';

const checked = (call, result) => {
  if (result < 0) throw systemError(call, result);
  return result;
};
const { AF_INET, SOCK_STREAM, SOCK_NONBLOCK } = constants;
const listener = checked('socket', kernel.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
checked('bind', kernel.bind(listener, '127.0.0.1', Number(process.env.PORT ?? 0)));
checked('listen', kernel.listen(listener, 128));
const reactor = new Reactor();
const input = Buffer.alloc(65536);
const door = reactor.register(listener, { onReady: accept }, READABLE);
new NestedDriver(reactor);
console.log(kernel.getsockname(listener).port);

function accept() {
  const fd = kernel.accept4(listener, SOCK_NONBLOCK);
  if (fd === EMFILE) reactor.modify(door, NOTHING); // until one is closed
  if (fd < 0) return;
  let unsent = input.subarray(0, 0);
  const close = () => {
    reactor.unregister(token);
    kernel.close(fd);
    reactor.modify(door, READABLE);
  };
  const onReady = () => {
    const got = unsent.length > 0 ? 0 : kernel.recv(fd, input, 0, input.length, 0);
    if (unsent.length === 0 && got <= 0) return got === EAGAIN || close(); // 0 is the end of what the peer has to say
    if (got > 0) unsent = Buffer.from(input.subarray(0, got));
    const sent = kernel.send(fd, unsent, 0, unsent.length, 0);
    if (sent < 0 && sent !== EAGAIN) return close();
    unsent = unsent.subarray(Math.max(sent, 0));
    reactor.modify(token, unsent.length > 0 ? WRITABLE : READABLE); // who does not read is not read from
  };
  const token = reactor.register(fd, { onReady }, READABLE);
}
