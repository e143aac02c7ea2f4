/** As many as the kernel follows in one path, path_resolution(7). */
export const MAX_SYMLINKS = 40;

const SLASH = 0x2f;

/**
 * The names of a path while the caller resolves it, by the rules of path_resolution(7). The names before `position` are
 * resolved: none of them is a symlink or `..`. The caller opens the current name, and then calls `enter` for a directory, `leave` for
 * `..`, and `countSymlink` and `expand` for a symlink. Names are latin1, a character a byte; `.` and empty names are left out.
 */
export class PathWalk {
  readonly names: string[];
  /** The path, or the symlink that was expanded last, begins with a slash. */
  isAbsolute: boolean;
  /** The last name must be a directory: a slash follows it. */
  needsDirectory: boolean;
  private position = 0;

  constructor(
    path: Uint8Array,
    private symlinksLeft = MAX_SYMLINKS,
  ) {
    this.names = pathNames(path);
    this.isAbsolute = path[0] === SLASH;
    this.needsDirectory = path.at(-1) === SLASH;
  }

  /** The current name; undefined when all are resolved. */
  get name(): string | undefined {
    return this.names[this.position];
  }

  get isLast(): boolean {
    return this.position === this.names.length - 1;
  }

  /** The path of the directory that the current name is in, without slashes around it. */
  get parent(): Buffer {
    return joined(this.names.slice(0, this.position));
  }

  get path(): Buffer {
    return joined(this.names.slice(0, this.position + 1));
  }

  enter(): void {
    this.position++;
  }

  /** Drops `..` and the directory before it. Returns false at the top. */
  leave(): boolean {
    const isBelowTop = this.position > 0;
    if (isBelowTop) this.position--;
    this.names.splice(this.position, isBelowTop ? 2 : 1);
    return isBelowTop;
  }

  /** Returns false if the current name is one symlink too many. */
  countSymlink(): boolean {
    return this.symlinksLeft-- > 0;
  }

  /** Replaces the current name, a symlink, by its target; an absolute target replaces the names before it too. */
  expand(target: Uint8Array): void {
    if (this.isLast && target.at(-1) === SLASH) this.needsDirectory = true;
    this.isAbsolute = target[0] === SLASH;
    const replaced = this.isAbsolute ? 0 : this.position;
    this.names.splice(replaced, this.position + 1 - replaced, ...pathNames(target));
    this.position = replaced;
  }

  restart(): void {
    this.position = 0;
  }
}

const pathNames = (path: Uint8Array): string[] =>
  Buffer.from(path.buffer, path.byteOffset, path.length)
    .toString('latin1')
    .split('/')
    .filter((name) => name !== '' && name !== '.');

const joined = (names: readonly string[]): Buffer => Buffer.from(names.join('/'), 'latin1');
