import { constants } from '../sys/binding.js';
import type { Kernel } from '../sys/kernel.js';

const { SOL_SOCKET, SO_ERROR, SO_LINGER } = constants;

/** struct linger { 1, 0 }. */
const NO_LINGER = new Uint8Array(new Int32Array([1, 0]).buffer);

/** Makes close(2) send a reset, socket(7): the peer then knows that something is missing. */
export function resetOnClose(kernel: Kernel, fd: number): void {
  kernel.setsockoptBytes(fd, SOL_SOCKET, SO_LINGER, NO_LINGER);
}

/** Takes the error that has come on the socket, as -errno; 0 without one. */
export const pendingError = (kernel: Kernel, fd: number): number =>
  -Math.abs(kernel.getsockopt(fd, SOL_SOCKET, SO_ERROR)) || 0;
