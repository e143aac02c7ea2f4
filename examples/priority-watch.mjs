// Prints the urgent (out-of-band) bytes of TCP connections before the data in front of them. Run it:
//   npm run build && PORT=7007 node examples/priority-watch.mjs
//   python3 -c "import socket; s = socket.create_connection(('127.0.0.1', 7007)); s.send(b'hello'); s.send(b'!', socket.MSG_OOB)"
import { EnclosingDriver, PRIORITY, READABLE, Reactor } from 'epollet/reactor';
import { check, constants, EAGAIN, kernel } from 'epollet/sys';

const { AF_INET, MSG_OOB, SOCK_STREAM, SOCK_NONBLOCK } = constants;
const listener = check('socket', kernel.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
check('bind', kernel.bind(listener, '127.0.0.1', Number(process.env.PORT ?? 0)));
check('listen', kernel.listen(listener, 128));
const reactor = new Reactor();
const bytes = Buffer.alloc(65536);
reactor.register(listener, { onReady: accept }, READABLE);
new EnclosingDriver(reactor);
console.log(kernel.getsockname(listener).port);

function accept() {
  const fd = kernel.accept4(listener, SOCK_NONBLOCK);
  if (fd === EAGAIN) return;
  const { port } = kernel.getpeername(check('accept4', fd));
  const onReady = (readiness) => {
    // EINVAL: no urgent byte, or it was read already.
    const urgent = readiness & PRIORITY ? kernel.recv(fd, bytes, 0, 1, MSG_OOB) : 0;
    if (urgent > 0) console.log(`${port} urgent: ${JSON.stringify(bytes.toString('utf8', 0, urgent))}`);
    // A read stops at the mark where the urgent byte was.
    const count = readiness & READABLE ? kernel.recv(fd, bytes, 0, bytes.length, 0) : EAGAIN;
    if (count > 0) console.log(`${port} data: ${JSON.stringify(bytes.toString('utf8', 0, count))}`);
    if (count > 0 || count === EAGAIN) return;
    reactor.unregister(token);
    kernel.close(fd);
    console.log(`${port} closed`);
  };
  const token = reactor.register(fd, { onReady }, READABLE | PRIORITY);
}
