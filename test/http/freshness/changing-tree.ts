import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Call } from '../../support/changer.js';
import { below } from '../../support/random.js';
import { contentOf, type FileNode, FileTree, type State } from './file-tree.js';

/** A change that the tree has made to itself, and the calls that make it to the files. */
export interface Change {
  readonly kind: string;
  readonly calls: Call[];
  /** The targets that may show an intermediate state, because the calls take several steps. */
  readonly torn: readonly string[];
}

const DIRECTORIES = ['', 'a', 'b', 'c', 'a/x', 'b/y', 'n', 'n/z'];
const FILES = ['0.txt', '1.bin', '2.js', '3.css', 'index.html'];
/** Symlinks to a file, and to a directory. */
const FILE_LINKS = ['l0', 'l1', 'a/l2'];
const DIRECTORY_LINKS = ['k0', 'c/k1'];

const pathOf = (directory: string, name: string): string => (directory === '' ? name : `${directory}/${name}`);

/** Every requested target; most exist at any time. */
export const TARGETS: readonly string[] = [
  ...DIRECTORIES.flatMap((directory) => FILES.map((file) => `/${pathOf(directory, file)}`)),
  ...DIRECTORIES.slice(1).flatMap((directory) => [`/${directory}`, `/${directory}/`]),
  ...FILE_LINKS.map((link) => `/${link}`),
  ...DIRECTORY_LINKS.flatMap((link) => [`/${link}`, `/${link}/`, `/${link}/0.txt`, `/${link}/1.bin`]),
];

/** A model of a directory in memory, with all the ways in which people and programs change one. */
export class ChangingTree {
  private readonly tree = new FileTree();
  private version = 0;
  private readonly kinds: readonly (() => Change | null)[];

  constructor(
    private readonly root: string,
    private readonly next: () => number,
  ) {
    for (const directory of DIRECTORIES.slice(1, 6)) {
      mkdirSync(join(root, directory));
      this.tree.set(directory, { kind: 'directory', entries: new Map() });
    }
    for (const directory of DIRECTORIES.slice(0, 6)) {
      for (const file of FILES) {
        const path = pathOf(directory, file);
        const node = this.newFile(path);
        this.tree.set(path, node);
        writeFileSync(join(root, path), bytesOf(node));
      }
    }
    const often = [this.write, this.edit, this.append, this.truncate, this.replace, this.replace, this.create];
    const seldom = [this.remove, this.lock, this.mkdir, this.rmdir, this.moveIn, this.rename, this.link, this.unlink];
    this.kinds = [...often, ...often, this.create, this.link, this.rename, ...seldom].map((kind) => kind.bind(this));
  }

  state(target: string): State {
    return this.tree.state(target);
  }

  change(): Change {
    for (;;) {
      const change = this.pick(this.kinds)();
      if (change !== null) return change;
    }
  }

  private write(): Change | null {
    return this.inPlace('write', (file, path) => {
      this.renew(file, path, this.newSize());
      return ['writeFileSync', join(this.root, path), bytesOf(file)];
    });
  }

  /** The size stays the same. */
  private edit(): Change | null {
    return this.inPlace('edit', (file, path) => {
      this.renew(file, path, file.size);
      return ['edit', join(this.root, path), bytesOf(file)];
    });
  }

  private append(): Change | null {
    return this.inPlace('append', (file, path) => {
      const before = file.size;
      file.size += 1 + below(this.next, 5000);
      return ['appendFileSync', join(this.root, path), bytesOf(file).subarray(before)];
    });
  }

  private truncate(): Change | null {
    return this.inPlace('truncate', (file, path) => {
      file.size = below(this.next, file.size + 1);
      return ['truncateSync', join(this.root, path), file.size];
    });
  }

  private inPlace(kind: string, act: (file: FileNode, path: string) => Call): Change | null {
    const path = this.anyFile();
    if (path === null) return null;
    const file = this.tree.at(path) as FileNode;
    if (file.locked) return null;
    const torn = this.targetsOf(file);
    return { kind, calls: [act(file, path)], torn };
  }

  private create(): Change | null {
    const path = this.pick(DIRECTORIES.flatMap((directory) => FILES.map((file) => pathOf(directory, file))));
    if (!this.isFree(path)) return null;
    const file = this.newFile(path);
    this.tree.set(path, file);
    const calls: Call[] = [['writeFileSync', join(this.root, path), bytesOf(file)]];
    return { kind: 'create', calls, torn: this.targetsOf(file) };
  }

  private replace(): Change | null {
    const path = this.anyFile();
    if (path === null) return null;
    const file = this.newFile(path);
    this.tree.set(path, file);
    const whole = join(this.root, path);
    return atomic('replace', ['writeFileSync', `${whole}.new`, bytesOf(file)], ['renameSync', `${whole}.new`, whole]);
  }

