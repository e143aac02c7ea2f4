import { expect } from 'vitest';
import { MODELS, type Model } from '../../src/models/catalogue.js';
import { type Command, command } from '../support/command.js';
import { permits } from '../support/needs.js';

const reasons = await Promise.all(MODELS.map(({ unavailable }) => unavailable?.() ?? null));

/** The models that this machine can run. */
export const AVAILABLE: Model[] = MODELS.filter(({ name }, at) =>
  permits(reasons[at] === null, `the model ${name}`, reasons[at] ?? ''),
);

/** Those that serve a directory over HTTP. */
export const SERVING: Model[] = AVAILABLE.filter(({ name, scheme }) => scheme === undefined && name !== 'fixed-page');

/** A model running in a process of its own. */
export interface ServedModel {
  readonly process: Command;
  readonly port: number;
}

export async function serveModel(name: string, root: string): Promise<ServedModel> {
  const process = command(['model', name, root, '--port', '0']);
  return { process, port: await process.port() };
}

/** Stops it with SIGTERM, and expects a clean exit. */
export async function stopModel({ process, port }: ServedModel): Promise<void> {
  const ended = await process.kill().ended;
  expect(ended).toEqual({ code: 0, signal: null, stdout: `http://127.0.0.1:${port}/\n`, stderr: '' });
}
