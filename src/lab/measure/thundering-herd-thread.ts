import { parentPort, workerData } from 'node:worker_threads';
import { Epoll } from '../../epoll/epoll.js';
import { EPOLLIN } from '../../sys/events.js';
import { TIMEOUT_MS } from './thundering-herd.js';

/** Waits for a descriptor that other threads wait for too, and reads nothing. Posts 0 when ready, then its event count. */
const { fd, flags } = workerData as { fd: number; flags: number };
using epoll = new Epoll();
epoll.register(fd, EPOLLIN | flags);
parentPort!.postMessage(0);
parentPort!.postMessage(epoll.poll(TIMEOUT_MS).length);
