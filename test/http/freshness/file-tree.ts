/** The expected response of a target: a status, and with 200 a content that repeats `label`. */
export interface State {
  readonly status: number;
  readonly label: string;
  readonly size: number;
}

export interface FileNode {
  readonly kind: 'file';
  label: string;
  size: number;
  locked: boolean;
}
interface DirectoryNode {
  readonly kind: 'directory';
  readonly entries: Map<string, Node>;
}
interface LinkNode {
  readonly kind: 'link';
  readonly target: string;
}
export type Node = FileNode | DirectoryNode | LinkNode;

export const contentOf = ({ label, size }: State): Buffer => Buffer.alloc(size, label, 'latin1');

/** A model in memory of files, directories and symlinks below a root. */
export class FileTree {
  private readonly top: DirectoryNode = { kind: 'directory', entries: new Map() };

  /** The expected response for a target. */
  state(target: string): State {
    const path = target.slice(1);
    const found = this.find(target.endsWith('/') ? `${path}index.html` : path);
    if (found === null) return { status: 404, label: '', size: 0 };
    if (found.kind === 'directory') return { status: target.endsWith('/') ? 404 : 301, label: '', size: 0 };
    if (found.locked && process.getuid?.() !== 0) return { status: 403, label: '', size: 0 };
    return { status: 200, label: found.label, size: found.size };
  }

  /** The node at a path, without following symlinks. */
  at(path: string): Node | null {
    let node: Node | undefined = this.top;
    for (const name of path.split('/').filter(Boolean)) {
      if (node?.kind !== 'directory') return null;
      node = node.entries.get(name);
    }
    return node ?? null;
  }

  /** The directory of a path; null if there is none. */
  parentOf(path: string): DirectoryNode | null {
    const directory = this.at(path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '');
    return directory?.kind === 'directory' ? directory : null;
  }

  set(path: string, node: Node | null): void {
    const { entries } = this.parentOf(path)!;
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (node === null) entries.delete(name);
    else entries.set(name, node);
  }

  /** The node of a path with symlinks followed, as the kernel resolves it. */
  find(path: string): FileNode | DirectoryNode | null {
    const names = path.split('/');
    const directories: DirectoryNode[] = [this.top];
    let found: FileNode | DirectoryNode = this.top;
    for (let links = 0; names.length > 0 && links < 40; ) {
      const name = names.shift()!;
      if (found.kind === 'file') return null;
      if (name === '' || name === '.') continue;
      if (name === '..') directories.pop();
      const next: Node | undefined = name === '..' ? directories.at(-1) : directories.at(-1)!.entries.get(name);
      if (next === undefined) return null;
      if (next.kind === 'link') {
        links++;
        names.unshift(...next.target.split('/'));
        continue;
      }
      if (next.kind === 'directory' && name !== '..') directories.push(next);
      found = next;
    }
    return names.length === 0 ? found : null;
  }
}
