import { fieldIdOf } from '../headers.js';
import { latin1 } from '../text.js';
import { FieldSection } from './field-section.js';

/**
 * The fields of a head, in the bytes that they came in. Valid until the parser reads again. Strings are made when they
 * are asked for.
 */
export class RequestFields {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the first field stands. */
  protected fieldsStart = 0;
  protected section: FieldSection;

  constructor(maxFields: number) {
    this.section = new FieldSection(maxFields);
  }

  /** One bit for each known field that was sent. */
  get presentMask(): number {
    return this.section.presentMask;
  }

  get fieldCount(): number {
    return this.section.count;
  }

  /** Whether a known field was sent. */
  has(known: number): boolean {
    return ((this.section.presentMask >> known) & 1) === 1;
  }

  /** Whether a known field was sent more than once. */
  isRepeated(known: number): boolean {
    return ((this.section.repeated >> known) & 1) === 1;
  }

  /** Where the value of a known field that was sent starts, of its last line. */
  valueStart(known: number): number {
    return this.indexOf(this.section.fieldIds[known]! + 2);
  }

  /** Behind the last byte of that value. */
  valueEnd(known: number): number {
    return this.indexOf(this.section.fieldIds[known]! + 3);
  }

  /** The value of a known field, of its last line, as latin1; null when it was not sent. */
  value(known: number): string | null {
    return this.has(known) ? latin1(this.bytes, this.valueStart(known), this.valueEnd(known)) : null;
  }

  /** The values of a known field that is a list, from all its lines, as one list, RFC 9110 section 5.3. */
  list(known: number): string | null {
    if (!this.isRepeated(known)) return this.value(known);
    const values: string[] = [];
    for (let field = 0; field < this.fieldCount; field++) {
      if (fieldIdOf(this.bytes, this.indexOf(4 * field), this.indexOf(4 * field + 1)) === known) {
        values.push(latin1(this.bytes, this.indexOf(4 * field + 2), this.indexOf(4 * field + 3)));
      }
    }
    return values.join(', ');
  }

  /** Where one of the section's places stands in the bytes: of a field four, as `FieldSection` has them. */
  indexOf(at: number): number {
    return this.fieldsStart + this.section.positions[at]!;
  }
}
