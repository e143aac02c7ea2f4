// One epoll set for a timer, signals and the end of a child process. Run it: npm run build
//   node examples/timers-and-signals.mjs sleep 10, and kill -HUP, kill -USR2 or kill the process that it prints
import { spawn } from 'node:child_process';
import { EPOLLIN, Epoll } from 'epollet/epoll';
import { check, constants, kernel, systemError } from 'epollet/sys';

const { CLOCK_MONOTONIC, SFD_NONBLOCK, SIGHUP, SIGTERM, SIGUSR2, TFD_NONBLOCK } = constants;
const [command = 'true', ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: 'inherit' });

const timer = check('timerfd_create', kernel.timerfdCreate(CLOCK_MONOTONIC, TFD_NONBLOCK));
check('timerfd_settime', kernel.timerfdSettime(timer, 0, 0, 500_000_000, 0, 500_000_000));
const signals = check('signalfd', kernel.signalfd([SIGHUP, SIGUSR2, SIGTERM], SFD_NONBLOCK));
const ended = check('pidfd_open', kernel.pidfdOpen(child.pid, 0), `pid ${child.pid}`);
const epoll = new Epoll();
const handlers = new Map().set(timer, tick).set(signals, onSignal).set(ended, onEnd);
for (const fd of handlers.keys()) epoll.register(fd, EPOLLIN);
console.log(`process ${process.pid}, child ${child.pid}`);
let ticks = 0;
for await (const events of epoll) for (const { fd } of events) handlers.get(fd)();
for (const fd of handlers.keys()) kernel.close(fd);

function tick() {
  const expirations = kernel.timerfdRead(timer); // more than 1 if this process was late
  ticks += Math.max(expirations, 0);
  console.log(`tick ${ticks}`);
}
function onSignal() {
  const received = kernel.signalfdRead(signals);
  if (typeof received === 'number') throw systemError('signalfd read', received);
  console.log(`signal ${received.signal} from process ${received.pid}`);
  if (received.signal === SIGTERM) kernel.pidfdSendSignal(ended, SIGTERM); // its end ends the loop
}
function onEnd() {
  console.log(`child ${child.pid} has ended`);
  epoll.close();
}
