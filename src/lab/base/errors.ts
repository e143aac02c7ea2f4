/** A model, or a tool, did not do what was asked; the message is a sentence for the report. The others go on. */
export class ExperimentError extends Error {}
