import { Option } from 'commander';
import { expect, test } from 'vitest';
import { Subcommand } from '../../../src/cli/subcommand.js';

/** An option that fails a test in which commander compares it with a flag, by `is`, which is not in its types. */
class IndexedOption extends Option {
  is(flag: string): boolean {
    throw new Error(`${this.flags} was compared with ${flag}`);
  }
}

test('options are found by a map, not by comparing each with the flag', () => {
  const command = new Subcommand('serve')
    .addOption(new IndexedOption('-p, --port <port>'))
    .addOption(new IndexedOption('--host <host>'))
    .addOption(new IndexedOption('--no-list'));
  command.parse(['-p', '80', '--host=::1', '--no-list'], { from: 'user' });
  expect(command.opts()).toEqual({ port: '80', host: '::1', list: false });
});

test('two options of one flag are a mistake of the program', () => {
  const command = new Subcommand('serve').addOption(new Option('--port <port>'));
  expect(() => command.addOption(new Option('--port <number>'))).toThrow(/conflicting flag '--port'/);
});
