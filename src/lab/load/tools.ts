import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export type ToolName = 'wrk' | 'autocannon' | 'h2load' | 'strace' | 'taskset';

/** A program that the lab measures with. */
export interface Tool {
  readonly name: ToolName;
  /** Null when it is not installed. */
  readonly version: string | null;
  readonly use: string;
  /** What it means that it is missing, in a sentence. */
  readonly without: string;
}

/** The command line of each: absent when it is not installed. */
export class Tools {
  readonly list: readonly Tool[];
  private readonly commands = new Map<ToolName, string[]>();

  /** @param hidden taken for not installed; for tests */
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
        use: 'load in a closed loop',
        without:
          'wrk is not installed (Debian: apt-get install wrk): autocannon makes the load, which needs more of its core.',
      },
      {
        name: 'autocannon',
        version: hidden.includes('autocannon') ? null : this.findAutocannon(),
        use: 'load in a closed loop where wrk is missing',
        without: 'autocannon is not installed; it is needed only where wrk is missing.',
      },
      {
        name: 'h2load',
        version: installed('h2load', /nghttp2\/(\S+)/, '--version'),
        use: 'latency at a fixed rate',
        without: 'h2load is not installed (Debian: apt-get install nghttp2-client): latency is left out.',
      },
      {
        name: 'strace',
        version: installed('strace', /version (\S+)/, '--version'),
        use: 'system calls',
        without: 'strace is not installed: system calls are left out, but for those that epollet counts itself.',
      },
      {
        name: 'taskset',
        version: installed('taskset', /util-linux (\S+)/, '--version'),
        use: 'a core of its own for the model',
        without: 'taskset is not installed (Debian: util-linux): model and load share the cores.',
      },
    ];
  }

  has(name: ToolName): boolean {
    return this.commands.has(name);
  }

  /** What starts it. */
  command(name: ToolName): string[] {
    const words = this.commands.get(name);
    if (words === undefined) throw new Error(`${name} is not installed`);
    return words;
  }

  /** One sentence for each that is missing and missed. */
  missing(): string[] {
    return this.list
      .filter(({ name, version }) => version === null && !(name === 'autocannon' && this.has('wrk')))
      .map(({ without }) => without);
  }

  /** Its path and not its name: it may lie in a folder of node_modules that no PATH has. */
  private findAutocannon(): string | null {
    try {
      const require = createRequire(import.meta.url);
      const { version } = JSON.parse(readFileSync(require.resolve('autocannon/package.json'), 'utf8')) as {
        version: string;
      };
      this.commands.set('autocannon', [process.execPath, require.resolve('autocannon/autocannon.js')]);
      return version;
    } catch {
      return null;
    }
  }
}

/** wrk has no flag for its version alone: it prints it above its help, and ends with 1. */
function versionOutput(name: string, flag: string): string {
  try {
    return execFileSync(name, [flag], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return `${stdout}${stderr}`;
  }
}
