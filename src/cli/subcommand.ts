import { Command, type Option } from 'commander';

/**
 * A command that finds its options by a map. Commander goes through all options for each that is added, to find flags that
 * are given twice: for a hundred options that is enough work for V8 to compile the loop, which costs time and 4 MiB at every start.
 */
export class Subcommand extends Command {
  private readonly byFlag = new Map<string, Option>();
  private indexed = 0;

  /** Overrides the method of commander (not in its types) that looks for the option of a flag. */
  _findOption(flag: string): Option | undefined {
    for (; this.indexed < this.options.length; this.indexed++) {
      const option = this.options[this.indexed]!;
      for (const name of [option.short, option.long]) if (name) this.byFlag.set(name, option);
    }
    return this.byFlag.get(flag);
  }
}
