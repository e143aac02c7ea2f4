// Accepts connections and passes each, with an open log file, to a worker process, which responds. Run it:
//   npm run build && PORT=7007 node examples/pass-descriptor.mjs /tmp/visitors.log, and nc 127.0.0.1 7007
import { spawn } from 'node:child_process';
import { check, constants, kernel, systemError } from 'epollet/sys';

const { AF_INET, AT_FDCWD, O_APPEND, O_CREAT, O_WRONLY, SOCK_SEQPACKET, SOCK_STREAM } = constants;
process.argv[2] === '--worker' ? work(3) : acceptForWorker(process.argv[2]);

function acceptForWorker(path) {
  const log = check('openat', kernel.openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0o644), path);
  const pair = kernel.socketpair(SOCK_SEQPACKET); // keeps messages apart, each with its descriptors
  if (typeof pair === 'number') throw systemError('socketpair', pair);
  spawn(process.execPath, [process.argv[1], '--worker'], { stdio: ['ignore', 1, 2, pair[1]] }); // its descriptor 3
  kernel.close(pair[1]); // the worker has a duplicate
  const listener = check('socket', kernel.socket(AF_INET, SOCK_STREAM, 0));
  check('bind', kernel.bind(listener, '127.0.0.1', Number(process.env.PORT ?? 0)));
  check('listen', kernel.listen(listener, 128));
  console.log(kernel.getsockname(listener).port);
  for (;;) {
    const connection = check('accept4', kernel.accept4(listener, 0)); // blocks: nothing else to do here
    check('sendmsg', kernel.sendmsg(pair[0], [Buffer.from('\0')], 0, [connection, log]));
    kernel.close(connection); // the worker has a duplicate of this too
  }
}
function work(channel) {
  for (;;) {
    const message = kernel.recvmsg(channel, [Buffer.alloc(1)], 0, 2);
    if (typeof message === 'number') throw systemError('recvmsg', message);
    if (message.count === 0) return; // the first process has ended
    const [connection, log] = message.fds;
    const { address, port } = kernel.getpeername(connection);
    const response = Buffer.from(`Hello ${address}:${port}, this is process ${process.pid}.\n`);
    kernel.send(connection, response, 0, response.length, 0);
    kernel.write(log, response, 0, response.length);
    for (const fd of message.fds) kernel.close(fd);
  }
}
