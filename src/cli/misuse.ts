/** What the user asked for cannot be done; the message is one sentence that names the culprit and the remedy. */
export class Misuse extends Error {}
