/** The module of an app is wrong; the message is one sentence that names the culprit and the remedy. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code = 'ERR_EPOLLET_APP';

  /** @param details lines printed below the sentence, such as the stack of the user's program */
  constructor(
    message: string,
    readonly details = '',
  ) {
    super(message);
  }
}
