const errors = new WeakSet<object>();

/** Marks an error as caused by what a client sent, or did not send: it must not end the process. Returns the error. */
export function markAsClients<T>(error: T): T {
  if (typeof error === 'object' && error !== null) errors.add(error);
  return error;
}

/** Whether a client caused this error, and not the program. */
export const isClients = (error: unknown): boolean => typeof error === 'object' && error !== null && errors.has(error);
