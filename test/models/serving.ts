import { expect } from 'vitest';
import { MODELS, type Model } from '../../src/models/catalogue.js';
import { type Command, command } from '../support/command.js';

/** Those that serve the folder. */
export const SERVING: Model[] = MODELS.filter(({ name, scheme }) => scheme === 'http' && name !== 'fixed-page');

/** A model in a process of its own. */
export interface Served {
  readonly process: Command;
  readonly port: number;
}

export async function serveModel(name: string, root: string): Promise<Served> {
  const process = command(['model', name, root, '--port', '0']);
  return { process, port: await process.port() };
}

/** Ends it as a system does. */
export async function endModel({ process, port }: Served): Promise<void> {
  const ended = await process.kill().ended;
  expect(ended).toEqual({ code: 0, signal: null, stdout: `http://127.0.0.1:${port}/\n`, stderr: '' });
}
