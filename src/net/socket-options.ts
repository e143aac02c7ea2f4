import { constants } from '../sys/binding.js';
import type { Kernel } from '../sys/kernel.js';

const { SOL_SOCKET, SO_ERROR, SO_LINGER } = constants;

/** struct linger: with { 1, 0 } close(2) sends a reset, with { 0, 0 } a FIN behind what is queued. */
const RESET = new Uint8Array(new Int32Array([1, 0]).buffer);
const FIN = new Uint8Array(new Int32Array([0, 0]).buffer);

/**
 * Makes close(2), and the end of the process, send a reset, socket(7): the peer then knows that something is missing. Or,
 * as it is at first, a FIN.
 */
export function resetOnClose(kernel: Kernel, fd: number, isOn = true): void {
  kernel.setsockoptBytes(fd, SOL_SOCKET, SO_LINGER, isOn ? RESET : FIN);
}

/** Takes the error that has come on the socket, as -errno; 0 without one. */
export const pendingError = (kernel: Kernel, fd: number): number =>
  -Math.abs(kernel.getsockopt(fd, SOL_SOCKET, SO_ERROR)) || 0;
