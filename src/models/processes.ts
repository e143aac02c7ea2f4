import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Root } from '../files/resolve/root.js';
import { constants, kernel } from '../sys/index.js';
import { Answers } from './shared/answers.js';
import { Arrivals } from './shared/arrivals.js';
import { converse } from './shared/blocking-connection.js';
import { hangUp } from './shared/hang-up.js';
import { listen } from './shared/listen.js';
import { type ModelOptions, type RunningModel, running } from './shared/program.js';

/** This file is a program as well: the one that the children run. */
const THIS_FILE = fileURLToPath(import.meta.url);
/** Where a child finds its connection, behind standard input, output and error. */
const CONNECTION = 3;
/** Without a limit a crowd of clients is a fork bomb. Those beyond it wait in the accept queue. */
const CHILDREN_MAX = 128;

/**
 * A child process for each connection, which blocks on it for as long as it likes: the others have processes of their
 * own. Nothing is shared, so nothing can be spoilt; a child that crashes takes one client with it. What it costs is a
 * whole Node each time, for fork(2) alone, without exec, is not to be had in a program with threads.
 *
 * A descriptor is a number in a table that each process has for itself; the connection is what the entry points to,
 * and it lives as long as any table points to it, fork(2). So the parent must close its own copy, once the child has
 * one. Otherwise the child's close ends nothing: the client waits for the end of the connection for ever, and the
 * parent, who keeps an entry for each client that ever came, runs into its limit (EMFILE).
 */
export function start({ root, host, port: wanted }: ModelOptions): RunningModel {
  Root.open(kernel, root).close();
  const { fd: listener, port } = listen(host, wanted, constants.SOCK_NONBLOCK);
  const children = new Set<ChildProcess>();
  let onLast: (() => void) | null = null;

  const arrivals = new Arrivals(listener, (fd) => {
    const child = spawn(process.execPath, [THIS_FILE, resolve(root)], { stdio: ['ignore', 'ignore', 'inherit', fd] });
    // `spawn` has returned, so that the child has its copy.
    kernel.close(fd);
    children.add(child);
    if (children.size === CHILDREN_MAX) arrivals.pause();
    const ended = (): void => {
      children.delete(child);
      arrivals.resume();
      if (children.size === 0) onLast?.();
    };
    // libuv waits for it, wait(2): a child that nobody waits for stays in the table of processes as a zombie.
    child.once('exit', ended);
    child.once('error', ended); // none was made: the loss of that client
  });

  return running('http', host, port, async () => {
    arrivals.close();
    if (children.size === 0) return;
    const last = new Promise<void>((resolve) => {
      onLast = resolve;
    });
    // A child has no handler for it, so that it ends at once, though it is in the middle of recv(2), signal(7).
    for (const child of children) child.kill('SIGTERM');
    await last;
  });
}

if (process.argv[1] === THIS_FILE) {
  const answers = new Answers(process.argv[2]!, 'kept');
  converse(CONNECTION, answers);
  hangUp(CONNECTION);
}
