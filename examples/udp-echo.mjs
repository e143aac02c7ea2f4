// A UDP echo server. Run it: npm run build && PORT=7007 node examples/udp-echo.mjs, and nc -u 127.0.0.1 7007
import { EnclosingDriver, READABLE, Reactor } from 'epollet/reactor';
import { check, constants, EAGAIN, kernel, systemError } from 'epollet/sys';

const { AF_INET, SOCK_DGRAM, SOCK_NONBLOCK } = constants;
const socket = check('socket', kernel.socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
check('bind', kernel.bind(socket, '127.0.0.1', Number(process.env.PORT ?? 0)));
const bytes = Buffer.alloc(65536); // more than the largest datagram
const reactor = new Reactor();
const token = reactor.register(socket, { onReady }, READABLE);
new EnclosingDriver(reactor);
console.log(kernel.getsockname(socket).port);
process.once('SIGTERM', () => {
  reactor.unregister(token);
  reactor.close();
  kernel.close(socket);
});

function onReady() {
  const datagram = kernel.recvfrom(socket, bytes, 0, bytes.length, 0);
  if (datagram === EAGAIN) return; // its checksum was wrong, select(2)
  if (typeof datagram === 'number') throw systemError('recvfrom', datagram);
  const { count, address, port } = datagram;
  const sent = kernel.sendto(socket, bytes, 0, count, 0, address, port);
  if (sent < 0) console.error(`${systemError('sendto', sent, `${address}:${port}`).message}, dropped`); // as UDP may
}
