import { execFileSync } from 'node:child_process';

export type ToolName = 'strace' | 'taskset';

export interface Tool {
  readonly name: ToolName;
  readonly version: string | null;
  readonly use: string;
  /** The consequence if it is missing, as a sentence. */
  readonly without: string;
}

export class Tools {
  readonly list: readonly Tool[];

  /** @param hidden treated as not installed; for tests */
  constructor(hidden: readonly ToolName[] = []) {
    const version = (name: ToolName, pattern: RegExp): string | null =>
      hidden.includes(name) ? null : (pattern.exec(versionOutput(name))?.[1] ?? null);
    this.list = [
      {
        name: 'strace',
        version: version('strace', /version (\S+)/),
        use: 'system calls, and the calls of one request',
        without:
          'strace is not installed (Debian: apt-get install strace): system calls are counted only for epollet, which counts its own.',
      },
      {
        name: 'taskset',
        version: version('taskset', /util-linux (\S+)/),
        use: 'a dedicated core for the model',
        without: 'taskset is not installed (Debian: apt-get install util-linux): model and load share the cores.',
      },
    ];
  }

  has(name: ToolName): boolean {
    return this.list.some((tool) => tool.name === name && tool.version !== null);
  }

  /** One sentence for each tool that is missing. */
  missing(): string[] {
    return this.list.filter(({ version }) => version === null).map(({ without }) => without);
  }
}

/** Empty if it is not installed. */
function versionOutput(name: string): string {
  try {
    return execFileSync(name, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