  private remove(): Change | null {
    const path = this.anyFile();
    if (path === null) return null;
    this.tree.set(path, null);
    return atomic('remove', ['unlinkSync', join(this.root, path)]);
  }

  private lock(): Change | null {
    const path = this.anyFile();
    if (path === null) return null;
    const file = this.tree.at(path) as FileNode;
    file.locked = !file.locked;
    return atomic('chmod', ['chmodSync', join(this.root, path), file.locked ? 0 : 0o644]);
  }

  private mkdir(): Change | null {
    const path = this.freeDirectory();
    if (path === null) return null;
    this.tree.set(path, { kind: 'directory', entries: new Map() });
    return atomic('mkdir', ['mkdirSync', join(this.root, path)]);
  }

  private rmdir(): Change | null {
    const path = this.anyDirectory();
    if (path === null) return null;
    this.tree.set(path, null);
    return atomic('rmdir', ['rmSync', join(this.root, path), { recursive: true }]);
  }

  /** Moves in a directory with its files, made elsewhere. */
  private moveIn(): Change | null {
    const path = this.freeDirectory();
    if (path === null) return null;
    this.tree.set(path, { kind: 'directory', entries: new Map() });
    const made = join(this.root, '.made');
    const calls: Call[] = [['mkdirSync', made]];
    for (const name of FILES) {
      const file = this.newFile(pathOf(path, name));
      this.tree.set(pathOf(path, name), file);
      calls.push(['writeFileSync', join(made, name), bytesOf(file)]);
    }
    return atomic('move in', ...calls, ['renameSync', made, join(this.root, path)]);
  }

  private rename(): Change | null {
    const from = this.anyDirectory();
    const to = this.freeDirectory();
    if (from === null || to === null || to.startsWith(`${from}/`)) return null;
    const directory = this.tree.at(from);
    this.tree.set(from, null);
    this.tree.set(to, directory);
    return atomic('rename', ['renameSync', join(this.root, from), join(this.root, to)]);
  }

  /** Makes or retargets a symlink; it may dangle. */
  private link(): Change | null {
    const isFile = this.next() < 0.5;
    const path = this.pick(isFile ? FILE_LINKS : DIRECTORY_LINKS);
    if (!this.isFree(path) && this.tree.at(path)?.kind !== 'link') return null;
    const up = path.includes('/') ? '../' : '';
    const target = up + pathOf(this.pick(DIRECTORIES.slice(1)), isFile ? this.pick(FILES) : '.');
    this.tree.set(path, { kind: 'link', target });
    const whole = join(this.root, path);
    return atomic('link', ['symlinkSync', target, `${whole}.new`], ['renameSync', `${whole}.new`, whole]);
  }

  private unlink(): Change | null {
    const path = this.pick([...FILE_LINKS, ...DIRECTORY_LINKS]);
    if (this.tree.at(path)?.kind !== 'link') return null;
    this.tree.set(path, null);
    return atomic('unlink', ['unlinkSync', join(this.root, path)]);
  }

  private newFile(path: string): FileNode {
    const file: FileNode = { kind: 'file', label: '', size: 0, locked: false };
    this.renew(file, path, this.newSize());
    return file;
  }

  private renew(file: FileNode, path: string, size: number): void {
    file.label = `${path}#${++this.version};`;
    file.size = size;
  }

  private newSize(): number {
    const sizes = [0, 1 + below(this.next, 40), below(this.next, 3000), below(this.next, 20_000)];
    return this.pick([...sizes, 65_536 + this.pick([-1, 0, 1]), below(this.next, 200_001)]);
  }

  private anyFile(): string | null {
    const paths = DIRECTORIES.flatMap((directory) => FILES.map((file) => pathOf(directory, file)));
    return this.oneOf(paths, (path) => this.tree.at(path)?.kind === 'file');
  }

  private anyDirectory(): string | null {
    return this.oneOf(DIRECTORIES.slice(1), (path) => this.tree.at(path)?.kind === 'directory');
  }

  private freeDirectory(): string | null {
    return this.oneOf(DIRECTORIES.slice(1), (path) => this.isFree(path));
  }

  private isFree(path: string): boolean {
    return this.tree.at(path) === null && this.tree.parentOf(path) !== null;
  }

  private oneOf(paths: readonly string[], holds: (path: string) => boolean): string | null {
    const fit = paths.filter(holds);
    return fit.length === 0 ? null : this.pick(fit);
  }

  private pick<Item>(items: readonly Item[]): Item {
    return items[below(this.next, items.length)]!;
  }

  private targetsOf(file: FileNode): string[] {
    return TARGETS.filter(
      (target) => this.tree.find(target.slice(1) + (target.endsWith('/') ? 'index.html' : '')) === file,
    );
  }
}

const atomic = (kind: string, ...calls: Call[]): Change => ({ kind, calls, torn: [] });

const bytesOf = (file: FileNode): Buffer => contentOf({ status: 200, label: file.label, size: file.size });
