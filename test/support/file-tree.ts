/** What an address answers: a status, and with 200 a content that is `label` again and again. */
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
interface FolderNode {
  readonly kind: 'folder';
  readonly entries: Map<string, Node>;
}
interface LinkNode {
  readonly kind: 'link';
  readonly target: string;
}
export type Node = FileNode | FolderNode | LinkNode;

export const contentOf = ({ label, size }: State): Buffer => Buffer.alloc(size, label, 'latin1');

/** Files, folders and links beneath a root, in memory. */
export class FileTree {
  private readonly top: FolderNode = { kind: 'folder', entries: new Map() };

  /** What a server answers for an address. */
  state(target: string): State {
    const path = target.slice(1);
    const found = this.find(target.endsWith('/') ? `${path}index.html` : path);
    if (found === null) return { status: 404, label: '', size: 0 };
    if (found.kind === 'folder') return { status: target.endsWith('/') ? 404 : 301, label: '', size: 0 };
    if (found.locked && process.getuid?.() !== 0) return { status: 403, label: '', size: 0 };
    return { status: 200, label: found.label, size: found.size };
  }

  /** What stands at a path, links and all. */
  at(path: string): Node | null {
    let node: Node | undefined = this.top;
    for (const name of path.split('/').filter(Boolean)) {
      if (node?.kind !== 'folder') return null;
      node = node.entries.get(name);
    }
    return node ?? null;
  }

  /** The folder that has, or would have, what stands at a path; null when there is none. */
  folderOf(path: string): FolderNode | null {
    const directory = this.at(path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '');
    return directory?.kind === 'folder' ? directory : null;
  }

  set(path: string, node: Node | null): void {
    const { entries } = this.folderOf(path)!;
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (node === null) entries.delete(name);
    else entries.set(name, node);
  }

  /** What a path leads to, as the kernel finds it. */
  find(path: string): FileNode | FolderNode | null {
    const names = path.split('/');
    const directories: FolderNode[] = [this.top];
    let found: FileNode | FolderNode = this.top;
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
      if (next.kind === 'folder' && name !== '..') directories.push(next);
      found = next;
    }
    return names.length === 0 ? found : null;
  }
}
