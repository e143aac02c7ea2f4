import type { Kernel } from '../../sys/kernel.js';
import { Stat } from '../../sys/kernel.js';

/**
 * - pseudo: content is made when it is read, proc(5): sizes and times do not describe it, and changes are not reported.
 * - remote: others write it without this kernel, and its times are of another clock.
 * - layered: its layers may be written directly, inotify(7).
 * - coarse: local, with times that are coarser than the kernel's clock.
 */
type Kind = 'pseudo' | 'remote' | 'layered' | 'coarse';

/** By the magic numbers of statfs(2) and linux/magic.h. All others are local, and report every change. */
const TYPES: ReadonlyMap<number, readonly [name: string, kind: Kind]> = new Map([
  [0x6969, ['nfs', 'remote']],
  [0xff534d42, ['cifs', 'remote']],
  [0xfe534d42, ['smb2', 'remote']],
  [0x517b, ['smb', 'remote']],
  [0x01021997, ['9p', 'remote']],
  [0x65735546, ['fuse', 'remote']],
  [0x786f4256, ['vboxsf', 'remote']],
  [0x00c36400, ['ceph', 'remote']],
  [0x5346414f, ['afs', 'remote']],
  [0x6b414653, ['kafs', 'remote']],
  [0x73757245, ['coda', 'remote']],
  [0x0bd00bd0, ['lustre', 'remote']],
  [0x47504653, ['gpfs', 'remote']],
  [0x01161970, ['gfs2', 'remote']],
  [0x7461636f, ['ocfs2', 'remote']],
  [0x794c7630, ['overlay', 'layered']],
  [0x9fa0, ['proc', 'pseudo']],
  [0x62656572, ['sysfs', 'pseudo']],
  [0x0027e0eb, ['cgroup', 'pseudo']],
  [0x63677270, ['cgroup2', 'pseudo']],
  [0x64626720, ['debugfs', 'pseudo']],
  [0x74726163, ['tracefs', 'pseudo']],
  [0x73636673, ['securityfs', 'pseudo']],
  [0x62656570, ['configfs', 'pseudo']],
  [0xcafe4a11, ['bpf', 'pseudo']],
  [0xde5e81e4, ['efivarfs', 'pseudo']],
  [0x6165676c, ['pstore', 'pseudo']],
  [0x42494e4d, ['binfmt_misc', 'pseudo']],
  [0xf97cff8c, ['selinuxfs', 'pseudo']],
  [0x43415d53, ['smackfs', 'pseudo']],
  [0x5a3c69f0, ['apparmorfs', 'pseudo']],
  [0x65735543, ['fusectl', 'pseudo']],
  [0x19800202, ['mqueue', 'pseudo']],
  [0x07655821, ['resctrl', 'pseudo']],
  [0x6e667364, ['nfsd', 'pseudo']],
  [0x67596969, ['rpc_pipefs', 'pseudo']],
  [0xabba1974, ['xenfs', 'pseudo']],
  [0x00009fa1, ['openpromfs', 'pseudo']],
  [0x4d44, ['vfat', 'coarse']],
  [0x2011bab0, ['exfat', 'coarse']],
]);

/** vfat has times of two seconds, and exfat of two seconds where it lacks the field for their hundredths. */
const COARSE_MS = 2000;
/** A server's file system, or FUSE, may have any granularity down to whole seconds, and its clock is about as exact. */
const REMOTE_MS = 1000;
/** Times without a fraction are of a file system that keeps none: ext4 with inodes of 128 bytes, HFS+, ISO 9660. */
const WHOLE_SECOND_MS = 1000;
/** The kernel's coarse clock steps every 1 to 10 ms (CONFIG_HZ), and a change has the time of the step before it. */
const CLOCK_STEP_MS = 20;

/** A mount that is not seen must not leave a wrong type for ever: device numbers are reused. */
const KNOWN_MS = 30_000;

