import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { installCommand, resolveOptional } from '../../server/optional-package.js';

export type ToolName = 'wrk' | 'autocannon' | 'h2load' | 'strace' | 'taskset';

export interface Tool {
  readonly name: ToolName;
  readonly version: string | null;
  readonly use: string;
  /** The consequence if it is missing, as a sentence. */
  readonly without: string;
}

export class Tools {
  readonly list: readonly Tool[];
  private readonly commands = new Map<ToolName, string[]>();

  /** @param hidden treated as not installed; for tests */
  constructor(hidden: readonly ToolName[] = []) {
    const installed = (name: ToolName, pattern: RegExp, flag: string): string | null => {
      if (hidden.includes(name)) return null;
      const version = pattern.exec(versionOutput(name, flag))?.[1] ?? null;
      if (version !== null) this.commands.set(name, [name]);
      return version;
    };
    this.list = [
      {
        name: 'wrk',
        version: installed('wrk', /^wrk (\S+)/m, '-v'),
        use: 'closed-loop load',
        without:
          'wrk is not installed (Debian: apt-get install wrk): autocannon generates the load, with more CPU time per request.',
      },
      {
        name: 'autocannon',
        version: hidden.includes('autocannon') ? null : this.findAutocannon(),
        use: 'closed-loop load without wrk',
        without: `autocannon is not installed (${installCommand('autocannon')}); it is needed only without wrk.`,
      },
      {
        name: 'h2load',
        version: installed('h2load', /nghttp2\/(\S+)/, '--version'),
        use: 'closed-loop load on models with a process or a thread per connection',
        without:
          'h2load is not installed (Debian: apt-get install nghttp2-client): the figures of models with a process or a thread per connection include its start.',
      },
      {
        name: 'strace',
        version: installed('strace', /version (\S+)/, '--version'),
        use: 'system calls, and the calls of one request',
        without: 'strace is not installed: system calls are counted only for epollet, which counts its own.',
      },
      {
        name: 'taskset',
        version: installed('taskset', /util-linux (\S+)/, '--version'),
        use: 'a dedicated core for the model',
        without: 'taskset is not installed (Debian: util-linux): model and load share the cores.',
      },
    ];
  }

  has(name: ToolName): boolean {
    return this.commands.has(name);
  }

  command(name: ToolName): string[] {
    const command = this.commands.get(name);
    if (command === undefined) throw new Error(`${name} is not installed`);
    return command;
  }

  /** One sentence for each tool that is missing and needed. */
  missing(): string[] {
    return this.list
      .filter(({ name, version }) => version === null && !(name === 'autocannon' && this.has('wrk')))
      .map(({ without }) => without);
  }

  /** By path: PATH does not contain the commands of node_modules. */
  private findAutocannon(): string | null {
    const [command, description] = [resolveOptional('autocannon'), resolveOptional('autocannon', '/package.json')];
    if (command === null || description === null) return null;
    this.commands.set('autocannon', [process.execPath, command]);
    return JSON.parse(readFileSync(description, 'utf8')).version;
  }
}

/** wrk prints its version only above its help text, and exits with 1. */
function versionOutput(name: string, flag: string): string {
  try {
    return execFileSync(name, [flag], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return `${stdout}${stderr}`;
  }
}
