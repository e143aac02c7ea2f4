import type { ErrorCode } from '../../sys/error-code.js';

/** A wrong command line, configuration file or app; the message is one sentence that names the culprit and the remedy. */
export class UsageError extends Error {
  override readonly name = 'UsageError';

  /** @param details lines printed below the sentence, such as the stack of the user's program */
  constructor(
    message: string,
    readonly details = '',
    readonly code: ErrorCode = 'ERR_EPOLLET_USAGE',
  ) {
    super(message);
  }
}

/** By its name: the bundle of `serve`, the modules of the other commands and the workers have a class each. */
export const isUsageError = (error: unknown): error is UsageError =>
  error instanceof Error && (error.name === 'UsageError' || error.name === 'AppError');

/** A message of an option's check as a sentence; a question ends as it is. */
export const sentence = (message: string): string => message.replace(/(?<!\?)$/, '.');

/**
 * Runs a check of options.
 * @param place precedes the option's name in the message
 */
export function checked(place: string, check: () => unknown): void {
  try {
    check();
  } catch (error) {
    throw new UsageError(sentence(`${place}${(error as Error).message}`));
  }
}
