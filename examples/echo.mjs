// A TCP echo server on the reactor. Run it: npm run build && PORT=7007 node examples/echo.mjs, and nc 127.0.0.1 7007
import { EnclosingDriver, NOTHING, READABLE, Reactor, WRITABLE } from 'epollet/reactor';
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
const listenerToken = reactor.register(listener, { onReady: accept }, READABLE);
new EnclosingDriver(reactor);
console.log(kernel.getsockname(listener).port);

function accept() {
  const fd = kernel.accept4(listener, SOCK_NONBLOCK);
  if (fd === EMFILE) reactor.modify(listenerToken, NOTHING); // until a connection closes
  if (fd < 0) return;
  let unsent = input.subarray(0, 0);
  const close = () => {
    reactor.unregister(token);
    kernel.close(fd);
    reactor.modify(listenerToken, READABLE);
  };
  const onReady = () => {
    const received = unsent.length > 0 ? 0 : kernel.recv(fd, input, 0, input.length, 0);
    if (unsent.length === 0 && received <= 0) return received === EAGAIN || close(); // 0 is end of file
    if (received > 0) unsent = Buffer.from(input.subarray(0, received));
    const sent = kernel.send(fd, unsent, 0, unsent.length, 0);
    if (sent < 0 && sent !== EAGAIN) return close();
    unsent = unsent.subarray(Math.max(sent, 0));
    reactor.modify(token, unsent.length > 0 ? WRITABLE : READABLE); // backpressure: read only when all is sent
  };
  const token = reactor.register(fd, { onReady }, READABLE);
}
