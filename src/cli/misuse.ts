/** What the user asked for cannot be done; the message is one sentence that names the culprit and the remedy. */
export class Misuse extends Error {
  /** @param evidence lines that stand below the sentence: the stack of a program of the user's */
  constructor(
    message: string,
    readonly evidence = '',
  ) {
    super(message);
  }
}
