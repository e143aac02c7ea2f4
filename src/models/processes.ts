import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Root } from '../files/resolve/root.js';
import { constants, kernel } from '../sys/index.js';
import { AcceptLoop } from './shared/accept-loop.js';
import { serveConnection } from './shared/blocking-connection.js';
import { closeGracefully } from './shared/close-gracefully.js';
import { listen } from './shared/listen.js';
import { Responder } from './shared/responder.js';
import { type ModelOptions, type RunningModel, runningModel } from './shared/running-model.js';

/** This file is also the program that the children run. */
const THIS_FILE = fileURLToPath(import.meta.url);
/** The descriptor of a child's connection, after standard input, output and error. */
const CONNECTION = 3;
/** Without a limit, many clients are a fork bomb. Further connections wait in the accept queue. */
const MAX_CHILDREN = 128;

/**
 * A child process for each connection, which blocks on it as long as it likes: the others have processes of their own.
 * Nothing is shared, so nothing can be corrupted; a child that crashes takes one client with it. The price is a whole
 * Node process per connection, because a program with threads cannot fork(2) without exec.
 *
 * A descriptor is a number in a table that each process has for itself. It refers to an open file description, which
 * lives as long as any table refers to it, fork(2). So the parent must close its copy once the child has one. Otherwise
 * the close in the child ends nothing: the client waits forever for the end of the connection, and the parent, which
 * keeps an entry for every client so far, reaches its limit (EMFILE).
 */
export function start({ root, host, port: requestedPort }: ModelOptions): RunningModel {
  Root.open(kernel, root).close();
  const { fd: listener, port } = listen(host, requestedPort, constants.SOCK_NONBLOCK);
  const children = new Set<ChildProcess>();

  const acceptLoop = new AcceptLoop(listener, MAX_CHILDREN, (fd, onEnd) => {
    const child = spawn(process.execPath, [THIS_FILE, resolve(root)], { stdio: ['ignore', 'ignore', 'inherit', fd] });
    // `spawn` has returned, so the child has its copy.
    kernel.close(fd);
    children.add(child);
    const onExit = (): void => {
      if (children.delete(child)) onEnd();
    };
    // libuv calls wait(2): without it, an exited child would remain in the process table as a zombie.
    child.once('exit', onExit);
    child.once('error', onExit); // spawn failed: that client is dropped
  });

  return runningModel('http', host, port, () => {
    acceptLoop.close();
    // A child has no handler for SIGTERM, so it ends at once, even while it blocks in recv(2), signal(7).
    for (const child of children) child.kill('SIGTERM');
    return acceptLoop.whenIdle();
  });
}

if (process.argv[1] === THIS_FILE) {
  const responder = new Responder(process.argv[2]!, 'keep-alive');
  serveConnection(CONNECTION, responder);
  closeGracefully(CONNECTION);
}
