// Prints what is appended to a file, through rotation and truncation, as tail -F does. Run it:
//   npm run build && node examples/inotify-tail.mjs /var/log/syslog
import { basename, dirname, resolve } from 'node:path';
import { EnclosingDriver, READABLE, Reactor } from 'epollet/reactor';
import { check, constants, ENOENT, forEachInotifyEvent, kernel, STAT_WORDS, Stat } from 'epollet/sys';

const { AT_FDCWD, IN_CREATE, IN_MODIFY, IN_MOVED_TO, IN_NONBLOCK, O_CLOEXEC, O_RDONLY } = constants;
const path = resolve(process.argv[2]);
const bytes = Buffer.alloc(65536);
const stat = new Float64Array(STAT_WORDS);
const sizeOf = (fd) => check('fstat', kernel.fstat(fd, stat), path) || stat[Stat.size];
const open = () => kernel.openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
const inotify = check('inotify_init1', kernel.inotifyInit1(IN_NONBLOCK));
// The directory, not the file: it reports the next file of this name too.
check('inotify_add_watch', kernel.inotifyAddWatch(inotify, dirname(path), IN_MODIFY | IN_CREATE | IN_MOVED_TO), path);
let fd = open();
if (fd !== ENOENT) check('openat', fd, path);
let offset = fd < 0 ? 0 : sizeOf(fd); // what is there already is not printed
const reactor = new Reactor();
reactor.register(inotify, { onReady }, READABLE);
new EnclosingDriver(reactor);

function onReady() {
  let replaced = false;
  forEachInotifyEvent(bytes, check('read', kernel.read(inotify, bytes, 0, bytes.length)), (_wd, mask, name) => {
    replaced ||= (mask & IN_MODIFY) === 0 && name.toString() === basename(path);
  });
  print(); // after a rename, the last lines of the old file
  if (!replaced) return;
  if (fd >= 0) kernel.close(fd);
  [fd, offset] = [open(), 0];
  print();
}
function print() {
  if (fd >= 0 && sizeOf(fd) < offset) offset = 0; // truncated
  const count = fd < 0 ? 0 : check('pread', kernel.pread(fd, bytes, 0, bytes.length, offset), path);
  offset += count;
  if (count > 0) process.stdout.write(Buffer.from(bytes.subarray(0, count)), print);
}
