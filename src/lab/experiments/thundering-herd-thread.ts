import { parentPort, workerData } from 'node:worker_threads';
import { Epoll } from '../../sys/epoll.js';
import { EPOLLIN } from '../../sys/events.js';
import { TIMEOUT_MS } from './thundering-herd.js';

/** Waits for a descriptor that others wait for too, and reads nothing. Says 0 before, and how often it was told after. */
const { fd, bits } = workerData as { fd: number; bits: number };
using epoll = new Epoll();
epoll.register(fd, EPOLLIN | bits);
parentPort!.postMessage(0);
parentPort!.postMessage(epoll.poll(TIMEOUT_MS).length);
