import { check, constants, EAGAIN, forEachInotifyEvent, type Kernel, kernel, systemError } from 'epollet/sys';

const { AF_INET, SOCK_NONBLOCK, SOCK_STREAM } = constants;
const calls: Pick<Kernel, 'socket'> = kernel;
export const fd: number = check('socket', calls.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
const result: number = kernel.recv(fd, new Uint8Array(8), 0, 8, 0);
if (result < 0 && result !== EAGAIN) throw systemError('recv', result);
forEachInotifyEvent(Buffer.alloc(0), 0, () => {});

// @ts-expect-error: bytes are a Uint8Array
kernel.send(fd, 'text', 0, 4, 0);
