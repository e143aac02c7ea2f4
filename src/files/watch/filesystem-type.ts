/**
 * File systems that change without an inotify event, by the magic numbers of statfs(2): network and virtual ones, and
 * overlays, whose lower layers may be written directly, inotify(7).
 */
const NON_NOTIFYING: ReadonlyMap<number, string> = new Map([
  [0x6969, 'nfs'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb2'],
  [0x517b, 'smb'],
  [0x01021997, '9p'],
  [0x65735546, 'fuse'],
  [0x786f4256, 'vboxsf'],
  [0x00c36400, 'ceph'],
  [0x5346414f, 'afs'],
  [0x6b414653, 'kafs'],
  [0x73757245, 'coda'],
  [0x0bd00bd0, 'lustre'],
  [0x47504653, 'gpfs'],
  [0x01161970, 'gfs2'],
  [0x7461636f, 'ocfs2'],
  [0x794c7630, 'overlay'],
  [0x9fa0, 'proc'],
  [0x62656572, 'sysfs'],
]);

/** @param type the result of fstatfs(2): a magic number, or -errno, for which changes count as not reported */
export const notifiesChanges = (type: number): boolean => type >= 0 && !NON_NOTIFYING.has(type);

/** The name of a file system that does not report all changes; null for others. */
export const nonNotifyingName = (type: number): string | null => NON_NOTIFYING.get(type) ?? null;
