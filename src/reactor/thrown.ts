/** Throws what handlers have thrown, and empties the array: an AggregateError if there were several. */
export function rethrow(thrown: unknown[]): never {
  const [first, ...others] = thrown.splice(0);
  throw others.length === 0 ? first : new AggregateError([first, ...others], 'several handlers threw in one turn');
}
