import { createRequire } from 'node:module';
import { resolveOptional } from '../../server/optional-package.js';

export interface Progress {
  /** @param total the number of steps */
  start(total: number): void;
  label(text: string): void;
  step(): void;
  stop(): void;
}

export const NO_PROGRESS: Progress = { start: () => {}, label: () => {}, step: () => {}, stop: () => {} };

/** A bar on a terminal, if cli-progress is installed. */
export function progressOn(stream: NodeJS.WriteStream): Progress {
  const path = stream.isTTY ? resolveOptional('cli-progress') : null;
  if (path === null) return NO_PROGRESS;
  const { Presets, SingleBar } = createRequire(import.meta.url)(path) as typeof import('cli-progress');
  const bar = new SingleBar(
    {
      format: '{bar} {value}/{total}  {label}',
      stream,
      barsize: 24,
      hideCursor: true,
      clearOnComplete: true,
      gracefulExit: false, // the lab handles the signals itself
      linewrap: false,
      fps: 4,
    },
    Presets.shades_classic,
  );
  return {
    start: (total) => bar.start(total, 0, { label: '' }),
    label: (text) => bar.update({ label: text }),
    step: () => bar.increment(),
    stop: () => bar.stop(),
  };
}