/** What a file system's sizes and times are worth. */
export class FileSystem {
  readonly isPseudo: boolean;
  readonly isRemote: boolean;
  /** Programs serve it, which may report sizes that its files do not have. */
  readonly hasDoubtfulSizes: boolean;
  private readonly granularityMs: number;

  /** @param type the result of fstatfs(2): a magic number, or -errno */
  constructor(
    type: number,
    readonly knownAtMs = 0,
  ) {
    const [name, kind] = TYPES.get(type) ?? [];
    this.isPseudo = kind === 'pseudo';
    this.isRemote = kind === 'remote';
    this.hasDoubtfulSizes = name === 'fuse' || name === '9p';
    this.granularityMs = kind === 'coarse' ? COARSE_MS : kind === 'remote' ? REMOTE_MS : 0;
  }

  /**
   * Whether a file may change again without other times, so that they do not identify its content: they are not older than
   * the granularity of the clock and of the file system. By the change time, since utimensat(2) can set the modification
   * time back; and by both where a server makes up the former.
   */
  hasRacyTimes(stat: Float64Array, wallMs: number): boolean {
    if (this.isRacy(stat[Stat.ctimeSeconds]!, stat[Stat.ctimeNanoseconds]!, wallMs)) return true;
    return this.isRemote && this.isRacy(stat[Stat.mtimeSeconds]!, stat[Stat.mtimeNanoseconds]!, wallMs);
  }

  /** Whether two changes in different seconds may have the same date. */
  get hasCoarseDates(): boolean {
    return this.granularityMs > WHOLE_SECOND_MS;
  }

  private isRacy(seconds: number, nanoseconds: number, wallMs: number): boolean {
    const granularityMs = nanoseconds === 0 ? Math.max(WHOLE_SECOND_MS, this.granularityMs) : this.granularityMs;
    return Math.abs(wallMs - (seconds * 1000 + nanoseconds / 1e6)) < granularityMs + CLOCK_STEP_MS;
  }
}

/** Local, of whatever type: for directories, whose times serve only to read their names again. */
export const LOCAL: FileSystem = new FileSystem(0);

/** The file systems of files, by their device, so that a type is read once and not for each file. */
export class FileSystems {
  private readonly byDevice = new Map<number, FileSystem>();

  constructor(private readonly kernel: Kernel) {}

  /**
   * @param fd of the file, the caller's
   * @param stat what fstat(2) reported of it
   */
  of(fd: number, stat: Float64Array, wallMs: number): FileSystem {
    const known = this.known(stat, wallMs);
    if (known !== null) return known;
    const found = new FileSystem(this.kernel.fstatfs(fd), wallMs);
    this.byDevice.set(stat[Stat.deviceHigh]! * 2 ** 32 + stat[Stat.deviceLow]!, found);
    return found;
  }

  /** The same without a descriptor; null if it has to be read. */
  known(stat: Float64Array, wallMs: number): FileSystem | null {
    const known = this.byDevice.get(stat[Stat.deviceHigh]! * 2 ** 32 + stat[Stat.deviceLow]!);
    return known !== undefined && Math.abs(wallMs - known.knownAtMs) < KNOWN_MS ? known : null;
  }

  /** Something was mounted or unmounted. */
  forget(): void {
    this.byDevice.clear();
  }
}

const FILE_SYSTEM = 'the file system is ';

/**
 * Why not all changes in a file system are reported; null if they are.
 * @param type the result of fstatfs(2): a magic number, or -errno, for which changes count as not reported
 */
export function unwatchedFilesystem(type: number): string | null {
  const [name, kind] = TYPES.get(type) ?? (type < 0 ? ['unknown', 'remote'] : ['', 'coarse']);
  return kind === 'coarse' ? null : `${FILE_SYSTEM}${name}, which does not report all changes`;
}

/** Whether a reason is one of `unwatchedFilesystem`. */
export const isOfFilesystem = (reason: string): boolean => reason.startsWith(FILE_SYSTEM);
