import { Presets, SingleBar } from 'cli-progress';

/** How far the lab is. */
export interface Progress {
  /** @param total how many steps there will be */
  start(total: number): void;
  /** What is done now. */
  label(label: string): void;
  /** One more step is behind us. */
  step(): void;
  stop(): void;
}

export const NO_PROGRESS: Progress = { start: () => {}, label: () => {}, step: () => {}, stop: () => {} };

/** A bar on standard error, where it is a terminal. */
export function progressOn(stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) return NO_PROGRESS;
  const bar = new SingleBar(
    {
      format: '{bar} {value}/{total}  {label}',
      stream,
      barsize: 24,
      hideCursor: true,
      clearOnComplete: true,
      gracefulExit: false, // the lab itself hears the signals
      linewrap: false,
      fps: 4,
    },
    Presets.shades_classic,
  );
  return {
    start: (total) => bar.start(total, 0, { label: '' }),
    label: (label) => bar.update({ label }),
    step: () => bar.increment(),
    stop: () => bar.stop(),
  };
}
