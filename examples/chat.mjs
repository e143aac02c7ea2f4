// A chat for thousands of clients: npm run build && PORT=7007 node examples/chat.mjs, and several times nc 127.0.0.1 7007
import { EPOLLIN, EPOLLOUT, Epoll } from 'epollet/epoll';
import { check, constants, EAGAIN, EMFILE, kernel } from 'epollet/sys';

const { AF_INET, SOCK_NONBLOCK, SOCK_STREAM } = constants;
const listener = check('socket', kernel.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
check('bind', kernel.bind(listener, '127.0.0.1', Number(process.env.PORT ?? 0)));
check('listen', kernel.listen(listener, 4096));
const [input, clients, epoll] = [Buffer.alloc(65536), new Map(), new Epoll()];
epoll.register(listener, EPOLLIN);
console.log(kernel.getsockname(listener).port);
for await (const events of epoll) for (const event of events) event.fd === listener ? accept() : serve(event);
function accept() {
  const fd = kernel.accept4(listener, SOCK_NONBLOCK);
  if (fd < 0) return fd === EMFILE && epoll.modify(listener, 0); // until a client leaves
  epoll.register(fd, EPOLLIN);
  clients.set(fd, { fd, line: '', unsent: Buffer.alloc(0) });
}
function serve({ fd, events }) {
  const client = clients.get(fd); // undefined if an earlier event has closed it
  const count = client && events & ~EPOLLOUT ? kernel.recv(fd, input, 0, input.length, 0) : EAGAIN;
  if (client && events & EPOLLOUT) send(client, '');
  if (count === EAGAIN || !clients.has(fd)) return;
  const lines = (client.line + input.latin1Slice(0, Math.max(count, 0))).split('\n'); // latin1 keeps every byte
  client.line = lines.pop().slice(0, 4096);
  for (const to of clients.values()) if (to !== client) send(to, lines.map((line) => `${fd}: ${line}\n`).join(''));
  if (count <= 0) close(fd);
}
function send(client, text) {
  const bytes = Buffer.concat([client.unsent, Buffer.from(text, 'latin1')]);
  const count = kernel.send(client.fd, bytes, 0, bytes.length, 0);
  client.unsent = bytes.subarray(Math.max(count, 0));
  if ((count < 0 && count !== EAGAIN) || client.unsent.length > 1 << 20) return close(client.fd); // or reads too slowly
  epoll.modify(client.fd, client.unsent.length > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}
function close(fd) {
  if (clients.delete(fd)) kernel.close(fd);
  epoll.modify(listener, EPOLLIN);
}
