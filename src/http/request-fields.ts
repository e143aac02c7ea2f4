import { KNOWN_COUNT, knownField } from './headers.js';
import { latin1 } from './latin1.js';

/**
 * The fields of a head, as positions in the bytes that they came in. Valid until the parser reads again. Strings are
 * made when they are asked for.
 */
export class RequestFields {
  bytes: Uint8Array = new Uint8Array(0);
  fieldCount = 0;
  /** Four positions a field: where its name starts and ends, where its value does. */
  readonly fields: Int32Array;
  /** One bit for each known field that was sent. */
  sent = 0;
  /** Where the last known field of each name stands in `fields`, of those that were sent. */
  readonly known = new Int32Array(KNOWN_COUNT);
  /** One bit for each known field that was sent more than once. */
  protected repeated = 0;

  constructor(maxFields: number) {
    this.fields = new Int32Array(4 * maxFields);
  }

  /** Whether a known field was sent. */
  has(known: number): boolean {
    return ((this.sent >> known) & 1) === 1;
  }

  /** Whether a known field was sent more than once. */
  isRepeated(known: number): boolean {
    return ((this.repeated >> known) & 1) === 1;
  }

  /** The value of a known field, of its last line, as latin1; null when it was not sent. */
  value(known: number): string | null {
    return this.has(known) ? this.valueAt(this.known[known]!) : null;
  }

  /** The values of a known field that is a list, from all its lines, as one list, RFC 9110 section 5.3. */
  list(known: number): string | null {
    if (!this.isRepeated(known)) return this.value(known);
    const values: string[] = [];
    for (let at = 0; at < 4 * this.fieldCount; at += 4) {
      if (knownField(this.bytes, this.fields[at]!, this.fields[at + 1]!) === known) values.push(this.valueAt(at));
    }
    return values.join(', ');
  }

  private valueAt(field: number): string {
    return latin1(this.bytes, this.fields[field + 2]!, this.fields[field + 3]!);
  }
}
